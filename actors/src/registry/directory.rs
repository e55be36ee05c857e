//! Which task actors there are: written by the registry alone, read by everybody.

use std::collections::HashMap;
use std::sync::Arc;

use actix::Addr;
use ahash::RandomState;
use parking_lot::RwLock;

use crate::admission::Inbox;
use crate::domain::TaskId;
use crate::live::Live;
use crate::task::TaskActor;

/// Parts of the directory, so that readers seldom meet the registry.
const SHARDS: usize = 64;

/// How to reach a task actor.
#[derive(Clone)]
pub(crate) struct TaskHandle {
    /// Tells this actor from those before and after it.
    pub(crate) serial: u64,
    pub(crate) addr: Addr<TaskActor>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) live: Arc<Live>,
}

type Shard = RwLock<HashMap<TaskId, TaskHandle, RandomState>>;

/// See the module.
pub(crate) struct Directory {
    shards: Vec<Shard>,
    hasher: RandomState,
}

impl Default for Directory {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), hasher: RandomState::new() }
    }
}

impl Directory {
    fn shard(&self, id: &TaskId) -> &Shard {
        &self.shards[self.spread(id, SHARDS)]
    }

    /// A number below `parts` that depends on `id` alone.
    pub(super) fn spread(&self, id: &TaskId, parts: usize) -> usize {
        let hash = self.hasher.hash_one(id);
        usize::try_from(hash % parts.max(1) as u64).unwrap_or(0)
    }

    /// Does something with the handle of `id`, if there is one. The registry cannot take it away meanwhile.
    pub(crate) fn with<T>(&self, id: &TaskId, act: impl FnOnce(&TaskHandle) -> T) -> Option<T> {
        self.shard(id).read().get(id).map(act)
    }

    /// The handle of `id`, made by `start` if there is none or its actor is dead. Says whether it was made. An actor
    /// on its way out still looks connected, so that the one `died` counts as dead whatever it looks like.
    pub(super) fn find_or_start(
        &self,
        id: &TaskId,
        died: Option<u64>,
        start: impl FnOnce() -> TaskHandle,
    ) -> bool {
        let mut shard = self.shard(id).write();
        if shard.get(id).is_some_and(|handle| handle.addr.connected() && Some(handle.serial) != died) {
            return false;
        }
        shard.insert(id.clone(), start());
        true
    }

    /// Takes out every handle for which `goes` says so.
    pub(super) fn take_out(&self, goes: impl Fn(&TaskHandle) -> bool) -> Vec<(TaskId, TaskHandle)> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            taken.extend(shard.write().extract_if(|_, handle| goes(handle)));
        }
        taken
    }
}
