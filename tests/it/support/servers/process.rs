//! Installed programs as child processes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, mpsc};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What the kernel kills with the thread that started it, so it has to be a thread that lives as long as the tests.
static KEEPER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (orders, taken) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in taken {
            let _ = reply.send(command.spawn());
        }
    });
    orders
});

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// A program, its arguments, and the process while it runs.
pub(super) struct Process {
    command: Vec<OsString>,
    /// What ends it at once.
    end: Signal,
    child: Option<Child>,
}

impl Process {
    /// Starts `command` as whoever runs the tests. It dies by SIGKILL.
    pub(super) fn start_new(command: Vec<OsString>) -> Self {
        Self::start_guarded(&[], command, Signal::SIGKILL)
    }

    /// Starts `command` as `user`, unless the tests run as an ordinary user. It dies by SIGQUIT, which has it take its
    /// own children along.
    pub(super) fn start_family(command: Vec<OsString>, user: &str) -> Self {
        let mut options = Vec::new();
        if nix::unistd::Uid::effective().is_root() {
            options.extend(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        Self::start_guarded(&options, command, Signal::SIGQUIT)
    }

    fn start_guarded(options: &[&str], command: Vec<OsString>, end: Signal) -> Self {
        let signal = end.as_str().trim_start_matches("SIG");
        let guard = [&["setpriv", "--pdeathsig", signal], options].concat();
        let command = guard.into_iter().map(OsString::from).chain(command).collect();
        let mut process = Self { command, end, child: None };
        process.start();
        process
    }

    pub(super) fn start(&mut self) {
        assert!(self.child.is_none(), "it was killed before it is started again");
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (reply, spawned) = channel();
        KEEPER.send((command, reply)).expect("the keeper lives");
        let child = spawned.recv().expect("the keeper answers");
        self.child = Some(child.unwrap_or_else(|error| panic!("{:?}: {error}", self.command)));
    }

    /// Kills the process and what it started.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(child.id().cast_signed());
            let _ = kill(pid, self.end);
            child.wait().expect("a killed child ends");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the program `name` is: in the search path or one of the folders that `beside` lists.
pub(super) fn find(name: &str, beside: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.into_iter().chain(beside).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
