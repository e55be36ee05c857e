//! Installed programs as child processes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
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
    frozen: Option<Frozen>,
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
        let mut process = Self { command, end, child: None, frozen: None };
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

    /// Stops the process and what it started in the middle of whatever they do: connections stay, nobody answers.
    pub(super) fn freeze(&mut self) {
        let child = self.child.as_ref().expect("it runs");
        self.frozen = Some(Frozen::new(Pid::from_raw(child.id().cast_signed())));
    }

    /// Lets it go on.
    pub(super) fn thaw(&mut self) {
        self.frozen = None;
    }

    /// Kills the process and what it started.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_raw(child.id().cast_signed());
            let _ = kill(pid, self.end);
            // What is stopped takes no other signal.
            self.thaw();
            child.wait().expect("a killed child ends");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process and its children, stopped until this is dropped. A shell waits for that and lets them go on, so that they
/// do also when the tests are killed.
struct Frozen {
    waiting: Child,
    /// Its end is what the shell waits for.
    held: Option<ChildStdin>,
}

impl Frozen {
    fn new(parent: Pid) -> Self {
        // A child may end by itself before its turn.
        let stop = |pid| kill(pid, Signal::SIGSTOP).unwrap_or_default();
        stop(parent);
        // Once it has stopped it starts no more children.
        while Stat::of(parent).expect("it runs").state != 'T' {
            std::thread::yield_now();
        }
        let family: Vec<Pid> = std::iter::once(parent).chain(children(parent)).collect();
        family.iter().copied().for_each(stop);
        let mut waiting = Command::new("sh")
            .args(["-c", "trap '' INT TERM HUP; read -r _; kill -CONT \"$@\"", "sh"])
            .args(family.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let held = waiting.stdin.take();
        Self { waiting, held }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.held = None;
        let _ = self.waiting.wait();
    }
}

/// What `proc_pid_stat(5)` says of a process.
struct Stat {
    state: char,
    parent: Pid,
}

impl Stat {
    fn of(pid: Pid) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name of the program comes first and may contain anything.
        let mut fields = text.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        Some(Self { state, parent: Pid::from_raw(fields.next()?.parse().ok()?) })
    }
}

fn children(parent: Pid) -> impl Iterator<Item = Pid> {
    let all = std::fs::read_dir("/proc").expect("Linux has it").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw));
    pids.filter(move |pid| Stat::of(*pid).is_some_and(|stat| stat.parent == parent))
}

/// Where the program `name` is: in the search path or one of the folders that `beside` lists.
pub(super) fn find(name: &str, beside: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.into_iter().chain(beside).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
