//! Finding an index in a log.

use taskcast_actors::domain::{EventId, TaskId, Timestamp};
use taskcast_actors::ports::{Seek, StoreError};

use super::RedisStore;
use super::error::Failure;
use super::event_fields::Main;
use super::heads::transpose;
use super::lookup::Lookup;
use super::page::Opening;
use super::reply::Reply;
use super::scripts::Script;
use super::tier::HotSeek;
use super::write::{begin, number};

/// What is looked for in an imported log, whose ids and times follow no rule.
enum Wanted<'a> {
    Id(&'a EventId),
    Later(Timestamp),
}

impl Wanted<'_> {
    fn fits(&self, main: &Main) -> bool {
        match self {
            Self::Id(id) => main.id == **id,
            Self::Later(at) => main.at > *at,
        }
    }
}

impl RedisStore {
    /// Finds an index among the events that are here.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn probe_seek(&self, id: &TaskId, seek: &Seek) -> Result<Lookup<HotSeek>, StoreError> {
        let found = match seek {
            Seek::Id(event) => self.seek_id(id, event).await?,
            Seek::After(at) => self.seek_later(id, *at).await?,
        };
        Ok(found)
    }

    async fn seek_id(&self, id: &TaskId, event: &EventId) -> Result<Lookup<HotSeek>, Failure> {
        let hint = event.index_hint();
        let range = hint.map_or((0, 0), |index| (index, index + 1));
        let (opening, mains) = match self.bare(id, range).await? {
            Lookup::Hot(found) => found,
            Lookup::Tomb => return Ok(Lookup::Tomb),
            Lookup::Absent { whole } => return Ok(Lookup::Absent { whole }),
        };
        let here = hint.filter(|_| mains.first().is_some_and(|main| main.id == *event));
        if here.is_some() || !opening.imported {
            let Opening { stamp, base, imported } = opening;
            return Ok(Lookup::Hot(HotSeek { stamp, base, imported, index: here }));
        }
        self.walk(id, &opening, &Wanted::Id(event)).await
    }

    async fn seek_later(&self, id: &TaskId, at: Timestamp) -> Result<Lookup<HotSeek>, Failure> {
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(number(at.0));
        let mut reply = Reply::of(self.link.run(Script::Seek, place.task, args).await?)?;
        let stamp = Lookup::<()>::begin(&mut reply)?;
        let found = transpose(stamp.map(|stamp| Opening::read(&stamp, &mut reply)))?;
        match found {
            Lookup::Hot(opening) if opening.imported => self.walk(id, &opening, &Wanted::Later(at)).await,
            found => transpose(found.map(|opening| {
                let index = Some(reply.number()?);
                Ok(HotSeek { stamp: opening.stamp, base: opening.base, imported: false, index })
            })),
        }
    }

    /// Looks at one event after the other. Nothing later than a time is found at the end of the log.
    async fn walk(
        &self,
        id: &TaskId,
        opening: &Opening,
        wanted: &Wanted<'_>,
    ) -> Result<Lookup<HotSeek>, Failure> {
        let Opening { stamp, base, .. } = *opening;
        let mut from = base;
        let answer = |index| Ok(Lookup::Hot(HotSeek { stamp, base, imported: true, index }));
        while from < stamp.version {
            let Lookup::Hot((now, mains)) = self.bare(id, (from, stamp.version)).await? else { break };
            if now.stamp.incarnation != stamp.incarnation || mains.is_empty() {
                break;
            }
            if let Some(place) = mains.iter().position(|main| wanted.fits(main)) {
                return answer(Some(from + place as u64));
            }
            from += mains.len() as u64;
        }
        answer(matches!(wanted, Wanted::Later(_)).then_some(from.max(base)))
    }
}
