//! Events for people. What comes from elsewhere cannot steer the terminal: escape sequences are taken out of text that
//! flows, and shown in everything else.

use std::collections::HashMap;
use std::io::{self, Write as _};

use anstream::adapter::StripStr;

use crate::cli::output::{self, tame};
use crate::cli::show::level;
use crate::client::{Event, TaskStatus};

/// A text series of which something is shown.
#[derive(Default)]
struct Series {
    /// Bytes of it that are shown.
    bytes: usize,
    /// Where an escape sequence may have been cut.
    strip: StripStr,
}

/// What is on the terminal.
#[derive(Default)]
pub(super) struct Shown {
    series: HashMap<String, Series>,
    /// The series whose line is not ended.
    open: Option<String>,
}

impl Shown {
    /// Shows the next event.
    pub(super) fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        if event.accumulates()
            && let (Some(series), Some(text)) = (&event.series_id, event.text())
        {
            return self.text(series, &text, event.series_snapshot);
        }
        self.end_line()?;
        if let Some(line) = status_line(event) {
            // What a task says can be kept in a file; how it fares is for whoever watches.
            output::remark(&line);
            return Ok(());
        }
        if let Some(line) =
            event.data.member("line").and_then(|line| serde_json::from_str::<String>(line).ok())
        {
            return output::line(&level(event.level, &harmless(&mut StripStr::new(), &line)));
        }
        let kind = output::dim(&tame(&event.event_type));
        output::line(&format!("{kind} {}", level(event.level, &tame(event.data.as_str()))))
    }

    /// Ends the line that is being written.
    pub(super) fn end_line(&mut self) -> anyhow::Result<()> {
        if self.open.take().is_some() {
            writeln!(io::stdout())?;
        }
        Ok(())
    }

    /// Writes what is new of a growing text.
    fn text(&mut self, series: &str, text: &str, whole: bool) -> anyhow::Result<()> {
        if self.open.as_ref().is_some_and(|open| open != series) {
            self.end_line()?;
        }
        let state = self.series.entry(series.to_owned()).or_default();
        // Of a text that is told anew after a connection was lost, the beginning is shown already.
        let new = if whole { text.get(state.bytes..).unwrap_or(text) } else { text };
        state.bytes = if whole { text.len() } else { state.bytes + text.len() };
        let mut out = io::stdout().lock();
        write!(out, "{}", harmless(&mut state.strip, new))?;
        out.flush()?;
        if !new.is_empty() {
            self.open = Some(series.to_owned()).filter(|_| !new.ends_with('\n'));
        }
        Ok(())
    }
}

/// `text` without what would steer a terminal: escape sequences, of which `strip` knows the beginning, and control
/// characters that are no white space, some of which are escape sequences to terminals of today.
fn harmless(strip: &mut StripStr, text: &str) -> String {
    let parts = strip.strip_next(text).flat_map(str::chars);
    parts.filter(|character| !character.is_control() || matches!(character, '\n' | '\r' | '\t')).collect()
}

/// A status event in words.
fn status_line(event: &Event) -> Option<String> {
    if event.event_type != "taskcast:status" {
        return None;
    }
    let name: String = serde_json::from_str(event.data.member("status")?).ok()?;
    let status = TaskStatus::parse(&name)?;
    let more = event.data.member("error").or_else(|| event.data.member("result"));
    let more = more.map(|more| format!(" {}", tame(more))).unwrap_or_default();
    Some(format!("{} {}{}", output::dim("—"), output::status(status), output::dim(&more)))
}
