//! Tasks that leave for the archive and come back.

use fred::types::Value;
use taskcast_actors::domain::{CheckpointChange, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{CreateError, Created, Loaded, NewLog, StoreError};

use super::types::{Departures, Idle, Restored};
use crate::stores::redis::RedisStore;
use crate::stores::redis::error::Failure;
use crate::stores::redis::head_fields;
use crate::stores::redis::lookup::{Lookup, is_whole};
use crate::stores::redis::reply::{Reply, integer, stamp_of, stamp_text};
use crate::stores::redis::scripts::Script;
use crate::stores::redis::write::{begin, counted, number, push_checkpoint};

impl RedisStore {
    /// Where the log of `id` is, and how many tasks have left its partition. What is read of the archive from then on may
    /// be brought here.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_departures(&self, id: &TaskId) -> Result<(Lookup<Stamp>, Departures), StoreError> {
        Ok(self.look_from(id).await?)
    }

    /// Creates a log that the archive was found not to have, or to replace one that is here. `None` if a task has left
    /// since, which may have been another log of this name: look again.
    ///
    /// # Errors
    /// As [`taskcast_actors::ports::TaskStore::create`].
    pub async fn create_beside(
        &self,
        log: &NewLog,
        since: &Departures,
    ) -> Result<Option<Created>, CreateError> {
        self.write_new(log, Some(since)).await
    }

    /// Brings a task back from the archive as it was there, so that it can be written to. Its events stay there. The
    /// archive must have been read after `since`.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn restore(&self, task: &Loaded, since: &Departures) -> Result<Restored, StoreError> {
        let id = &task.head.task.id;
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(counted(Some(since)));
        args.push(Value::from(stamp_text(task.stamp)));
        args.push(Value::from_static_str(head_fields::life(true, Some(&task.head))));
        head_fields::push(&mut args, Some(&task.head));
        let checkpoint = task.checkpoint.clone().map_or(CheckpointChange::Keep, CheckpointChange::Put);
        push_checkpoint(&mut args, &checkpoint);
        match integer(&self.link.run(Script::Restore, place.task, args).await?)? {
            0 => Ok(Restored::Present),
            1 => Ok(Restored::Done),
            -1 => Ok(Restored::Tomb),
            _ => Ok(Restored::Raced),
        }
    }

    /// Removes a task that the archive has, if its log is at `stamp` and was archived there. Says whether it did. From
    /// then on its partition is not whole any more.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn release(&self, id: &TaskId, stamp: Stamp) -> Result<bool, StoreError> {
        Ok(self.about(Script::Release, id, stamp_text(stamp)).await? == 1)
    }

    /// At most `limit` tasks nobody has written to since: those that ended, since `finished_before`, then the others,
    /// since `active_before`; by the clock of the server.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn idle(
        &self,
        partition: u8,
        finished_before: Timestamp,
        active_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Idle>, StoreError> {
        let root = self.keys.root(partition);
        let args = vec![
            Value::from(root.as_str()),
            number(finished_before.0),
            number(active_before.0),
            number(limit),
        ];
        let mut reply = Reply::of(self.link.run(Script::Idle, format!("{root}active"), args).await?)?;
        let mut idle = Vec::with_capacity(reply.left());
        while reply.left() > 0 {
            let mut fields = reply.array()?;
            let stamp = stamp_of(&fields.text()?)?;
            let archived = fields.optional_text()?.map(|text| stamp_of(&text)).transpose()?;
            let task_id = TaskId::parse(&fields.text()?).map_err(Failure::corrupt)?;
            idle.push(Idle { task_id, stamp, archived });
        }
        Ok(idle)
    }

    /// Whether this store has everything that exists, so that an archive need not be asked.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn is_whole(&self) -> Result<bool, StoreError> {
        Ok(self.link.call_all(self.tiers().collect()).await?.iter().all(is_whole))
    }

    /// Whether an archive was ever behind this store.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn has_archive(&self) -> Result<bool, StoreError> {
        Ok(self.link.call_all(self.tiers().collect()).await?.iter().any(|tier| !tier.is_null()))
    }

    /// Where each of `ids` is, in that order: what a listing of the archive has to leave out is here or deleted.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn exists_many(&self, ids: &[TaskId]) -> Result<Vec<Lookup<()>>, StoreError> {
        Ok(self.probe_stamps(ids).await?.into_iter().map(|found| found.map(drop)).collect())
    }
}
