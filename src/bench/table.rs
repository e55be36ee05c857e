//! The table of results.

use std::fmt::Write;

/// One line of the table.
pub struct Row {
    /// What was measured.
    pub scenario: String,
    /// The figure of the baseline, if there is one.
    pub baseline: Option<Figure>,
    /// The figure of the server.
    pub server: Figure,
    /// What the server's figure should be.
    pub goal: Goal,
}

/// A number and how to show it.
pub struct Figure {
    /// For ratios and goals.
    pub value: f64,
    /// What it counts; empty for a plain number.
    pub unit: &'static str,
    /// For people.
    pub text: String,
}

impl Figure {
    /// A number with a unit.
    pub fn new(value: f64, unit: &'static str) -> Self {
        Self::worded(value, unit, format!("{} {unit}", digits(value)))
    }

    /// A number that is shown in words of its own.
    pub fn worded(value: f64, unit: &'static str, text: String) -> Self {
        Self { value, unit, text }
    }
}

/// What a figure should be.
#[derive(Clone, Debug)]
pub enum Goal {
    /// At most this multiple of the baseline.
    RatioAtMost(f64),
    /// At least this multiple of the baseline.
    RatioAtLeast(f64),
    /// At most this value; the text says it.
    AtMost(f64, String),
    /// Only shown.
    Open,
}

/// The rows and the heading of their baseline.
pub struct Table {
    baseline: &'static str,
    rows: Vec<[String; 6]>,
}

impl Table {
    /// An empty table.
    pub fn new(baseline: &'static str) -> Self {
        Self { baseline, rows: Vec::new() }
    }

    /// Adds the rows of a scenario.
    pub fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows.iter().map(|row| cells(row, self.baseline)));
    }

    /// The table as text, aligned, in Markdown if asked for.
    pub fn render(&self, markdown: bool) -> String {
        let heading = ["scenario", self.baseline, "server", "ratio", "target", "met"];
        let mut lines = vec![heading.map(str::to_owned)];
        lines.extend(self.rows.iter().cloned());
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..6).filter_map(width).collect();
        if markdown {
            lines.insert(1, std::array::from_fn(|column| "-".repeat(widths[column])));
        }
        let (left, between, right) = if markdown { ("| ", " | ", " |") } else { ("", "  ", "") };
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&widths);
            let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            let line = format!("{left}{}{right}", cells.join(between));
            writeln!(text, "{}", line.trim_end()).expect("writing to a string does not fail");
        }
        text
    }
}

/// The cells of a row.
fn cells(row: &Row, baseline: &str) -> [String; 6] {
    let none = || "–".to_owned();
    let ratio = row.baseline.as_ref().map(|figure| row.server.value / figure.value);
    let (target, met) = match &row.goal {
        Goal::RatioAtMost(most) => (format!("≤ {most} × {baseline}"), ratio.map(|ratio| ratio <= *most)),
        Goal::RatioAtLeast(least) => (format!("≥ {least} × {baseline}"), ratio.map(|ratio| ratio >= *least)),
        Goal::AtMost(most, text) => (text.clone(), Some(row.server.value <= *most)),
        Goal::Open => (none(), None),
    };
    let met = met.map(|met| if met { "yes" } else { "no" }.to_owned());
    [
        row.scenario.clone(),
        row.baseline.as_ref().map_or_else(none, |figure| figure.text.clone()),
        row.server.text.clone(),
        ratio.map_or_else(none, |ratio| format!("{ratio:.2}")),
        target,
        met.unwrap_or_else(none),
    ]
}

/// A number with about three digits.
pub fn digits(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
