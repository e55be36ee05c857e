//! The servers behind two instances: a Redis and a Postgres of the driver's own, as installed on this machine.
//!
//! Both are child processes that end with the driver, however that ends.

mod postgres;
mod redis;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};

use crate::process::pid_of;

pub use postgres::Postgres;
pub use redis::{Calls, Redis};

/// An installed program as a child process; dropping it ends it.
struct Daemon {
    child: Child,
    /// What ends it and what it started.
    end: Signal,
}

impl Daemon {
    /// Starts `command` under `guard`, more options of `setpriv`.
    fn start(guard: &[&str], command: Vec<OsString>, end: Signal) -> anyhow::Result<Self> {
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", end.as_str().trim_start_matches("SIG")]).args(guard).args(&command);
        guarded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = guarded.spawn().with_context(|| format!("starting {command:?}"))?;
        Ok(Self { child, end })
    }

    /// Its process id.
    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when the program has ended and was waited for.
        let _ = kill(pid_of(&self.child), self.end);
        let _ = self.child.wait();
    }
}

/// Where the program `name` is: in the search path or in one of the folders `beside`.
fn find(name: &str, beside: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.into_iter().chain(beside).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
