//! `${VAR}` in the text of a file.

/// A text with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// The text.
    pub(super) text: String,
    /// Whether the text was one variable and nothing else, so that it may stand for a number or a boolean.
    pub(super) alone: bool,
}

/// Why a text could not be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// The variable with this name is not set.
    Unset(String),
    /// A `${` is not followed by a name and `}`.
    Malformed,
}

/// Replaces each `${VAR}` by the variable's value, once; `$${` stands for a literal `${`.
pub(super) fn fill(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Filled, Unfilled> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    let mut alone = false;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            filled.push_str(&rest[..at - 1]);
            filled.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        let (name, after) = rest[at + 2..].split_once('}').ok_or(Unfilled::Malformed)?;
        let value = look_up(name, env)?;
        alone = at == 0 && after.is_empty() && rest.len() == text.len();
        filled.push_str(&rest[..at]);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Filled { text: filled, alone })
}

fn look_up(name: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Unfilled> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let digit_first = name.starts_with(|first: char| first.is_ascii_digit());
    if name.is_empty() || digit_first || !name.bytes().all(letters) {
        return Err(Unfilled::Malformed);
    }
    env(name).ok_or_else(|| Unfilled::Unset(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        let known = [("A", "one"), ("_B2", "${A}"), ("N", "5")];
        known.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn variables_are_filled_in_once_and_escapes_are_kept() {
        let table = [
            ("plain", "plain", false),
            ("${A}", "one", true),
            ("${A}${A}", "oneone", false),
            ("x-${A}-${N}!", "x-one-5!", false),
            ("${_B2}", "${A}", true),
            ("$${A}", "${A}", false),
            ("$${A} ${A}", "${A} one", false),
            ("$$${A}", "$${A}", false),
            ("cost: $5 $", "cost: $5 $", false),
            ("é${A}é", "éoneé", false),
            ("", "", false),
        ];
        for (text, filled, alone) in table {
            let expected = Filled { text: filled.to_owned(), alone };
            assert_eq!(fill(text, &env), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_unset_variable_is_named() {
        let unset = Err(Unfilled::Unset("MISSING".to_owned()));
        assert_eq!(fill("a ${MISSING} b", &env), unset);
    }

    #[test]
    fn a_broken_placeholder_is_refused() {
        for text in ["${", "${}", "${A", "a ${A-B}", "${1A}", "${A:-x}", "${ A }"] {
            assert_eq!(fill(text, &env), Err(Unfilled::Malformed), "{text}");
        }
    }
}
