//! What the archive lacks of one task.

use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::StoreError;

use super::types::{Snapshot, Touched};
use crate::stores::redis::RedisStore;
use crate::stores::redis::error::Failure;
use crate::stores::redis::heads::{checkpoint, decode, transpose};
use crate::stores::redis::lookup::Lookup;
use crate::stores::redis::page::{Opening, mark_of, slots_of};
use crate::stores::redis::reply::{Reply, parse, stamp_of};
use crate::stores::redis::scripts::Script;
use crate::stores::redis::write::{begin, number};

impl RedisStore {
    /// What the archive lacks of a task, at most so many events and about so many bytes of payload.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn snapshot(
        &self,
        id: &TaskId,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Lookup<Snapshot>, StoreError> {
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.extend([number(max_events.max(1)), number(max_bytes)]);
        let mut reply = Reply::of(self.link.run(Script::Snapshot, place.task, args).await?)?;
        let stamp = Lookup::<()>::begin(&mut reply)?;
        Ok(transpose(stamp.map(|stamp| read(id, &stamp, reply)))?)
    }
}

fn read(id: &TaskId, stamp: &str, mut reply: Reply) -> Result<Snapshot, Failure> {
    let Opening { stamp, base, .. } = Opening::read(stamp, &mut reply)?;
    let head = decode(reply.value())?;
    let checkpoint = checkpoint(reply.optional_text()?, reply.value())?;
    let archived = reply.optional_text()?.map(|text| stamp_of(&text)).transpose()?;
    let over = over_of(&reply.optional_text()?.unwrap_or_default())?;
    let touched = touched(reply.array()?)?;
    let touched_is_all = !reply.text()?.is_empty();
    let first = reply.number()?;
    let slots = slots_of(id, first, reply)?;
    Ok(Snapshot { stamp, head, checkpoint, archived, over, base, touched, touched_is_all, first, slots })
}

/// The incarnations in a list.
pub(super) fn over_of(text: &str) -> Result<Vec<u64>, Failure> {
    text.split(',').filter(|part| !part.is_empty()).map(parse).collect()
}

/// The list of incarnations.
pub(super) fn over_text(over: &[u64]) -> String {
    over.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

fn touched(mut reply: Reply) -> Result<Vec<Touched>, Failure> {
    let mut touched = Vec::with_capacity(reply.left() / 3);
    while reply.left() > 0 {
        let (index, weight) = (reply.number()?, reply.number()?);
        let mark = mark_of(&reply.text()?).ok_or_else(|| Failure::corrupt("a mark is missing"))?;
        touched.push(Touched { index, weight, mark });
    }
    Ok(touched)
}
