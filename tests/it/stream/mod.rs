//! Event streams (PROTOCOL §9, §10).

mod follow;
mod frames;
mod global;
mod replay;
mod resume;
