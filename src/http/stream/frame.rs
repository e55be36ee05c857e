//! Event → bytes, once (PROTOCOL §9.1).

use std::io::Write as _;

use bytes::{BufMut, Bytes, BytesMut};
use taskcast_actors::domain::TaskEvent;
use taskcast_actors::{Delivered, Ending, WireForm};

/// Sent first on every connection and then now and then.
pub const KEEPALIVE: &[u8] = b":keepalive\n\n";

const WRAPPED_OPENING: &[u8] = b"event: taskcast.event\ndata: {\"filteredIndex\":";
const RAW_OPENING: &[u8] = b"event: taskcast.event\ndata: ";

/// Appends the frame of `delivered` in the given form.
pub fn write(out: &mut BytesMut, delivered: &Delivered, form: WireForm) {
    let (rank, shared) = match delivered {
        Delivered::Live { rank, event } => (*rank, event.wire(form, |event| encode(event, form.wrapped))),
        Delivered::Replayed { rank, event } => {
            let frame = encode(event, form.wrapped);
            write_parts(out, *rank, &frame, form.wrapped);
            return;
        }
    };
    write_parts(out, rank, shared, form.wrapped);
}

/// Appends the wrapped frame of an event of the global stream, whose `filteredIndex` is always 0.
pub fn write_global(out: &mut BytesMut, event: &taskcast_actors::SharedEvent) {
    let form = WireForm { wrapped: true, accumulated: false };
    let tail = event.wire(form, |event| encode(event, true));
    write_parts(out, 0, tail, true);
}

fn write_parts(out: &mut BytesMut, rank: u64, shared: &Bytes, wrapped: bool) {
    if wrapped {
        out.extend_from_slice(WRAPPED_OPENING);
        write!(out.writer(), "{rank}").expect("writing to memory does not fail");
    }
    out.extend_from_slice(shared);
}

/// The part of a frame that is the same for all readers: all of it, or all behind `filteredIndex`.
fn encode(event: &TaskEvent, wrapped: bool) -> Bytes {
    let mut frame = Vec::with_capacity(event.data.as_str().len() + 320);
    if wrapped {
        event.write_envelope_tail(&mut frame);
    } else {
        frame.extend_from_slice(RAW_OPENING);
        event.write_raw(&mut frame);
    }
    write!(frame, "\nid: {}\n\n", event.id).expect("writing to memory does not fail");
    Bytes::from(frame)
}

/// Appends the frame that says how the task ended; nothing when the stream merely breaks off.
pub fn write_done(out: &mut BytesMut, ending: Ending) {
    let reason = match ending {
        Ending::Finished(status) => status.as_str(),
        Ending::Deleted => "deleted",
        Ending::Interrupted => return,
    };
    write!(out.writer(), "event: taskcast.done\ndata: {{\"reason\":\"{reason}\"}}\n\n")
        .expect("writing to memory does not fail");
}

/// Appends the advice when to come back that precedes the end of a stream at shutdown.
pub fn write_retry(out: &mut BytesMut) {
    let millis = fastrand::u32(1000..=5000);
    write!(out.writer(), "retry: {millis}\n\n").expect("writing to memory does not fail");
}
