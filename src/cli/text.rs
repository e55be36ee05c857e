//! Bytes of programs as text that can be published: UTF-8 whatever they are, in whole characters, and in lines.

use std::borrow::Cow;

/// Longest line that is published as one; what is longer is cut. In bytes.
const MOST_LINE: usize = 64 * 1024;

/// Makes text of bytes that come in pieces. What is no UTF-8 becomes U+FFFD, and so does NUL, which no event may hold
/// (PROTOCOL §1). A character that is cut waits for its rest.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl Decoder {
    /// The text that `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let cut = self.rest.len() - unfinished(&self.rest);
        let rest = self.rest.split_off(cut);
        let whole = std::mem::replace(&mut self.rest, rest);
        publishable(&whole)
    }

    /// What is left once there are no more bytes.
    pub(super) fn finish(&mut self) -> String {
        publishable(&std::mem::take(&mut self.rest))
    }
}

fn publishable(bytes: &[u8]) -> String {
    match String::from_utf8_lossy(bytes) {
        text if text.contains('\0') => text.replace('\0', "\u{fffd}"),
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

/// How many bytes at the end may be the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[last_start(bytes)..]) {
        Err(error) if error.error_len().is_none() => bytes.len() - last_start(bytes) - error.valid_up_to(),
        _ => 0,
    }
}

/// Where the last character begins, if it is one.
fn last_start(bytes: &[u8]) -> usize {
    let near = bytes.len().saturating_sub(4);
    let starts = (near..bytes.len()).rev().find(|at| bytes[*at] & 0b1100_0000 != 0b1000_0000);
    starts.unwrap_or(bytes.len())
}

/// Makes lines of text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line.
    rest: String,
}

impl Lines {
    /// The lines that `text` completes, without their ends.
    pub(super) fn push(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for part in text.split_inclusive('\n') {
            self.rest.push_str(part);
            if part.ends_with('\n') {
                let line = std::mem::take(&mut self.rest);
                let line = line.trim_end_matches('\n');
                lines.push(line.strip_suffix('\r').unwrap_or(line).to_owned());
            }
            while self.rest.len() > MOST_LINE {
                let cut = self.rest.floor_char_boundary(MOST_LINE);
                let rest = self.rest.split_off(cut);
                lines.push(std::mem::replace(&mut self.rest, rest));
            }
        }
        lines
    }

    /// The last line, if it has no end.
    pub(super) fn finish(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.rest)).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_the_same_however_its_bytes_are_cut(text in "[a-zž🦀\n]{0,40}", size in 1..5_usize) {
            let mut decoder = Decoder::default();
            let mut found: String = text.as_bytes().chunks(size).map(|piece| decoder.push(piece)).collect();
            found.push_str(&decoder.finish());
            prop_assert_eq!(found, text);
        }

        #[test]
        fn bytes_of_any_kind_become_text_and_none_waits_for_long(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut decoder = Decoder::default();
            let mut found = String::new();
            for byte in &bytes {
                found.push_str(&decoder.push(&[*byte]));
                prop_assert!(decoder.rest.len() < 4);
            }
            found.push_str(&decoder.finish());
            prop_assert!(!found.contains('\0'));
            prop_assert_eq!(found.is_empty(), bytes.is_empty());
        }

        #[test]
        fn lines_put_together_are_the_text(parts in prop::collection::vec("[ab\n]{0,6}", 0..8)) {
            let mut lines = Lines::default();
            let mut found: Vec<_> = parts.iter().flat_map(|part| lines.push(part)).collect();
            found.extend(lines.finish());
            let text = parts.concat();
            prop_assert_eq!(found, text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut lines = Lines::default();
        let found = lines.push(&"ž".repeat(MOST_LINE));
        assert_eq!((found.len(), found[0].len()), (1, MOST_LINE));
        assert_eq!(lines.finish().map(|rest| rest.len()), Some(MOST_LINE));
    }
}
