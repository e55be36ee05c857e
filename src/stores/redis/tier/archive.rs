//! What the archive lacks, and the word that it has it.

use fred::types::Value;
use futures_util::future::try_join_all;
use taskcast_actors::domain::{Stamp, TaskId, TaskStatus, Timestamp};
use taskcast_actors::ports::StoreError;

use super::PARTITIONS;
use super::snapshot::{over_of, over_text};
use super::types::{Ahead, Archived, Lag, Touched};
use crate::stores::redis::RedisStore;
use crate::stores::redis::error::Failure;
use crate::stores::redis::reply::{Reply, integer, stamp_text};
use crate::stores::redis::scripts::Script;
use crate::stores::redis::write::{begin, number};

/// Tasks that are noted in one script.
const CHUNK: usize = 1000;

impl RedisStore {
    /// Gets a Redis ready for an archive, once: what is here already is ahead of it. Until this has been done nobody may
    /// rely on what is not here. It may be done by several instances at once, and again after a failure.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn init_tier(&self, archive_is_empty: bool) -> Result<(), StoreError> {
        let tier = if archive_is_empty { "whole" } else { "split" };
        for partition in 0..PARTITIONS {
            let root = self.keys.root(partition);
            let key = Value::from(format!("{root}tier"));
            if !self.link.call("GET", vec![key.clone()]).await?.is_null() {
                continue;
            }
            for status in TaskStatus::ALL {
                self.note_all_ahead(&root, status).await?;
            }
            let args = vec![key, Value::from_static_str(tier), Value::from_static_str("NX")];
            self.link.call("SET", args).await?;
        }
        Ok(())
    }

    async fn note_all_ahead(&self, root: &str, status: TaskStatus) -> Result<(), Failure> {
        let life = if status.is_terminal() { "finished" } else { "active" };
        let mut start = "-".to_owned();
        loop {
            let mut args = vec![Value::from(root), Value::from_static_str(status.as_str())];
            args.extend([Value::from_static_str(life), Value::from(start.as_str()), number(CHUNK)]);
            let mut reply = Reply::of(self.link.run(Script::InitTier, format!("{root}ahead"), args).await?)?;
            let Some(last) = reply.optional_text()? else { return Ok(()) };
            start = format!("({last}");
        }
    }

    /// Tasks the archive lacks something of, those first that have waited longest; a thousand at most.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn ahead(&self, partition: u8, limit: usize) -> Result<Vec<Ahead>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let key = format!("{}ahead", self.keys.root(partition));
        let answer = self.link.run(Script::First, key, vec![number(limit.min(CHUNK) - 1)]).await?;
        let mut members = Reply::of(answer)?;
        members.text()?;
        let mut ahead = Vec::with_capacity(members.left() / 2);
        while members.left() > 0 {
            let task_id = TaskId::parse(&members.text()?).map_err(Failure::corrupt)?;
            ahead.push(Ahead { task_id, since: Timestamp(members.number()?) });
        }
        Ok(ahead)
    }

    /// How far the archive is behind at `now`.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError> {
        let count = |partition| {
            let key = format!("{}ahead", self.keys.root(partition));
            self.link.call("ZCARD", vec![Value::from(key)])
        };
        let counts = try_join_all((0..PARTITIONS).map(count)).await?;
        let first = try_join_all((0..PARTITIONS).map(|partition| self.ahead(partition, 1))).await?;
        let mut tasks = 0;
        for count in &counts {
            tasks += integer(count)?.unsigned_abs();
        }
        let oldest = first.iter().flatten().map(|ahead| ahead.since).min();
        let millis = oldest.map_or(0, |since| u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0));
        Ok(Lag { tasks, millis })
    }

    /// Notes that the archive has a log as it was at `stamp`, and nothing any more of the logs it took the place of. All
    /// that a snapshot says was touched by then must be in the archive.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn mark_archived(&self, id: &TaskId, stamp: Stamp) -> Result<Archived, StoreError> {
        match self.about(Script::MarkArchived, id, stamp_text(stamp)).await? {
            0 => Ok(Archived::Moved),
            1 => Ok(Archived::Behind),
            _ => Ok(Archived::All),
        }
    }

    /// Forgets that slots of a log were touched, except those that were touched again. For those who cannot take all of
    /// them at once.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn settle(&self, id: &TaskId, incarnation: u64, touched: &[Touched]) -> Result<(), StoreError> {
        let place = self.keys.place(id);
        for touched in touched.chunks(CHUNK) {
            let mut args = begin(&place, id);
            args.push(number(incarnation));
            args.extend(touched.iter().flat_map(|slot| [number(slot.index), number(slot.weight)]));
            self.link.run(Script::Settle, place.task.clone(), args).await?;
        }
        Ok(())
    }

    /// The incarnations that a tombstone stands for, or `None` if there is no tombstone.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn tombstone(&self, id: &TaskId) -> Result<Option<Vec<u64>>, StoreError> {
        let key = Value::from(self.keys.place(id).task);
        let fields = ["tomb", "over"].map(Value::from_static_str);
        let answer = self.link.call("HMGET", [&[key][..], &fields].concat()).await?;
        let mut reply = Reply::of(answer)?;
        if reply.value().is_none() {
            return Ok(None);
        }
        Ok(Some(over_of(&reply.optional_text()?.unwrap_or_default())?))
    }

    /// Removes a tombstone once the archive has forgotten the incarnations it stands for. Says whether it did: it stays
    /// if it stands for others by now.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn bury(&self, id: &TaskId, over: &[u64]) -> Result<bool, StoreError> {
        Ok(self.about(Script::Bury, id, over_text(over)).await? == 1)
    }

    /// Runs a script about a task with one argument.
    pub(super) async fn about(&self, script: Script, id: &TaskId, what: String) -> Result<i64, Failure> {
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(Value::from(what));
        integer(&self.link.run(script, place.task, args).await?)
    }
}
