//! The objects of the API (PROTOCOL §2), one file for each kind.

mod event;
mod fault;
mod policy;
mod service;
mod socket;
mod task;
mod webhook;
mod worker;

use utoipa::openapi::{ComponentsBuilder, RefOr, Schema};

/// A component with its name.
type Named = (&'static str, RefOr<Schema>);

/// Every component.
pub(super) fn all() -> ComponentsBuilder {
    let groups: [Vec<Named>; 8] = [
        task::all(),
        event::all(),
        webhook::all(),
        policy::all(),
        worker::all(),
        socket::all(),
        service::all(),
        fault::all(),
    ];
    groups
        .into_iter()
        .flatten()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema))
}
