//! One task's events from two sides, its own actor here and announcements from elsewhere, in index order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Lost;
use crate::shared_event::SharedEvent;

/// How long events of a task first seen in the middle are kept back, in case lower ones are on their way.
pub(super) const REORDERING: Duration = Duration::from_millis(100);
/// How long a lower event may be on its way before it is read from the store.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long events may take to be read from the store.
const READING: Duration = Duration::from_secs(10);
/// What may be kept back for all tasks together.
const MAX_EVENTS: usize = 16_384;
const MAX_BYTES: usize = 32 << 20;
const TOO_LATE: Lost = Lost("an event came after later ones of its task");

/// What is kept back for all tasks.
#[derive(Default)]
pub(super) struct Kept {
    events: usize,
    bytes: usize,
}

impl Kept {
    fn add(&mut self, event: &SharedEvent) -> Result<(), Lost> {
        self.events += 1;
        self.bytes += event.event().weight();
        match self.events <= MAX_EVENTS && self.bytes <= MAX_BYTES {
            true => Ok(()),
            false => Err(Lost("too much is kept back until lower events come")),
        }
    }

    fn remove(&mut self, event: &SharedEvent) {
        self.events -= 1;
        self.bytes -= event.event().weight();
    }
}

/// Events in the order of their delivery.
pub(super) type Delivery = Vec<Arc<SharedEvent>>;

/// Where the delivery of one task is.
pub(super) struct Order {
    pub(super) incarnation: u64,
    /// The log that was here before.
    former: Option<u64>,
    /// The first index that was delivered.
    from: u64,
    /// The index to deliver next; `None` while a lower one may be on its way.
    next: Option<u64>,
    kept: BTreeMap<u64, Arc<SharedEvent>>,
    /// Where the delivery begins once nothing lower can be on its way: at the lowest event that followers are owed.
    first_owed: Option<u64>,
    /// Since when something is kept back, or read.
    since: Option<Instant>,
    /// How many pieces of the log are being read.
    reading: usize,
}

/// Some events of a task.
pub(super) struct Piece<'a> {
    pub(super) incarnation: u64,
    pub(super) before: u64,
    pub(super) events: &'a [Arc<SharedEvent>],
    /// Whether every follower is owed them.
    pub(super) owed: bool,
}

impl Order {
    /// A log of which nothing was seen yet.
    pub(super) fn new(incarnation: u64, former: Option<u64>) -> Self {
        let (next, first_owed) = (None, None);
        Self {
            incarnation,
            former,
            from: 0,
            next,
            kept: BTreeMap::new(),
            first_owed,
            since: None,
            reading: 0,
        }
    }

    /// Goes over to another log under the same id.
    pub(super) fn turn_to(&mut self, incarnation: u64) -> Result<(), Lost> {
        if self.former == Some(incarnation) {
            return Err(Lost("something came late from a log that has been replaced"));
        }
        if self.is_waiting() {
            return Err(Lost("a log was replaced while events of it were missing"));
        }
        *self = Self::new(incarnation, Some(self.incarnation));
        Ok(())
    }

    /// Whether anything is kept back or read.
    pub(super) fn is_waiting(&self) -> bool {
        self.reading > 0 || !self.kept.is_empty()
    }

    /// Takes a piece of the log in.
    pub(super) fn take(
        &mut self,
        piece: &Piece<'_>,
        now: Instant,
        (kept, out): (&mut Kept, &mut Delivery),
    ) -> Result<(), Lost> {
        // What is not owed may have been announced late, when what follows it had come before anybody listened.
        if self.next.is_none() && piece.before == 0 && piece.owed {
            self.next = Some(0);
        }
        let before = out.len();
        for event in piece.events {
            let index = event.event().index;
            match self.next {
                Some(next) if index == next => {
                    out.push(Arc::clone(event));
                    self.next = Some(next + 1);
                }
                Some(next) if index < next => {
                    if index < self.from && piece.owed {
                        return Err(TOO_LATE);
                    }
                }
                _ => {
                    if piece.owed {
                        self.first_owed = Some(self.first_owed.map_or(index, |first| first.min(index)));
                    }
                    if self.kept.insert(index, Arc::clone(event)).is_none() {
                        kept.add(event)?;
                    }
                }
            }
        }
        self.deliver_kept((kept, &mut *out));
        let since = self.since.filter(|_| out.len() == before).unwrap_or(now);
        self.since = self.is_waiting().then_some(since);
        Ok(())
    }

    /// A part of the log that came without its events is about to be read; says from which index on it is missing,
    /// if it is.
    pub(super) fn read_from(
        &mut self,
        part: &Range<u64>,
        owed: bool,
        now: Instant,
    ) -> Result<Option<u64>, Lost> {
        if owed && self.next.is_some() && part.start < self.from {
            return Err(TOO_LATE);
        }
        let from = part.start.max(self.next.unwrap_or(0));
        if from >= part.end {
            return Ok(None);
        }
        self.reading += 1;
        self.since.get_or_insert(now);
        Ok(Some(from))
    }

    /// What was being read has been taken in.
    pub(super) fn has_read(&mut self, now: Instant) {
        self.reading = self.reading.saturating_sub(1);
        self.since = self.is_waiting().then_some(now);
    }

    fn deliver_kept(&mut self, (kept, out): (&mut Kept, &mut Delivery)) {
        let Some(mut next) = self.next else { return };
        while let Some(first) = self.kept.first_entry().filter(|first| *first.key() <= next) {
            let event = first.remove();
            kept.remove(&event);
            if event.event().index == next {
                out.push(event);
                next += 1;
            }
        }
        self.next = Some(next);
    }

    /// Delivers what was kept back long enough. Says which part of the log has to be read because it did not come.
    pub(super) fn check(
        &mut self,
        now: Instant,
        (kept, out): (&mut Kept, &mut Delivery),
    ) -> Result<Option<Range<u64>>, Lost> {
        let Some(waited) = self.since.map(|since| now.duration_since(since)) else { return Ok(None) };
        if self.reading > 0 {
            return match waited < READING {
                true => Ok(None),
                false => Err(Lost("events could not be read in time")),
            };
        }
        match (self.next, self.kept.first_key_value()) {
            (Some(next), Some((first, _))) if waited >= PATIENCE => {
                let missing = next..*first;
                self.reading += 1;
                self.since = Some(now);
                return Ok(Some(missing));
            }
            (None, _) if waited >= REORDERING => self.begin((kept, out)),
            _ => return Ok(None),
        }
        self.since = self.is_waiting().then_some(now);
        Ok(None)
    }

    /// Begins to deliver at the lowest event that is owed. What lies below it need not be shown.
    fn begin(&mut self, (kept, out): (&mut Kept, &mut Delivery)) {
        let first = self.first_owed.take();
        let owed = first.map_or_else(BTreeMap::new, |first| self.kept.split_off(&first));
        std::mem::replace(&mut self.kept, owed).values().for_each(|event| kept.remove(event));
        if let Some(first) = first {
            self.from = first;
            self.next = Some(first);
            self.deliver_kept((kept, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::events;
    use super::*;

    struct Task {
        order: Order,
        kept: Kept,
        out: Delivery,
        now: Instant,
    }

    impl Task {
        fn new() -> Self {
            let (order, kept) = (Order::new(1, None), Kept::default());
            Self { order, kept, out: vec![], now: Instant::now() }
        }

        fn take(&mut self, from: u64, to: u64) -> Result<(), Lost> {
            self.take_some(from..to, true)
        }

        fn take_some(&mut self, part: Range<u64>, owed: bool) -> Result<(), Lost> {
            let events = events("t", part.clone());
            let piece = Piece { incarnation: 1, before: part.start, events: &events, owed };
            self.order.take(&piece, self.now, (&mut self.kept, &mut self.out))
        }

        fn later(&mut self, by: Duration) -> Result<Option<Range<u64>>, Lost> {
            self.now += by;
            self.order.check(self.now, (&mut self.kept, &mut self.out))
        }

        fn delivered(&self) -> Vec<u64> {
            self.out.iter().map(|event| event.event().index).collect()
        }
    }

    #[test]
    fn a_task_seen_from_its_first_event_is_delivered_at_once() {
        let mut task = Task::new();
        task.take(0, 2).unwrap();
        task.take(1, 3).unwrap();
        assert_eq!(task.delivered(), [0, 1, 2]);
        assert!(!task.order.is_waiting());
    }

    #[test]
    fn later_events_wait_for_those_before_them() {
        let mut task = Task::new();
        task.take(0, 1).unwrap();
        task.take(2, 4).unwrap();
        assert_eq!(task.delivered(), [0]);
        task.take(1, 2).unwrap();
        assert_eq!(task.delivered(), [0, 1, 2, 3]);
        assert_eq!((task.kept.events, task.kept.bytes), (0, 0));
        task.later(PATIENCE).unwrap();
    }

    #[test]
    fn a_task_seen_from_the_middle_is_delivered_in_order_after_a_moment() {
        let mut task = Task::new();
        task.take(7, 8).unwrap();
        task.take(5, 7).unwrap();
        assert!(task.delivered().is_empty());
        task.later(REORDERING).unwrap();
        assert_eq!(task.delivered(), [5, 6, 7]);
        task.take(8, 9).unwrap();
        assert_eq!(task.delivered(), [5, 6, 7, 8]);
        task.take(6, 9).unwrap();
        assert_eq!(task.delivered(), [5, 6, 7, 8]);
        task.take(4, 5).unwrap_err();
        assert!(task.order.read_from(&(4..5), true, task.now).is_err());
    }

    #[test]
    fn an_event_that_does_not_come_is_read() {
        let mut task = Task::new();
        task.take(1, 2).unwrap();
        task.take(0, 1).unwrap();
        task.take(3, 4).unwrap();
        assert_eq!(task.later(PATIENCE - Duration::from_millis(1)), Ok(None));
        assert_eq!(task.later(Duration::from_millis(1)), Ok(Some(2..3)));
        task.take(2, 3).unwrap();
        task.order.has_read(task.now);
        assert_eq!(task.delivered(), [0, 1, 2, 3]);
        assert_eq!(task.later(PATIENCE), Ok(None));
    }

    #[test]
    fn what_is_not_owed_begins_nothing_and_may_fill_a_hole() {
        let mut task = Task::new();
        task.take_some(0..1, false).unwrap();
        task.take(2, 3).unwrap();
        task.take_some(3..4, false).unwrap();
        task.take(4, 5).unwrap();
        task.later(REORDERING).unwrap();
        assert_eq!(task.delivered(), [2, 3, 4]);
        assert_eq!((task.kept.events, task.kept.bytes), (0, 0));
        let mut late = Task::new();
        late.take_some(0..2, false).unwrap();
        late.later(REORDERING).unwrap();
        assert!(late.delivered().is_empty() && !late.order.is_waiting());
    }

    #[test]
    fn what_is_being_read_holds_up_what_follows_it() {
        let mut task = Task::new();
        task.take(0, 1).unwrap();
        assert_eq!(task.order.read_from(&(1..3), true, task.now), Ok(Some(1)));
        task.take(3, 4).unwrap();
        task.later(PATIENCE).unwrap();
        task.take(1, 3).unwrap();
        task.order.has_read(task.now);
        assert_eq!(task.delivered(), [0, 1, 2, 3]);
        assert_eq!(task.order.read_from(&(1..3), true, task.now), Ok(None));
    }

    #[test]
    fn another_log_begins_anew_unless_something_of_the_old_one_is_missing() {
        let mut task = Task::new();
        task.take(0, 1).unwrap();
        task.order.turn_to(2).unwrap();
        assert!(task.order.turn_to(1).is_err(), "it came late");
        task.take(1, 2).unwrap();
        assert!(task.order.turn_to(3).is_err(), "something is kept back");
    }
}
