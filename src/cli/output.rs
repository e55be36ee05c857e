//! What commands show: text for people, JSON for machines.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::client::{TaskStatus, Timestamp};

/// For whom a command writes.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Format {
    /// Write JSON, one document a line
    #[arg(long)]
    pub(super) json: bool,
}

/// Writes `value` as a line of JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    raw(&serde_json::to_string(value)?)
}

/// Writes a line that is for machines: as it is, wherever it goes.
pub(super) fn raw(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes a line. Colours in it are left out where nobody would see them.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// A status in its colour.
pub(super) fn status(status: TaskStatus) -> String {
    painted(status.as_str(), status_style(status))
}

/// The colour of a status.
pub(super) fn status_style(status: TaskStatus) -> Style {
    let colour = match status {
        TaskStatus::Completed => AnsiColor::Green,
        TaskStatus::Failed | TaskStatus::Timeout => AnsiColor::Red,
        TaskStatus::Cancelled | TaskStatus::Paused | TaskStatus::Blocked => AnsiColor::Yellow,
        TaskStatus::Running => AnsiColor::Cyan,
        TaskStatus::Pending | TaskStatus::Assigned => AnsiColor::Blue,
    };
    Style::new().fg_color(Some(colour.into()))
}

/// What need not be read.
pub(super) fn dim(text: &str) -> String {
    painted(text, Style::new().dimmed())
}

/// A text in a style.
pub(super) fn painted(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// A moment as people write it, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let since = Duration::from_millis(at.0.unsigned_abs());
    let mut text = String::new();
    // Archives may come from any time, but the calendar ends with the year 9999.
    match write!(text, "{}", humantime::format_rfc3339_seconds(UNIX_EPOCH + since)) {
        Ok(()) if at.0 >= 0 => text,
        _ => format!("{} ms", at.0),
    }
}

/// A text of somebody else on one line. Control characters in it are shown, not obeyed: they could rewrite what the
/// terminal shows.
pub(super) fn tame(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            tame.extend(character.escape_default());
        } else {
            tame.push(character);
        }
    }
    tame
}

/// Says on standard error what is no result, such as that there is none.
pub(super) fn remark(text: &str) {
    anstream::eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_a_text() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (1_764_450_000_123, "2025-11-29T21:00:00Z"),
            (-1, "-1 ms"),
            (i64::MAX, "9223372036854775807 ms"),
        ];
        for (millis, text) in table {
            assert_eq!(moment(Timestamp(millis)), text);
        }
    }

    #[test]
    fn texts_of_others_cannot_move_the_cursor() {
        assert_eq!(tame("a\u{1b}[2J\n\u{9b}K ü"), "a\\u{1b}[2J\\n\\u{9b}K ü");
    }
}
