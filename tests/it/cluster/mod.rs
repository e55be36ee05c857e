//! Several instances on one Redis and one Postgres: everything that holds for one instance holds for all of them.

mod archive;
mod choice;
mod counts;
mod encrypted;
mod failures;
mod full_stack;
mod harness;
mod health;
mod load;
mod races;
mod release;
mod sentinel;
mod timers;
