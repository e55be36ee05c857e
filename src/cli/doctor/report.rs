//! What was found, a line each.

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::super::exit::Exit;
use super::super::output::{self, Format};
use crate::client::ClientError;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    /// To be known, no fault.
    Note,
    Ill,
}

/// What was found about one thing.
#[derive(Debug)]
#[must_use]
pub(super) struct Finding {
    name: &'static str,
    verdict: Verdict,
    text: String,
    advice: Option<String>,
}

impl Finding {
    /// All is well with it.
    pub(super) fn well(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Well, text: text.into(), advice: None }
    }

    /// Something to know.
    pub(super) fn note(name: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, ..Self::well(name, text) }
    }

    /// Something is wrong with it.
    pub(super) fn ill(name: &'static str, text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ill, ..Self::well(name, text) }
    }

    /// A request failed.
    pub(super) fn failed(name: &'static str, error: &ClientError) -> Self {
        let finding = Self::ill(name, error.to_string());
        match error.code() {
            "connection_failed" => finding.advice(
                "is it running there, and does nothing in between refuse connections? start it with `taskcast \
                 start`, or name another address",
            ),
            "timeout" => finding.advice("it takes connections but does not answer: look at its logs and its load"),
            "invalid_answer" | "http_404" => {
                finding.advice("something else than taskcast answers there: correct the address, path included")
            }
            _ => finding,
        }
    }

    /// Says where.
    pub(super) fn at(self, place: &str) -> Self {
        Self { text: format!("{place}: {}", self.text), ..self }
    }

    /// What to do about it.
    pub(super) fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// All that was found.
#[derive(Debug)]
pub(super) struct Report {
    format: Format,
    ill: bool,
}

impl Report {
    /// An empty one.
    pub(super) fn new(format: Format) -> Self {
        Self { format, ill: false }
    }

    /// Shows a finding.
    pub(super) fn add(&mut self, finding: Finding) -> anyhow::Result<()> {
        self.ill |= finding.verdict == Verdict::Ill;
        if self.format.json {
            return output::json(&as_json(&finding));
        }
        let (mark, colour) = match finding.verdict {
            Verdict::Well => ("✓", AnsiColor::Green),
            Verdict::Note => ("•", AnsiColor::Yellow),
            Verdict::Ill => ("✗", AnsiColor::Red),
        };
        let mark = output::painted(mark, Style::new().bold().fg_color(Some(colour.into())));
        output::line(&format!("{mark} {:<11} {}", finding.name, output::tame(&finding.text)))?;
        finding.advice.map_or(Ok(()), |advice| output::line(&format!("  {:<11} → {advice}", "")))
    }

    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        if self.ill { Exit::NOT_WELL } else { Exit::DONE }
    }
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let verdict = match finding.verdict {
        Verdict::Well => "well",
        Verdict::Note => "note",
        Verdict::Ill => "ill",
    };
    let mut json = json!({"check": finding.name, "verdict": verdict, "text": finding.text});
    if let Some(advice) = &finding.advice {
        json["advice"] = advice.as_str().into();
    }
    json
}

#[cfg(test)]
impl Finding {
    /// Whether it is ill, and everything it says.
    pub(super) fn told(&self) -> (bool, String) {
        let advice = self.advice.as_deref().unwrap_or_default();
        (self.verdict == Verdict::Ill, format!("{} → {advice}", self.text))
    }
}
