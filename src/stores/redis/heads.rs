//! Reading what is known of tasks beside their events.

use std::sync::Arc;

use fred::types::Value;
use taskcast_actors::domain::{Checkpoint, Head, Stamp, TaskId};
use taskcast_actors::ports::{Loaded, StoreError};

use super::RedisStore;
use super::error::Failure;
use super::keys::{PARTITIONS, Place, partition_of};
use super::lookup::Lookup;
use super::reply::{Reply, parse, stamp_of};
use super::tier::Departures;

/// Tasks in one go.
const CHUNK: usize = 512;

impl RedisStore {
    /// What an actor needs to start, if the task is here.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_load(&self, id: &TaskId) -> Result<Lookup<Loaded>, StoreError> {
        let found = self.look(id, &["head", "checkpoint", "state"]).await?;
        let read = |(stamp, mut fields): (Stamp, Reply)| {
            let head = decode(fields.value())?;
            let checkpoint = checkpoint(fields.optional_text()?, fields.value())?;
            Ok::<_, Failure>(Loaded { head, stamp, checkpoint })
        };
        Ok(transpose(found.map(read))?)
    }

    /// Head and stamp, if the task is here.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_head(&self, id: &TaskId) -> Result<Lookup<(Arc<Head>, Stamp)>, StoreError> {
        let found = self.look(id, &["head"]).await?;
        let read = |(stamp, mut fields): (Stamp, Reply)| Ok((decode(fields.value())?, stamp));
        Ok(transpose(found.map(read))?)
    }

    /// Where the log of `id` is, if the task is here.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_stamp(&self, id: &TaskId) -> Result<Lookup<Stamp>, StoreError> {
        Ok(self.look(id, &[]).await?.map(|(stamp, _)| stamp))
    }

    /// Where the logs of `ids` are, in that order.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_stamps(&self, ids: &[TaskId]) -> Result<Vec<Lookup<Stamp>>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHUNK) {
            let mut calls: Vec<_> = ids.iter().map(|id| get(&self.keys.place(id), &[])).collect();
            // What was released before it was looked for has made its partition incomplete by now.
            calls.extend(self.archived().then(|| self.tiers()).into_iter().flatten());
            let mut answers = self.link.call_all(calls).await?;
            let tiers = answers.split_off(ids.len());
            for (id, answer) in ids.iter().zip(answers) {
                let tier = tiers.get(usize::from(partition_of(id)));
                found.push(split(answer, tier)?.map(|(stamp, _)| stamp));
            }
        }
        Ok(found)
    }

    /// The heads of those of `ids` that are here, with `None` for the others.
    pub(super) async fn heads(&self, ids: &[TaskId]) -> Result<Vec<Option<Arc<Head>>>, Failure> {
        let mut heads = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHUNK) {
            let calls = ids.iter().map(|id| get(&self.keys.place(id), &["head"])).collect();
            for answer in self.link.call_all(calls).await? {
                let found = split(answer, None)?.hot();
                heads.push(found.map(|(_, mut fields)| decode(fields.value())).transpose()?);
            }
        }
        Ok(heads)
    }

    /// Fields of a task behind its stamp.
    async fn look(&self, id: &TaskId, fields: &[&'static str]) -> Result<Lookup<(Stamp, Reply)>, Failure> {
        let place = self.keys.place(id);
        let (name, args) = get(&place, fields);
        if !self.archived() {
            return split(self.link.call(name, args).await?, None);
        }
        let calls = vec![(name, args), tier(&place.root)];
        let mut answers = self.link.call_all(calls).await?.into_iter();
        let answer = answers.next().unwrap_or(Value::Null);
        split(answer, answers.next().as_ref())
    }

    /// Where a log is, and then how many tasks have left its partition.
    pub(super) async fn look_from(&self, id: &TaskId) -> Result<(Lookup<Stamp>, Departures), Failure> {
        let place = self.keys.place(id);
        let mut answers = self.link.call_all(vec![get(&place, &[]), tier(&place.root)]).await?.into_iter();
        let answer = answers.next().unwrap_or(Value::Null);
        let tier = answers.next().unwrap_or(Value::Null);
        let count = tier.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let departures = Departures(count.into_owned());
        Ok((split(answer, Some(&tier))?.map(|(stamp, _)| stamp), departures))
    }

    /// Whether each partition is whole.
    pub(super) fn tiers(&self) -> impl Iterator<Item = (&'static str, Vec<Value>)> {
        (0..PARTITIONS).map(|partition| tier(&self.keys.root(partition)))
    }
}

fn get(place: &Place, fields: &[&'static str]) -> (&'static str, Vec<Value>) {
    let mut args = vec![Value::from(place.task.as_str())];
    args.extend(["stamp", "tomb"].iter().chain(fields).map(|field| Value::from_static_str(field)));
    ("HMGET", args)
}

fn tier(root: &str) -> (&'static str, Vec<Value>) {
    ("GET", vec![Value::from(format!("{root}tier"))])
}

/// Stamp and fields, or what it means that there are none.
fn split(answer: Value, tier: Option<&Value>) -> Result<Lookup<(Stamp, Reply)>, Failure> {
    let mut reply = Reply::of(answer)?;
    let (stamp, tomb) = (reply.optional_text()?, reply.value());
    match stamp {
        Some(stamp) => Ok(Lookup::Hot((stamp_of(&stamp)?, reply))),
        None => Ok(Lookup::missing(tomb, tier)),
    }
}

pub(super) fn transpose<T>(found: Lookup<Result<T, Failure>>) -> Result<Lookup<T>, Failure> {
    match found {
        Lookup::Hot(read) => read.map(Lookup::Hot),
        Lookup::Tomb => Ok(Lookup::Tomb),
        Lookup::Absent { whole } => Ok(Lookup::Absent { whole }),
    }
}

/// The head in a field.
pub(super) fn decode(field: Option<Value>) -> Result<Arc<Head>, Failure> {
    let bytes =
        field.as_ref().and_then(Value::as_bytes).ok_or_else(|| Failure::corrupt("a head is missing"))?;
    Head::decode(bytes).map(Arc::new).map_err(Failure::corrupt)
}

/// The checkpoint in two fields.
pub(super) fn checkpoint(
    version: Option<String>,
    state: Option<Value>,
) -> Result<Option<Checkpoint>, Failure> {
    let (Some(version), Some(state)) = (version, state) else { return Ok(None) };
    let bytes = state.as_bytes().ok_or_else(|| Failure::corrupt("a checkpoint is no text"))?;
    Ok(Some(Checkpoint { version: parse(&version)?, bytes: bytes.into() }))
}
