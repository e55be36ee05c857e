//! Endpoints of a task's events: one file each. Shared here: how events are answered.

pub mod history;
pub mod publish;
pub mod seq;

use std::sync::Arc;

use taskcast_actors::domain::TaskEvent;

/// Appends the raw forms of `events`, separated by commas; `first` says whether nothing stands before them.
fn write_events(events: &[Arc<TaskEvent>], mut first: bool, out: &mut Vec<u8>) {
    for event in events {
        if !first {
            out.push(b',');
        }
        first = false;
        event.write_raw(out);
    }
}
