//! Rows in columns, for people.

use anstyle::Style;

use super::output;

/// A cell: its text, and how it looks.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A text that is coloured.
    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self { text: output::tame(text), style }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padded(&self, width: usize) -> String {
        let missing = width.saturating_sub(self.width());
        format!("{}{:missing$}", output::painted(&self.text, self.style), "")
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::styled(text, Style::new())
    }
}

/// A table that may be written in parts: its columns only ever get wider.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[Cell; COLUMNS]>,
    widths: [usize; COLUMNS],
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with these headings.
    pub(super) fn new(headings: [&str; COLUMNS]) -> Self {
        let heading = headings.map(|heading| Cell::styled(heading, Style::new().bold()));
        let mut table = Self { rows: Vec::new(), widths: [0; COLUMNS] };
        table.add(heading);
        table
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: [Cell; COLUMNS]) {
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = cell.width().max(*width);
        }
        self.rows.push(row);
    }

    /// How many rows have not been written yet, the heading among them.
    pub(super) fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Writes the rows that have not been written yet.
    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        let mut text = String::new();
        for row in self.rows.drain(..) {
            let (last, before) = row.split_last().expect("a table has columns");
            let cells = before.iter().zip(self.widths).map(|(cell, width)| cell.padded(width) + "  ");
            text.extend(cells);
            text += &last.padded(0);
            text.push('\n');
        }
        output::line(text.trim_end_matches('\n'))
    }
}
