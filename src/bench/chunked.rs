//! The chunked transfer coding, decoded piece by piece without copying.

use anyhow::bail;

/// A decoder that keeps its place between reads.
#[derive(Debug, Default)]
pub struct Chunked {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Inside the size line, with the value so far.
    Size(usize),
    /// After the digits of a size line, before its end.
    SizeEnd(usize),
    /// Inside a chunk, with the bytes still to come.
    Data(usize),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// After the last chunk, before the closing line end.
    Last,
    /// After the whole body.
    Done,
}

impl Default for State {
    fn default() -> Self {
        State::Size(0)
    }
}

impl Chunked {
    /// True after the last chunk.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Decodes `input` and hands the payload to `sink` in slices.
    pub fn decode(
        &mut self,
        mut input: &[u8],
        mut sink: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some((&byte, rest)) = input.split_first() {
            self.state = match self.state {
                State::Data(left) => {
                    let (payload, rest) = input.split_at(left.min(input.len()));
                    sink(payload)?;
                    input = rest;
                    match left - payload.len() {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    }
                }
                _ => {
                    input = rest;
                    self.next(byte)?
                }
            };
        }
        Ok(())
    }

    /// The state after a byte outside of a chunk's data.
    fn next(&self, byte: u8) -> anyhow::Result<State> {
        Ok(match (&self.state, byte) {
            (State::Size(size) | State::SizeEnd(size), b'\n') => match size {
                0 => State::Last,
                &size => State::Data(size),
            },
            (State::Size(size), b'\r' | b';') => State::SizeEnd(*size),
            (State::Size(size), _) => match (byte as char).to_digit(16) {
                Some(digit) => State::Size(size * 16 + digit as usize),
                None => bail!("broken chunk size"),
            },
            (State::SizeEnd(size), _) => State::SizeEnd(*size),
            (State::DataEnd, b'\n') => State::Size(0),
            (State::DataEnd, b'\r') => State::DataEnd,
            (State::Last, b'\n') => State::Done,
            (State::Last, b'\r') => State::Last,
            (state, _) => bail!("unexpected byte {byte:#04x} in state {state:?} of a chunked body"),
        })
    }
}
