//! Arguments that are one of a few words, or have a form. Pure.

use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::client::{Level, SeriesMode, TaskStatus};

/// A status by its name.
pub(super) fn status() -> impl TypedValueParser<Value = TaskStatus> {
    let names = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str));
    names.map(|name| TaskStatus::parse(&name).expect("only names are let through"))
}

/// A level by its name.
pub(super) fn level() -> impl TypedValueParser<Value = Level> {
    let names = PossibleValuesParser::new(Level::ALL.map(Level::as_str));
    names.map(|name| Level::parse(&name).expect("only names are let through"))
}

/// A series mode by its name.
pub(super) fn series_mode() -> impl TypedValueParser<Value = SeriesMode> {
    let names = PossibleValuesParser::new(SeriesMode::ALL.map(SeriesMode::as_str));
    names.map(|name| SeriesMode::parse(&name).expect("only names are let through"))
}

/// The name of a node.
pub(super) fn node_name(text: &str) -> anyhow::Result<String> {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.chars().all(fits) {
        bail!("a name has up to 64 letters, digits, dots, hyphens and underscores");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nodes_are_plain_words() {
        for name in ["local", "eu-1.example.org", "A_b", "7"] {
            assert!(node_name(name).is_ok_and(|parsed| parsed == name), "{name}");
        }
        for name in ["", "-x", "a b", "a/b", "ü", "a\u{1b}", &"x".repeat(65)] {
            assert!(node_name(name).is_err(), "{name}");
        }
    }
}
