//! The command line, driven as its users drive it: the program as a process, against a real server.

mod archive;
mod bench;
mod doctor;
mod events;
mod exits;
mod help;
mod logs;
mod look;
mod nodes;
mod pipe;
mod run;
mod tasks;

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::server::profile;
use crate::support::{Client, within};

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_taskcast");

/// Somebody at a command line, with settings of their own.
pub(crate) struct User {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl User {
    /// Somebody who has set nothing.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let settings = folder.path().join("settings").display().to_string();
        Self { folder, variables: vec![("TASKCAST_CONFIG_DIR", settings)] }
    }

    /// Somebody whose commands go to this server.
    pub(crate) fn of(server: &Client) -> Self {
        Self::new().with("TASKCAST_URL", &format!("http://{}", server.address))
    }

    /// With this variable set.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Where the user's files are, and where commands are run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The variables that are set.
    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// The command with these arguments, which are words.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().envs(profile()).envs(self.variables());
        command.current_dir(self.folder()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let ended = within("the command ends", self.command(arguments).output()).await;
        Ran::of(arguments, ended.expect("it can be started"))
    }

    /// Runs the program to its end with this on standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("it can be started");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // A command that does not read all of it is no failure.
        let _written = within("the command reads", stdin.write_all(input.as_bytes())).await;
        drop(stdin);
        let ended = within("the command ends", child.wait_with_output()).await;
        Ran::of(arguments, ended.expect("it can be waited for"))
    }
}

/// How a command ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    arguments: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(arguments: &[&str], ended: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let ran = Self {
            arguments: arguments.join(" "),
            code: ended.status.code(),
            out: text(ended.stdout),
            err: text(ended.stderr),
        };
        assert!(!ran.err.contains("panicked"), "{ran:?}");
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "no colours in a pipe: {ran:?}");
        ran
    }

    /// What a command wrote that did what was asked, and had nothing to remark.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "taskcast {}: {self:?}", self.arguments);
        &self.out
    }

    /// The lines of JSON that it wrote.
    #[track_caller]
    pub(crate) fn jsons(&self) -> Vec<Value> {
        let lines = self.ok().lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one line of JSON that it wrote.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let mut lines = self.jsons();
        assert_eq!(lines.len(), 1, "{self:?}");
        lines.remove(0)
    }

    /// That it ended with this code and wrote nothing but a complaint that contains `part`.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, part: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{self:?}");
        assert!(self.err.contains(part), "{part:?} is not in {self:?}");
    }
}
