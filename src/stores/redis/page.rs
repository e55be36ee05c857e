//! Reading a piece of a log.

use fred::types::Value;
use taskcast_actors::domain::{Stamp, TaskId};
use taskcast_actors::ports::{Page, Range, Slot, StoreError};

use super::RedisStore;
use super::error::Failure;
use super::event_fields::{Main, SlotReader, main_of_slot};
use super::heads::transpose;
use super::lookup::Lookup;
use super::reply::{Reply, stamp_of};
use super::scripts::Script;
use super::tier::HotPage;
use super::write::{begin, number};
use crate::stores::mark::Mark;

/// Most slots, and most bytes, in one answer: others wait while it is put together.
const SLOTS: usize = 2048;
const BYTES: usize = 4 << 20;

/// Indexes are below this: larger ones are as good as this one.
const INDEXES: u64 = 1 << 32;

/// Which payloads are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Payloads {
    All,
    /// All but those of accumulate events.
    Sparse,
    /// None.
    Bare,
}

/// What an answer says before its slots.
pub(super) struct Opening {
    pub(super) stamp: Stamp,
    pub(super) base: u64,
    pub(super) imported: bool,
}

impl Opening {
    pub(super) fn read(stamp: &str, reply: &mut Reply) -> Result<Self, Failure> {
        let stamp = stamp_of(stamp)?;
        Ok(Self { stamp, base: reply.number()?, imported: !reply.text()?.is_empty() })
    }
}

/// One answer: its opening, marks below the base, and the slots.
struct Part {
    opening: Opening,
    marks: Reply,
    slots: Reply,
}

impl RedisStore {
    /// The next page of a log, or what is known of indexes whose events are in the archive only.
    ///
    /// # Errors
    /// When Redis does not answer, or the log is another one than `range` asks for.
    pub async fn probe_page(&self, id: &TaskId, range: Range) -> Result<Lookup<HotPage>, StoreError> {
        let payloads = if range.deltas { Payloads::All } else { Payloads::Sparse };
        let mut reader = SlotReader::new(id);
        let mut page = Page { slots: Vec::new(), next: range.from };
        let (mut slots, mut bytes, mut incarnation) =
            (range.max_slots.max(1), range.max_bytes, range.incarnation);
        loop {
            let rest = Range { incarnation, from: page.next, max_slots: slots, max_bytes: bytes, ..range };
            let part = match self.part(id, rest, payloads).await? {
                Lookup::Hot(part) => part,
                Lookup::Tomb => return Ok(Lookup::Tomb),
                Lookup::Absent { whole } => return Ok(Lookup::Absent { whole }),
            };
            let Opening { stamp, base, .. } = part.opening;
            if incarnation.is_some_and(|wanted| wanted != stamp.incarnation) {
                return Err(StoreError::Gone);
            }
            if range.from < base {
                let marks = marks(part.marks)?;
                return Ok(Lookup::Hot(HotPage::Below { stamp, base, marks }));
            }
            let (got, read) = fill(&mut page, part.slots, &mut reader)?;
            let end = page.next >= range.to.min(stamp.version);
            (slots, bytes) = (slots - got, bytes.saturating_sub(read));
            if end || slots == 0 || bytes == 0 || got == 0 {
                return Ok(Lookup::Hot(HotPage::Page(page)));
            }
            incarnation = Some(stamp.incarnation);
        }
    }

    /// What the entries from `from` on say beside their payloads, and where the log is.
    pub(super) async fn bare(
        &self,
        id: &TaskId,
        (from, to): (u64, u64),
    ) -> Result<Lookup<(Opening, Vec<Main>)>, Failure> {
        let range = Range { max_slots: SLOTS, max_bytes: usize::MAX, ..Range::new(from, to) };
        let found = self.part(id, range, Payloads::Bare).await?;
        transpose(found.map(|part| {
            let mut slots = part.slots;
            let mut mains = Vec::with_capacity(slots.left() / 4);
            while slots.left() > 0 {
                mains.push(main_of_slot(&mut slots)?);
            }
            Ok((part.opening, mains))
        }))
    }

    async fn part(&self, id: &TaskId, range: Range, payloads: Payloads) -> Result<Lookup<Part>, Failure> {
        let place = self.keys.place(id);
        let mut args = begin(&place, id);
        args.push(range.incarnation.map_or(Value::from_static_str(""), number));
        args.extend([range.from.min(INDEXES), range.to.min(INDEXES)].map(number));
        args.extend([range.max_slots.min(SLOTS), range.max_bytes.min(BYTES)].map(number));
        args.push(Value::from_static_str(match payloads {
            Payloads::All => "all",
            Payloads::Sparse => "sparse",
            Payloads::Bare => "bare",
        }));
        let mut reply = Reply::of(self.link.run(Script::Page, place.task, args).await?)?;
        let stamp = Lookup::<()>::begin(&mut reply)?;
        transpose(stamp.map(|stamp| {
            let opening = Opening::read(&stamp, &mut reply)?;
            Ok(Part { opening, marks: reply.array()?, slots: reply })
        }))
    }
}

/// Adds `slots` to `page`; says how many there were, and how many bytes of payload.
fn fill(page: &mut Page, mut slots: Reply, reader: &mut SlotReader<'_>) -> Result<(usize, usize), Failure> {
    let (before, mut bytes) = (page.slots.len(), 0);
    while slots.left() > 0 {
        let (slot, payload) = reader.slot(page.next, &mut slots)?;
        bytes += payload;
        page.slots.push(slot);
        page.next += 1;
    }
    Ok((page.slots.len() - before, bytes))
}

/// The mark that is stored as `text`.
pub(super) fn mark_of(text: &str) -> Option<Mark> {
    match text.as_bytes().first()? {
        b'h' => Some(Mark::Hidden),
        b'd' => Some(Mark::Dropped),
        b'e' => Some(Mark::Erased),
        _ => None,
    }
}

fn marks(mut reply: Reply) -> Result<Vec<Option<Mark>>, Failure> {
    let mut marks = Vec::with_capacity(reply.left());
    while reply.left() > 0 {
        marks.push(mark_of(&reply.text()?));
    }
    Ok(marks)
}

/// Reads `slots` from `first` on.
pub(super) fn slots_of(id: &TaskId, first: u64, slots: Reply) -> Result<Vec<Slot>, Failure> {
    let mut page = Page { slots: Vec::new(), next: first };
    fill(&mut page, slots, &mut SlotReader::new(id))?;
    Ok(page.slots)
}
