//! The engine as its embedders use it: over every kind of store, alone and with others, while everything fails.

mod behind;
mod cluster;
mod faults;
mod firehose;
mod followers;
mod instances;
mod lifecycle;
mod once;
mod outbox;
mod overload;
mod publishing;
mod races;
mod reading;
mod releasing;
mod sequence;
mod simulated;
mod timers;
