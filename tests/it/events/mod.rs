//! Publishing and reading events (PROTOCOL §8).

mod history;
mod publish;
mod sequence;
