//! What followers of all tasks are shown when there are other instances: local commits and announcements, each event
//! once, in index order per task. Whatever may have been missed is reported, never skipped. No clock in this file.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;

use super::Lost;
use super::order::{Delivery, Kept, Order, Piece};
use super::sequence::{Arrival, Sequences};
use crate::domain::{Stamp, TaskId};
use crate::shared_event::SharedEvent;

/// A task of which nothing was seen for between one and two of these is forgotten.
const REMEMBERED: Duration = Duration::from_secs(30);
/// No more than twice as many tasks are remembered.
const MAX_TASKS: usize = 65_536;

type Orders = HashMap<TaskId, Order, RandomState>;

/// An announcement of another instance.
pub(crate) struct Announced<'a> {
    pub(crate) instance: u64,
    pub(crate) number: u64,
    pub(crate) task_id: &'a TaskId,
    pub(crate) before: Stamp,
    pub(crate) after: Stamp,
    /// All its events, or none if they were too large.
    pub(crate) events: &'a [Arc<SharedEvent>],
}

/// A part of a log that has to be read before anything behind it can be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) task_id: TaskId,
    pub(crate) incarnation: u64,
    pub(crate) part: Range<u64>,
    /// Whether every follower is owed it.
    owed: bool,
    /// Tells what was read for followers that have been told of a loss since.
    epoch: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) sequences: Sequences,
    /// Tasks seen lately, and those seen before that.
    orders: Orders,
    former: Orders,
    renewed: Option<Instant>,
    /// Tasks that keep something back.
    waiting: HashSet<TaskId>,
    kept: Kept,
    epoch: u64,
}

impl Feed {
    /// Forgets all tasks: whatever comes is first seen.
    pub(super) fn forget_tasks(&mut self) {
        self.orders = Orders::default();
        self.former = Orders::default();
        self.waiting.clear();
        self.kept = Kept::default();
        self.epoch += 1;
    }

    /// Nobody follows any more.
    pub(super) fn stop(&mut self) {
        self.forget_tasks();
        self.sequences = Sequences::default();
    }

    /// This instance committed `events` on a log that was at `before`.
    pub(super) fn committed(
        &mut self,
        before: Stamp,
        events: &[Arc<SharedEvent>],
        now: Instant,
        out: &mut Delivery,
    ) -> Result<(), Lost> {
        let Some(first) = events.first() else { return Ok(()) };
        let task_id = first.event().task_id.clone();
        let piece = Piece { incarnation: before.incarnation, before: before.version, events, owed: true };
        self.take(&task_id, &piece, now, out)
    }

    /// Another instance announced something. Says what has to be read.
    pub(super) fn announced(
        &mut self,
        fact: &Announced<'_>,
        now: Instant,
        out: &mut Delivery,
    ) -> Result<Option<Reading>, Lost> {
        let arrival = self.sequences.arrived(fact.instance, fact.number, now)?;
        let missing = fact.before.version..fact.after.version;
        if arrival == Arrival::Doubled || missing.is_empty() {
            return Ok(None);
        }
        let piece = Piece {
            incarnation: fact.before.incarnation,
            before: fact.before.version,
            events: fact.events,
            owed: arrival == Arrival::Owed,
        };
        if !fact.events.is_empty() {
            self.take(fact.task_id, &piece, now, out)?;
            return Ok(None);
        }
        let order = self.order(fact.task_id, &piece, now)?;
        let Some(from) = order.read_from(&missing, piece.owed, now)? else { return Ok(None) };
        self.waiting.insert(fact.task_id.clone());
        let (task_id, incarnation) = (fact.task_id.clone(), piece.incarnation);
        let (part, epoch) = (from..missing.end, self.epoch);
        Ok(Some(Reading { task_id, incarnation, part, owed: arrival == Arrival::Owed, epoch }))
    }

    /// A part of what was to be read is here; `ended` with the last.
    pub(super) fn read(
        &mut self,
        reading: &Reading,
        events: &[Arc<SharedEvent>],
        (ended, now): (bool, Instant),
        out: &mut Delivery,
    ) -> Result<(), Lost> {
        if reading.epoch != self.epoch {
            return Ok(());
        }
        let before = reading.part.start;
        let piece = Piece { incarnation: reading.incarnation, before, events, owed: reading.owed };
        self.take(&reading.task_id, &piece, now, out)?;
        if ended {
            self.order(&reading.task_id, &piece, now)?.has_read(now);
        }
        Ok(())
    }

    /// What was to be read cannot be shown.
    pub(super) fn unreadable(&self, reading: &Reading) -> Result<(), Lost> {
        match reading.epoch == self.epoch {
            true => Err(Lost("events of another instance could not be read")),
            false => Ok(()),
        }
    }

    /// Where the task is, in the log that `piece` is a piece of.
    fn order(&mut self, id: &TaskId, piece: &Piece<'_>, now: Instant) -> Result<&mut Order, Lost> {
        if !self.orders.contains_key(id) {
            self.renew(now);
            let new = || Order::new(piece.incarnation, None);
            let order = self.former.remove(id).unwrap_or_else(new);
            self.orders.insert(id.clone(), order);
        }
        let order = self.orders.get_mut(id).expect("it was put in above");
        if order.incarnation != piece.incarnation {
            order.turn_to(piece.incarnation)?;
        }
        Ok(order)
    }

    fn take(&mut self, id: &TaskId, piece: &Piece<'_>, now: Instant, out: &mut Delivery) -> Result<(), Lost> {
        self.order(id, piece, now)?;
        let order = self.orders.get_mut(id).expect("it was put in above");
        let taken = order.take(piece, now, (&mut self.kept, out));
        if order.is_waiting() {
            self.waiting.insert(id.clone());
        }
        taken
    }

    /// Lets tasks go of which nothing was seen for long, or too many.
    fn renew(&mut self, now: Instant) {
        let since = *self.renewed.get_or_insert(now);
        if now.duration_since(since) < REMEMBERED && self.orders.len() < MAX_TASKS {
            return;
        }
        self.renewed = Some(now);
        let mut forgotten = std::mem::replace(&mut self.former, std::mem::take(&mut self.orders));
        for id in &self.waiting {
            if let Some(order) = forgotten.remove(id) {
                self.orders.insert(id.clone(), order);
            }
        }
    }

    /// Delivers what was kept back long enough, and sees whether an announcement is missing for too long. Says what has
    /// to be read.
    pub(super) fn check(&mut self, now: Instant, out: &mut Delivery) -> Result<Vec<Reading>, Lost> {
        self.sequences.check(now)?;
        let mut waiting = std::mem::take(&mut self.waiting);
        let (orders, former, kept) = (&mut self.orders, &mut self.former, &mut self.kept);
        let (epoch, owed, mut checked, mut readings) = (self.epoch, true, Ok(()), Vec::new());
        waiting.retain(|id| {
            let Some(order) = orders.get_mut(id).or_else(|| former.get_mut(id)) else { return false };
            let incarnation = order.incarnation;
            match order.check(now, (kept, out)) {
                Ok(None) => {}
                Ok(Some(part)) => {
                    readings.push(Reading { task_id: id.clone(), incarnation, part, owed, epoch });
                }
                Err(lost) => checked = Err(lost),
            }
            order.is_waiting()
        });
        self.waiting = waiting;
        checked.map(|()| readings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::REORDERING;
    use super::super::tests::{events, id};
    use super::*;

    fn stamp(version: u64) -> Stamp {
        Stamp { incarnation: 1, version, revision: 0 }
    }

    struct Followed {
        feed: Feed,
        out: Delivery,
        now: Instant,
    }

    impl Followed {
        fn new() -> Self {
            Self { feed: Feed::default(), out: Vec::new(), now: Instant::now() }
        }

        fn local(&mut self, task: &str, part: Range<u64>) -> Result<(), Lost> {
            let events = events(task, part.clone());
            self.feed.committed(stamp(part.start), &events, self.now, &mut self.out)
        }

        fn remote(
            &mut self,
            number: u64,
            task: &str,
            part: Range<u64>,
            full: bool,
        ) -> Result<Option<Reading>, Lost> {
            let task_id = id(task);
            let events = if full { events(task, part.clone()) } else { Vec::new() };
            let (before, after) = (stamp(part.start), stamp(part.end));
            let fact = Announced { instance: 7, number, task_id: &task_id, before, after, events: &events };
            self.feed.announced(&fact, self.now, &mut self.out)
        }

        fn delivered(&self, task: &str) -> Vec<u64> {
            let own = self.out.iter().filter(|event| event.event().task_id.as_str() == task);
            own.map(|event| event.event().index).collect()
        }
    }

    #[test]
    fn two_instances_that_write_in_turn_are_shown_in_index_order() {
        let mut all = Followed::new();
        all.local("t", 0..1).unwrap();
        all.local("t", 2..3).unwrap();
        all.remote(2, "t", 3..5, true).unwrap();
        all.remote(1, "t", 1..2, true).unwrap();
        all.remote(1, "t", 1..2, true).unwrap();
        all.local("t", 5..6).unwrap();
        assert_eq!(all.delivered("t"), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_lost_announcement_is_reported_even_when_no_event_is_missed() {
        let mut all = Followed::new();
        all.remote(1, "t", 0..1, true).unwrap();
        all.remote(3, "u", 0..1, true).unwrap();
        all.now += Duration::from_millis(100);
        all.feed.check(all.now, &mut all.out).unwrap_err();
    }

    #[test]
    fn events_too_large_for_the_bus_are_read() {
        let mut all = Followed::new();
        all.remote(1, "t", 0..1, true).unwrap();
        let reading = all.remote(2, "t", 1..3, false).unwrap().unwrap();
        assert_eq!(reading.part, 1..3);
        all.local("t", 3..4).unwrap();
        assert_eq!(all.delivered("t"), [0]);
        let read = events("t", 1..3);
        all.feed.read(&reading, &read[..1], (false, all.now), &mut all.out).unwrap();
        all.feed.read(&reading, &read[1..], (true, all.now), &mut all.out).unwrap();
        assert_eq!(all.delivered("t"), [0, 1, 2, 3]);
        assert!(all.feed.unreadable(&reading).is_err());
        all.feed.forget_tasks();
        assert!(all.feed.unreadable(&reading).is_ok());
    }

    #[test]
    fn what_came_before_anybody_listened_is_no_loss() {
        let mut all = Followed::new();
        all.feed.sequences.locate(vec![7, 8]);
        all.remote(1, "t", 0..1, true).unwrap();
        all.feed.sequences.located(7, 1);
        all.feed.sequences.located(8, 1);
        all.feed.sequences.end_locating().unwrap();
        all.remote(2, "t", 2..3, true).unwrap();
        all.now += REORDERING;
        assert_eq!(all.feed.check(all.now, &mut all.out), Ok(vec![]));
        assert_eq!(all.delivered("t"), [2]);
    }

    #[test]
    fn a_forgotten_task_is_first_seen_again_and_one_that_waits_is_not_forgotten() {
        let mut all = Followed::new();
        all.local("t", 0..3).unwrap();
        all.local("w", 0..1).unwrap();
        all.local("w", 2..3).unwrap();
        for n in 0..3 {
            all.now += REMEMBERED;
            all.local(&format!("other-{n}"), 0..1).unwrap();
        }
        all.local("t", 3..4).unwrap();
        assert_eq!(all.delivered("t"), [0, 1, 2]);
        all.local("w", 1..2).unwrap();
        assert_eq!(all.delivered("w"), [0, 1, 2]);
        all.now += REORDERING;
        all.feed.check(all.now, &mut all.out).unwrap();
        assert_eq!(all.delivered("t"), [0, 1, 2, 3]);
    }
}
