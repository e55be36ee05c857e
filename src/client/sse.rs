//! Reads the frames of a `text/event-stream` out of bytes that come in pieces of any size. Pure.
//!
//! The format is that of <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>, of
//! which the server uses the part in PROTOCOL §9.1. Nothing existing fits: readers need `retry:` also without data, and
//! a bound for what they hold.

use std::collections::VecDeque;

/// What comes between two blank lines, unless that is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The field `event`.
    pub(super) event: String,
    /// The fields `data`, joined by line feeds.
    pub(super) data: Option<String>,
    /// The field `retry`, in milliseconds.
    pub(super) retry: Option<u64>,
}

/// What of a stream has been read.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The beginning of a line whose end is not here yet.
    line: Vec<u8>,
    frame: Frame,
}

/// A frame is larger than anybody should hold, or is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The most bytes of a frame: the running value of a text has no limit of its own.
pub(super) const MOST_BYTES: usize = 256 * 1024 * 1024;

impl Parser {
    /// Takes the next piece, and adds the frames that it completes to `frames`.
    pub(super) fn push(&mut self, mut piece: &[u8], frames: &mut VecDeque<Frame>) -> Result<(), Unreadable> {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = piece.split_at(end);
            if self.line.is_empty() {
                self.take_line(head, frames)?;
            } else {
                self.line.extend_from_slice(head);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, frames)?;
            }
            piece = &rest[1..];
        }
        self.line.extend_from_slice(piece);
        if self.line.len() > MOST_BYTES { Err(Unreadable) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], frames: &mut VecDeque<Frame>) -> Result<(), Unreadable> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            if frame != Frame::default() {
                frames.push_back(frame);
            }
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| Unreadable)?;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "data" => self.add_data(value)?,
            "retry" => self.frame.retry = value.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &str) -> Result<(), Unreadable> {
        match &mut self.frame.data {
            None => self.frame.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
                if data.len() > MOST_BYTES {
                    return Err(Unreadable);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ":keepalive\n\nevent: taskcast.event\ndata: {\"a\":\"žluť 🦀\"}\nid: 1\n\n\
        retry: 2500\n\nevent: x\r\ndata:one\ndata: two\nunknown\nretry: soon\n\nevent: cut\ndata: off\n";

    fn frames() -> Vec<Frame> {
        let frame =
            |event: &str, data: &str| Frame { event: event.into(), data: Some(data.into()), retry: None };
        vec![
            frame("taskcast.event", "{\"a\":\"žluť 🦀\"}"),
            Frame { retry: Some(2500), ..Frame::default() },
            frame("x", "one\ntwo"),
        ]
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_the_bytes_are_cut(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let (mut parser, mut found) = (Parser::default(), VecDeque::new());
            for pair in cuts.windows(2) {
                parser.push(&STREAM.as_bytes()[pair[0]..pair[1]], &mut found).unwrap();
            }
            prop_assert_eq!(Vec::from(found), frames());
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let refused = Parser::default().push(b"data: \xff\n", &mut VecDeque::new());
        assert_eq!(refused, Err(Unreadable));
    }
}
