//! Laws that hold for every sequence of commands, checked on random ones against [`crate::testing::model`], which
//! reads the protocol word by word and shares no rule with this layer.

mod archive;
mod generate;
mod ledger;
mod moves;
mod outbox;
mod reading;
mod replaying;
mod rules;
