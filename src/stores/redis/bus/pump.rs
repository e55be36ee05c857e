//! Handing on what comes in.

use std::sync::Arc;

use bytes::Bytes;
use fred::types::{Message, Value};
use taskcast_actors::ports::{BusEvent, BusSender};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, broadcast};

use super::channels::Channels;

/// Hands messages to `sender` until nobody listens any more. Where one was lost, or had no room, a gap is told of as
/// soon as there is room; what comes in before that is part of the gap.
pub(super) async fn run(
    mut incoming: broadcast::Receiver<Message>,
    channels: Arc<Channels>,
    lost: Arc<Notify>,
    sender: BusSender,
) {
    let mut gap = false;
    loop {
        tokio::select! {
            biased;
            room = sender.reserve(), if gap => match room {
                Ok(room) => {
                    room.send(BusEvent::Gap);
                    gap = false;
                }
                Err(_) => return,
            },
            () = lost.notified() => gap = true,
            message = incoming.recv() => match message {
                Ok(_) if gap => {}
                Ok(message) => match event(&channels, message).map(|event| sender.try_send(event)) {
                    None | Some(Ok(())) => {}
                    Some(Err(TrySendError::Full(_))) => gap = true,
                    Some(Err(TrySendError::Closed(_))) => return,
                },
                Err(RecvError::Lagged(_)) => gap = true,
                Err(RecvError::Closed) => return,
            },
        }
    }
}

fn event(channels: &Channels, message: Message) -> Option<BusEvent> {
    let topic = channels.topic(&message.channel)?;
    let bytes = match message.value {
        Value::Bytes(bytes) => bytes,
        Value::String(text) => text.into_inner(),
        other => Bytes::copy_from_slice(other.as_bytes()?),
    };
    Some(BusEvent::Message(topic, bytes))
}
