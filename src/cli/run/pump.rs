//! From the command to the terminal and to the server.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::watch;

use crate::cli::output::{dim, remark};
use crate::cli::text::{Decoder, Lines};
use crate::client::{ClientError, NewEvent, Publisher};

/// What is read at once, in bytes.
const PIECE: usize = 32 * 1024;
/// A text series is not continued beyond this, in bytes: whoever comes late gets each series in one piece.
const MOST_IN_SERIES: usize = 1024 * 1024;
/// A command may leave others behind who hold its output. Once it has ended, they get this long to write something.
const SILENCE: Duration = Duration::from_secs(2);
/// How many of the last lines a failure tells, and how many bytes of each.
const LAST_LINES: usize = 20;
const MOST_OF_LINE: usize = 500;

/// The last lines of an output.
#[derive(Default)]
struct Last(VecDeque<String>);

impl Last {
    fn add(&mut self, lines: Vec<String>) {
        for mut line in lines {
            line.truncate(line.floor_char_boundary(MOST_OF_LINE));
            self.0.push_back(line);
        }
        self.0.drain(..self.0.len().saturating_sub(LAST_LINES));
    }

    /// Those of standard output and then those of standard error, which go first when there are too many: in which order
    /// a command wrote to the two is not known.
    fn together(mut self, errors: Self) -> Vec<String> {
        let room = LAST_LINES - errors.0.len();
        self.0.drain(..self.0.len().saturating_sub(room));
        self.0.into_iter().chain(errors.0).collect()
    }
}

/// Publishes what a command writes, and shows it.
pub(super) struct Pump {
    publisher: Option<Publisher>,
    /// Becomes true when the command has ended.
    exited: watch::Receiver<bool>,
    /// How much the current series of standard output has, and which of them it is.
    in_series: usize,
    series: usize,
    last: Last,
    last_errors: Last,
}

impl Pump {
    pub(super) fn new(publisher: Publisher, exited: watch::Receiver<bool>) -> Self {
        Self {
            publisher: Some(publisher),
            exited,
            in_series: 0,
            series: 1,
            last: Last::default(),
            last_errors: Last::default(),
        }
    }

    /// Works until there is no more output and all of it is published. Gives the last lines.
    pub(super) async fn run(mut self, (mut out, mut err): (ChildStdout, ChildStderr)) -> Vec<String> {
        let (mut out_text, mut err_text) = (Decoder::default(), Decoder::default());
        let (mut out_lines, mut err_lines) = (Lines::default(), Lines::default());
        let (mut out_open, mut err_open) = (true, true);
        let (mut out_bytes, mut err_bytes) = (vec![0; PIECE], vec![0; PIECE]);
        while out_open || err_open {
            tokio::select! {
                read = out.read(&mut out_bytes), if out_open => {
                    let bytes = &out_bytes[..read.unwrap_or(0)];
                    out_open = !bytes.is_empty();
                    show(bytes, tokio::io::stdout()).await;
                    let text = out_text.push(bytes);
                    self.last.add(out_lines.push(&text));
                    self.text(&text).await;
                }
                read = err.read(&mut err_bytes), if err_open => {
                    let bytes = &err_bytes[..read.unwrap_or(0)];
                    err_open = !bytes.is_empty();
                    show(bytes, tokio::io::stderr()).await;
                    let lines = err_lines.push(&err_text.push(bytes));
                    self.error_lines(&lines).await;
                    self.last_errors.add(lines);
                }
                () = silence(&mut self.exited) => break,
            }
        }
        // Also when somebody else still holds the output: what the command wrote last may have no end.
        let text = out_text.finish();
        self.text(&text).await;
        self.last.add(out_lines.push(&text));
        self.last.add(out_lines.finish().into_iter().collect());
        let mut lines = err_lines.push(&err_text.finish());
        lines.extend(err_lines.finish());
        self.error_lines(&lines).await;
        self.last_errors.add(lines);
        if let Some(publisher) = self.publisher.take() {
            tell_if_unpublished(publisher.close().await);
        }
        self.last.together(self.last_errors)
    }

    async fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.in_series + text.len() > MOST_IN_SERIES {
            (self.in_series, self.series) = (0, self.series + 1);
        }
        self.in_series += text.len();
        let name = match self.series {
            1 => "stdout".to_owned(),
            number => format!("stdout.{number}"),
        };
        if let Some(publisher) = &self.publisher {
            let published = publisher.append("run.stdout", &name, text).await;
            self.go_on_if(published);
        }
    }

    async fn error_lines(&mut self, lines: &[String]) {
        for line in lines {
            let Some(publisher) = &self.publisher else { return };
            let event = NewEvent::new("run.stderr", json!({"line": line}));
            let published = publisher.publish(event).await;
            self.go_on_if(published);
        }
    }

    /// Stops publishing, but not showing, once that does not work.
    fn go_on_if(&mut self, published: Result<(), ClientError>) {
        if published.is_err() {
            self.publisher = None;
            tell_if_unpublished(published);
        }
    }
}

/// Shows `bytes` here. Whoever does not want to see them does not keep others from it.
async fn show(bytes: &[u8], mut to: impl AsyncWrite + Unpin) {
    if to.write_all(bytes).await.is_ok() {
        let _closed = to.flush().await;
    }
}

/// Waits until the command has ended, and a while longer.
async fn silence(exited: &mut watch::Receiver<bool>) {
    if exited.wait_for(|exited| *exited).await.is_ok() {
        tokio::time::sleep(SILENCE).await;
    }
}

fn tell_if_unpublished(published: Result<(), ClientError>) {
    match published {
        Err(error) if error.code() != "task_terminal" && error.code() != "task_not_found" => {
            let text = format!("taskcast: what the command writes is not published any more: {error}");
            remark(&dim(&text));
        }
        _ => {}
    }
}
