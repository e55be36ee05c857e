//! The command, with everything it starts.

use std::io::{self, IsTerminal as _};
use std::process::{ExitStatus, Stdio};

use anyhow::Context as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::signal::unix::{self, SignalKind};

/// A command in a process group of its own.
pub(super) struct Child {
    process: tokio::process::Child,
    group: Pid,
}

impl Child {
    /// Starts `command`, which finds the id of its task in `TASKCAST_TASK_ID`.
    pub(super) fn start(command: &[String], task: &str) -> io::Result<Self> {
        // In a group of its own it would be stopped as soon as it read from the terminal.
        let stdin = if io::stdin().is_terminal() { Stdio::null() } else { Stdio::inherit() };
        let process = Command::new(&command[0])
            .args(&command[1..])
            .env("TASKCAST_TASK_ID", task)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        let group = id.map(Pid::from_raw).ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(Self { process, group })
    }

    /// What it writes.
    pub(super) fn outputs(&mut self) -> anyhow::Result<(ChildStdout, ChildStderr)> {
        let outputs = self.process.stdout.take().zip(self.process.stderr.take());
        outputs.context("the command has no output")
    }

    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Tells all of the group to end.
    pub(super) fn ask_to_end(&self) {
        self.pass_on(Signal::SIGTERM);
    }

    /// Leaves the group no choice.
    pub(super) fn kill(&self) {
        self.pass_on(Signal::SIGKILL);
    }

    /// Sends a signal to all of the group. There may be nobody left to get it.
    pub(super) fn pass_on(&self, signal: Signal) {
        let _gone = killpg(self.group, signal);
    }
}

/// The signals that somebody who wants the program to end sends.
pub(super) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// From now on these signals do not end the program.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.hangup.recv() => Signal::SIGHUP,
        }
    }
}
