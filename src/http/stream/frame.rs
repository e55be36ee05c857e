//! Event → bytes, once (PROTOCOL §9.1).

use std::io::Write as _;

use bytes::{BufMut, Bytes, BytesMut};
use taskcast_actors::domain::TaskEvent;
use taskcast_actors::{Ending, LiveBatch, Replayed, SharedEvent};

/// Sent first on every connection and then now and then.
pub const KEEPALIVE: &[u8] = b":keepalive\n\n";

const WRAPPED_OPENING: &[u8] = b"event: taskcast.event\ndata: {\"filteredIndex\":";
const RAW_OPENING: &[u8] = b"event: taskcast.event\ndata: ";

/// The frames of live events, the same bytes for all who stand at the same place.
pub fn live(batch: &LiveBatch, wrapped: bool) -> &Bytes {
    batch.wire(wrapped, |batch| {
        let mut out = BytesMut::with_capacity(batch.len() * 320);
        if wrapped && !batch.is_accumulated() {
            for (rank, event) in batch.shared() {
                write_wrapped(&mut out, rank, event.wire(wrapped_tail));
            }
        } else {
            for (rank, event) in batch.events() {
                write(&mut out, rank, &event, wrapped);
            }
        }
        out.freeze()
    })
}

/// Appends the frames of events read from the store.
pub fn replayed(out: &mut BytesMut, events: &[Replayed], wrapped: bool) {
    for Replayed { rank, event } in events {
        write(out, *rank, event, wrapped);
    }
}

/// Appends the frame of an event of the global stream, whose `filteredIndex` is always 0.
pub fn global(out: &mut BytesMut, event: &SharedEvent) {
    write_wrapped(out, 0, event.wire(wrapped_tail));
}

fn write(out: &mut BytesMut, rank: u64, event: &TaskEvent, wrapped: bool) {
    if wrapped {
        return write_wrapped(out, rank, &wrapped_tail(event));
    }
    let mut frame = Vec::with_capacity(event.data.as_str().len() + 320);
    frame.extend_from_slice(RAW_OPENING);
    event.write_raw(&mut frame);
    write_id(&mut frame, event);
    out.extend_from_slice(&frame);
}

/// Of a wrapped frame only `filteredIndex` differs between readers; it comes first.
fn write_wrapped(out: &mut BytesMut, rank: u64, tail: &[u8]) {
    out.extend_from_slice(WRAPPED_OPENING);
    out.extend_from_slice(itoa::Buffer::new().format(rank).as_bytes());
    out.extend_from_slice(tail);
}

fn wrapped_tail(event: &TaskEvent) -> Bytes {
    let mut tail = Vec::with_capacity(event.data.as_str().len() + 320);
    event.write_envelope_tail(&mut tail);
    write_id(&mut tail, event);
    Bytes::from(tail)
}

fn write_id(frame: &mut Vec<u8>, event: &TaskEvent) {
    write!(frame, "\nid: {}\n\n", event.id).expect("writing to memory does not fail");
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
