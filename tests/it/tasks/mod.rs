//! The endpoints of a task (PROTOCOL §6, §7, §14, §15).

mod archive;
mod create;
mod ids;
mod list;
mod status;
mod suspended;
