//! Large logs, which are brought to Redis in pieces so that nobody waits long for any of them.

use std::time::Duration;

use fred::types::Value;
use taskcast_actors::ports::NewLog;

use super::RedisStore;
use super::error::Failure;
use super::event_fields;
use super::keys::Place;
use super::scripts::Script;
use super::write::number;

/// Most events, and most bytes, in one script.
const EVENTS: usize = 2000;
const BYTES: usize = 2 << 20;

/// How long the pieces of a log wait for the last one: what an instance that died left behind goes by itself.
const LIFETIME: Duration = Duration::from_secs(600);

/// Whether a log takes more than one script.
pub(super) fn is_large(log: &NewLog) -> bool {
    log.events.len() > EVENTS || log.events.iter().map(|event| event.weight()).sum::<usize>() > BYTES
}

impl RedisStore {
    /// Puts the events of `log` aside, where `create.lua` finds them. Nobody sees them there, so a failure is harmless.
    pub(super) async fn stage(&self, place: &Place, log: &NewLog) -> Result<(), Failure> {
        let stage = format!("{}stage:{}:{}", place.root, log.incarnation, log.head.task.id);
        let (mut from, mut hidden) = (0, &log.hidden[..]);
        while from < log.events.len() {
            let piece = piece(log, from);
            let marks = hidden.len().min(EVENTS);
            let mut args = vec![number(from), number(LIFETIME.as_millis()), number(piece), number(marks)];
            log.events[from..from + piece].iter().for_each(|event| event_fields::push(&mut args, event));
            args.extend(hidden[..marks].iter().map(|index| number(*index)));
            self.send_piece(&stage, args).await?;
            (from, hidden) = (from + piece, &hidden[marks..]);
        }
        Ok(())
    }

    async fn send_piece(&self, stage: &str, args: Vec<Value>) -> Result<(), Failure> {
        let sent = self.link.run(Script::Stage, stage.to_owned(), args).await;
        sent.map(|_| ()).map_err(|failure| Failure { harmless: true, ..failure })
    }
}

/// How many of the events from `from` on go into one script: at least one.
fn piece(log: &NewLog, from: usize) -> usize {
    let mut bytes = 0;
    let fits = log.events[from..].iter().take(EVENTS).take_while(|event| {
        let room = bytes == 0 || bytes + event.weight() <= BYTES;
        bytes += event.weight();
        room
    });
    fits.count()
}
