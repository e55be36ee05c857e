//! Copying what the archive lacks of some tasks.

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use taskcast_actors::domain::{Stamp, TaskId};
use taskcast_actors::ports::{Range, StoreError};

use super::{Tiers, piece};
use crate::stores::postgres::{ArchiveOutcome, Begun};
use crate::stores::redis::{HotPage, Lookup, Snapshot};

/// Events and bytes of one task that are copied in one go; more of them go page by page.
const EVENTS: usize = 1024;
const BYTES: usize = 1 << 20;
/// Changed slots that are read at once where there are more than [`EVENTS`].
const MANY: usize = 10_000_000;
/// Commands to Redis on their way at the same time.
const AT_ONCE: usize = 64;

/// What became of a task that was to be archived.
#[derive(Debug, PartialEq)]
pub(super) enum Copied {
    /// The archive has what there was.
    Done,
    /// Somebody else is at it, or it is gone: it will be seen again if it matters.
    Later,
    /// It cannot be archived as it is.
    Failed(String),
}

/// What is to be done with a task.
enum Job {
    Small(Snapshot),
    Large(Box<Snapshot>),
    Forget,
    Nothing,
}

impl Tiers {
    /// Copies what the archive lacks of `ids`, the small ones together.
    pub(super) async fn copy_all(&self, ids: &[TaskId]) -> Result<Vec<(TaskId, Copied)>, StoreError> {
        let one = |id: TaskId| async move {
            let job = self.job(&id).await;
            (id, job)
        };
        let jobs = iter(ids.to_vec()).map(one).buffered(AT_ONCE);
        let jobs: Vec<_> = jobs.collect().await;
        let (mut small, mut copied) = (Vec::new(), Vec::with_capacity(ids.len()));
        for (id, job) in jobs {
            let done = match job? {
                Job::Small(snapshot) => {
                    small.push(snapshot);
                    continue;
                }
                Job::Large(snapshot) => self.copy_large(*snapshot, None).await?,
                Job::Forget => self.forget(&id).await?,
                Job::Nothing => Copied::Later,
            };
            copied.push((id, done));
        }
        copied.extend(self.copy_small(small).await?);
        Ok(copied)
    }

    async fn job(&self, id: &TaskId) -> Result<Job, StoreError> {
        let mut found = self.hot.snapshot(id, EVENTS, BYTES).await?;
        if matches!(&found, Lookup::Hot(snapshot) if !snapshot.touched_is_all) {
            found = self.hot.snapshot(id, MANY, BYTES).await?;
        }
        Ok(match found {
            Lookup::Hot(snapshot) if snapshot.is_all() => Job::Small(snapshot),
            Lookup::Hot(snapshot) => Job::Large(Box::new(snapshot)),
            Lookup::Tomb => Job::Forget,
            Lookup::Absent { .. } => Job::Nothing,
        })
    }

    async fn copy_small(&self, small: Vec<Snapshot>) -> Result<Vec<(TaskId, Copied)>, StoreError> {
        if small.is_empty() {
            return Ok(Vec::new());
        }
        let pieces = small.iter().map(|snapshot| piece::of(snapshot, snapshot.archived)).collect();
        let outcomes = self.archive.archive(pieces).await?;
        let settled = iter(small.into_iter().zip(outcomes))
            .map(|(snapshot, outcome)| async move {
                let id = snapshot.head.task.id.clone();
                (id, self.settle(snapshot, outcome).await)
            })
            .buffer_unordered(AT_ONCE);
        settled.map(|(id, copied)| Ok((id, copied?))).collect::<Vec<_>>().await.into_iter().collect()
    }

    /// Tells Redis what the archive has by now. An archive that lost something, as after its backup was restored, gets
    /// it again if Redis still has it.
    async fn settle(&self, snapshot: Snapshot, outcome: ArchiveOutcome) -> Result<Copied, StoreError> {
        match outcome {
            ArchiveOutcome::Done => {
                self.hot.mark_archived(&snapshot.head.task.id, snapshot.stamp).await?;
                Ok(Copied::Done)
            }
            ArchiveOutcome::Busy => Ok(Copied::Later),
            ArchiveOutcome::Refused(error) => Ok(Copied::Failed(error.to_string())),
            ArchiveOutcome::Diverged { stored } if can_mend(&snapshot, stored) => {
                let again = Snapshot { slots: Vec::new(), first: version(stored), ..snapshot };
                self.copy_large(again, Some(stored)).await
            }
            ArchiveOutcome::Diverged { .. } => Ok(Copied::Failed("the archive has another log".into())),
        }
    }

    /// Copies a task page by page, from `believed` on if Redis is wrong about where the archive is.
    async fn copy_large(
        &self,
        mut snapshot: Snapshot,
        believed: Option<Option<Stamp>>,
    ) -> Result<Copied, StoreError> {
        let expected = believed.unwrap_or(snapshot.archived);
        let mut next = snapshot.next();
        let piece = piece::of(&snapshot, expected);
        snapshot.slots = Vec::new();
        let mut writer = match self.archive.begin_piece(piece).await? {
            Begun::Writing(writer) => writer,
            Begun::Settled(ArchiveOutcome::Diverged { .. }) if believed.is_some() => {
                return Ok(Copied::Later);
            }
            Begun::Settled(outcome) => return Box::pin(self.settle(snapshot, outcome)).await,
        };
        let (id, stamp) = (&snapshot.head.task.id, snapshot.stamp);
        while next < stamp.version {
            let range = Range { incarnation: Some(stamp.incarnation), ..Range::new(next, stamp.version) };
            let page = match self.hot.probe_page(id, range).await {
                Ok(Lookup::Hot(HotPage::Page(page))) if !page.slots.is_empty() => page,
                Ok(_) | Err(StoreError::Gone) => return Ok(Copied::Later),
                Err(error) => return Err(error),
            };
            next = page.next;
            let slots: Vec<_> = page.slots.iter().map(piece::state).collect();
            writer.append(&slots).await?;
        }
        let outcome = writer.finish().await?;
        if outcome == ArchiveOutcome::Done {
            self.hot.mark_archived(id, stamp).await?;
            return Ok(Copied::Done);
        }
        Ok(Copied::Later)
    }

    async fn forget(&self, id: &TaskId) -> Result<Copied, StoreError> {
        let Some(over) = self.hot.tombstone(id).await? else { return Ok(Copied::Later) };
        self.archive.forget(id, &over).await?;
        Ok(if self.hot.bury(id, &over).await? { Copied::Done } else { Copied::Later })
    }
}

/// Whether Redis has everything that an archive at `stored` lacks.
fn can_mend(snapshot: &Snapshot, stored: Option<Stamp>) -> bool {
    let same_log = stored.is_none_or(|stored| snapshot.stamp.has_reached(stored));
    same_log && snapshot.base <= version(stored)
}

fn version(stamp: Option<Stamp>) -> u64 {
    stamp.map_or(0, |stamp| stamp.version)
}
