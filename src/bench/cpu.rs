//! The CPU time of processes on this machine.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// User and system CPU time that a process has used.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    ticks(pid, 2)
}

/// The same with that of its children which have ended.
pub fn cpu_time_with_ended(pid: u32) -> anyhow::Result<Duration> {
    ticks(pid, 4)
}

/// The sum of the first so many times in what the kernel says of a process: its own, user and system, then those of
/// its ended children.
fn ticks(pid: u32, times: usize) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("reading CPU time")?;
    let (_, after_name) = stat.rsplit_once(')').context("parsing CPU time")?;
    let ticks = after_name.split_whitespace().skip(11).take(times).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>().context("parsing CPU time")?;
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second()))
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64)
}
