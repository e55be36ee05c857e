//! The operations, one file for each group of them (PROTOCOL §5).

mod archive;
mod events;
mod service;
mod streams;
mod tasks;
mod webhook;
mod workers;

use utoipa::openapi::Paths;
use utoipa::openapi::path::PathsBuilder;

pub(super) use webhook::outgoing;

/// Groups of operations. The last one is not declared as a tag of the document, whose tags are fixed.
const TASKS: &str = "Tasks";
const EVENTS: &str = "Events";
const WORKERS: &str = "Workers";
const SERVICE: &str = "Service";

/// Every operation.
pub(super) fn all() -> Paths {
    let groups =
        [tasks::add, archive::add, webhook::add, events::add, streams::add, workers::add, service::add];
    groups.into_iter().fold(PathsBuilder::new(), |paths, add| add(paths)).build()
}
