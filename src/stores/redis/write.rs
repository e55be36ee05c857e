//! What is written: commits, new logs, deletes.
//!
//! Whoever has just written a task can write it again at once, while whoever was overtaken has to read what it missed
//! first, and would be overtaken again and again. So losers say that they wait, and the winner gives way for a moment.

use std::time::Duration;

use fred::types::Value;
use taskcast_actors::domain::{Change, CheckpointChange, Stamp, TaskId};
use taskcast_actors::ports::{CommitError, CreateError, Created, ErrorKind, NewLog};

use super::RedisStore;
use super::error::{COMMANDS, Failure};
use super::keys::Place;
use super::reply::{integer, stamp_text};
use super::scripts::Script;
use super::tier::Departures;
use super::{event_fields, head_fields, stage};

/// How long a winner gives way to who lost once, and how often at most that is doubled: up to a second, for somebody who
/// has little of a processor.
const GIVE_WAY: Duration = Duration::from_millis(4);
const DOUBLED: i64 = 8;

/// The arguments every script about a task begins with.
pub(super) fn begin(place: &Place, id: &TaskId) -> Vec<Value> {
    vec![Value::from(place.root.as_str()), Value::from(id.as_str())]
}

pub(super) fn number(number: impl itoa::Integer) -> Value {
    Value::from(itoa::Buffer::new().format(number))
}

impl RedisStore {
    pub(super) async fn write(&self, change: &Change) -> Result<(), CommitError> {
        let id = &change.task_id;
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(Value::from(stamp_text(change.expected)));
        args.push(Value::from(self.writer.as_str()));
        args.push(Value::from(stamp_text(change.next_stamp())));
        args.push(number(change.expected.version));
        let head = change.head.as_deref();
        args.push(Value::from_static_str(head_fields::life(self.archived(), head)));
        head_fields::push(&mut args, head);
        push_checkpoint(&mut args, &change.checkpoint);
        let lists = [&change.hidden, &change.dropped, &change.erased];
        args.push(number(change.events.len()));
        args.extend(lists.iter().map(|list| number(list.len())));
        change.events.iter().for_each(|event| event_fields::push(&mut args, event));
        args.extend(lists.into_iter().flatten().map(|index| number(*index)));
        match integer(&self.link.run(Script::Commit, place.task, args).await?)? {
            0 => Err(CommitError::Conflict),
            1 => Ok(()),
            more => {
                tokio::time::sleep(way(more - 1)).await;
                Ok(())
            }
        }
    }

    /// `since` is when the archive was found not to have the id; `None` comes back if that may have changed.
    pub(super) async fn write_new(
        &self,
        log: &NewLog,
        since: Option<&Departures>,
    ) -> Result<Option<Created>, CreateError> {
        let id = &log.head.task.id;
        let place = self.keys.place(id);
        let staged = stage::is_large(log);
        if staged {
            self.stage(&place, log).await?;
        }
        let args = create_args((self.archived(), since), &place, log, staged);
        match integer(&self.link.run(Script::Create, place.task, args).await?)? {
            0 => Err(CreateError::Exists),
            1 => Ok(Some(Created { replaced: false })),
            2 => Ok(Some(Created { replaced: true })),
            -2 => Ok(None),
            _ => {
                let detail = "Redis has lost what was to be imported";
                Err(Failure::unsent(COMMANDS, ErrorKind::Unavailable, detail).into())
            }
        }
    }

    pub(super) async fn remove(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(number(incarnation));
        args.push(Value::from_static_str(head_fields::life(self.archived(), None)));
        match integer(&self.link.run(Script::Delete, place.task, args).await?)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CommitError::Conflict),
        }
    }
}

/// How long to give way to somebody who has lost so often in a row: it may have to read a lot.
fn way(losses: i64) -> Duration {
    GIVE_WAY * 2_u32.pow((losses - 1).clamp(0, DOUBLED) as u32)
}

/// How many tasks had left, as scripts want it: nothing where it does not matter.
pub(super) fn counted(since: Option<&Departures>) -> Value {
    since.map_or(Value::from_static_str(""), |departures| Value::from(format!("={}", departures.0)))
}

fn create_args(
    (archived, since): (bool, Option<&Departures>),
    place: &Place,
    log: &NewLog,
    staged: bool,
) -> Vec<Value> {
    let head = Some(&*log.head);
    let stamp = Stamp { incarnation: log.incarnation, version: log.events.len() as u64, revision: 0 };
    let mut args = begin(place, &log.head.task.id);
    args.push(counted(since));
    args.push(Value::from(stamp_text(stamp)));
    args.push(Value::from_static_str(head_fields::life(archived, head)));
    args.push(Value::from_static_str(if log.replace { "1" } else { "" }));
    args.push(if staged { number(log.events.len()) } else { Value::from_static_str("") });
    head_fields::push(&mut args, head);
    let (events, hidden) = if staged { (&[][..], &[][..]) } else { (&log.events[..], &log.hidden[..]) };
    args.push(number(events.len()));
    args.push(number(hidden.len()));
    events.iter().for_each(|event| event_fields::push(&mut args, event));
    args.extend(hidden.iter().map(|index| number(*index)));
    args
}

pub(super) fn push_checkpoint(args: &mut Vec<Value>, change: &CheckpointChange) {
    let (version, state) = match change {
        CheckpointChange::Keep => (Value::from_static_str(""), Value::from_static_str("")),
        CheckpointChange::Remove => (Value::from_static_str("-"), Value::from_static_str("")),
        CheckpointChange::Put(checkpoint) => (number(checkpoint.version), Value::from(&*checkpoint.bytes)),
    };
    args.extend([version, state]);
}
