//! A program on a terminal of its own, which it cannot tell from a real one.

use std::process::ExitStatus;

use pty_process::{Command, Pty, Size};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::timeout;

use super::server::profile;
use super::{PATIENCE, within};

/// The key combination that interrupts.
pub(crate) const CONTROL_C: &str = "\u{3}";

/// A program on a terminal. It is killed when this is dropped.
pub(crate) struct Terminal {
    pty: Pty,
    child: Child,
    shown: Vec<u8>,
}

impl Terminal {
    /// Starts `program` with nothing in its environment but `PATH`, `TERM` and these variables.
    pub(crate) fn start(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (pty, pts) = pty_process::open().expect("the system has terminals");
        pty.resize(Size::new(40, 160)).expect("terminals have sizes");
        // Whoever runs tests in the background has interrupts ignored, and so would the program.
        let child = Command::new("env")
            .arg("--default-signal")
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .envs(profile())
            .envs(variables.iter().copied())
            .kill_on_drop(true)
            .spawn(pts)
            .expect("the program can be started");
        Self { pty, child, shown: Vec::new() }
    }

    /// Presses keys.
    pub(crate) async fn send(&mut self, keys: &str) {
        within("the terminal takes keys", self.pty.write_all(keys.as_bytes())).await.expect("it does");
    }

    /// Everything shown so far, once `text` is among it.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let shown = self.text();
            if shown.contains(text) {
                return shown;
            }
            assert!(self.more().await, "the program ended before it showed {text:?}: {shown}");
        }
    }

    /// How the program ended, and everything it showed.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        while self.more().await {}
        let status = within("the program ends", self.child.wait()).await.expect("it can be waited for");
        (status, self.text())
    }

    /// Whether more was shown before the program closed its side, which Linux reports as an error.
    async fn more(&mut self) -> bool {
        let Ok(read) = timeout(PATIENCE, self.pty.read_buf(&mut self.shown)).await else {
            panic!("the program neither ended nor showed more than {:?}", self.text());
        };
        matches!(read, Ok(1..))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
