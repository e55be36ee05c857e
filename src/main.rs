//! The `taskcast` program.

fn main() {}
