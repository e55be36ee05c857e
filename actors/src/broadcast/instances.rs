//! What other instances say of themselves: who lives, and how many readers each has. No actix, no bus in this file.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::domain::TaskId;

/// An instance that was silent for so long is gone (PROTOCOL §2 allows twice that).
pub(super) const SILENT: Duration = Duration::from_secs(15);
/// How often at most one instance is asked for all its counts.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Readers per task; absolute numbers, so that a newer one replaces an older one.
pub(super) type Counts = Vec<(TaskId, u64)>;

/// A message on [`crate::ports::Topic::Instances`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    /// Who says it.
    pub(super) from: u64,
    /// Which of its notices this is, counted from 1.
    pub(super) number: u64,
    pub(super) says: Says,
}

/// What an instance says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Says {
    /// It lives, its announcements up to `announced` are no longer on their way, and these counts have changed.
    Alive { announced: u64, changed: Counts },
    /// A part of all its counts: the first one begins anew, the last one makes them valid.
    Table { first: bool, last: bool, counts: Counts },
    /// It wants to know all counts of `to`, or of everybody.
    Hello { to: Option<u64> },
    /// It is about to follow all tasks, and wants to know the number of everybody's newest announcement.
    Where,
    /// Its newest announcement.
    Here { announced: u64 },
    /// It stops.
    Goodbye { announced: u64 },
}

/// One other instance.
struct Other {
    /// The number of the notice that should come next.
    next: u64,
    /// Whether its counts are known.
    complete: bool,
    counts: HashMap<TaskId, u64>,
    /// Counts of which the last part has not come yet.
    coming: Option<HashMap<TaskId, u64>>,
    heard: Instant,
    asked: Option<Instant>,
}

/// All other instances.
#[derive(Default)]
pub(crate) struct Instances {
    others: HashMap<u64, Other>,
    /// Those that said goodbye, so that what comes late from them does not bring them back.
    gone: HashMap<u64, Instant>,
}

impl Instances {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.others.len()
    }

    /// Who they are.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.others.keys().copied().collect()
    }

    /// Readers of the task in all of them.
    pub(crate) fn readers(&self, id: &TaskId) -> u64 {
        self.others.values().filter_map(|other| other.counts.get(id)).sum()
    }

    /// Takes a notice in.
    pub(super) fn take(&mut self, notice: &Notice, now: Instant) {
        if let Says::Goodbye { .. } = notice.says {
            self.others.remove(&notice.from);
            self.gone.insert(notice.from, now);
        }
        if self.gone.contains_key(&notice.from) {
            return;
        }
        let other = self.others.entry(notice.from).or_insert_with(|| Other::new(now));
        if notice.number < other.next {
            return;
        }
        if notice.number > other.next {
            other.complete = false;
            other.coming = None;
        }
        other.next = notice.number + 1;
        other.heard = now;
        match &notice.says {
            Says::Alive { changed, .. } => set(&mut other.counts, changed),
            Says::Table { first, last, counts } => other.take_part(*first, *last, counts),
            Says::Hello { .. } | Says::Where | Says::Here { .. } | Says::Goodbye { .. } => {}
        }
    }

    /// What came in may have been lost: everybody's counts are in doubt.
    pub(super) fn doubt(&mut self) {
        self.others.values_mut().for_each(|other| other.complete = false);
    }

    /// Those whose counts have to be asked for now.
    pub(super) fn ask_now(&mut self, now: Instant) -> Vec<u64> {
        let unknown = self.others.iter_mut().filter(|(_, other)| {
            !other.complete && other.asked.is_none_or(|asked| now.duration_since(asked) >= ASK_AGAIN)
        });
        unknown
            .map(|(id, other)| {
                other.asked = Some(now);
                *id
            })
            .collect()
    }

    /// Forgets those that were silent for too long, and says which.
    pub(super) fn forget_silent(&mut self, now: Instant) -> Vec<u64> {
        self.gone.retain(|_, since| now.duration_since(*since) < SILENT);
        let silent = self.others.extract_if(|_, other| now.duration_since(other.heard) >= SILENT);
        silent.map(|(id, _)| id).collect()
    }
}

impl Other {
    /// An instance that begins with its first notice has nothing to say yet; of any other something was missed.
    fn new(now: Instant) -> Self {
        Self { next: 1, complete: true, counts: HashMap::new(), coming: None, heard: now, asked: None }
    }

    fn take_part(&mut self, first: bool, last: bool, counts: &Counts) {
        if first {
            self.coming = Some(HashMap::new());
        }
        let Some(coming) = &mut self.coming else { return };
        set(coming, counts);
        if last {
            self.counts = self.coming.take().unwrap_or_default();
            self.complete = true;
        }
    }
}

fn set(known: &mut HashMap<TaskId, u64>, counts: &Counts) {
    for (id, count) in counts {
        if *count == 0 {
            known.remove(id);
        } else {
            known.insert(id.clone(), *count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TaskId {
        TaskId::parse(name).unwrap()
    }

    fn counts(of: &[(&str, u64)]) -> Counts {
        of.iter().map(|(name, count)| (id(name), *count)).collect()
    }

    fn alive(number: u64, changed: &[(&str, u64)]) -> Notice {
        Notice { from: 9, number, says: Says::Alive { announced: 0, changed: counts(changed) } }
    }

    fn table(number: u64, first: bool, last: bool, of: &[(&str, u64)]) -> Notice {
        Notice { from: 9, number, says: Says::Table { first, last, counts: counts(of) } }
    }

    fn after(table: &mut Instances, now: Instant, notices: &[Notice]) {
        notices.iter().for_each(|notice| table.take(notice, now));
    }

    #[test]
    fn counts_follow_what_instances_say() {
        let (mut all, now) = (Instances::default(), Instant::now());
        after(&mut all, now, &[alive(1, &[("a", 2), ("b", 1)]), alive(2, &[("a", 3), ("b", 0)])]);
        let other = Says::Alive { announced: 0, changed: counts(&[("a", 4)]) };
        all.take(&Notice { from: 5, number: 1, says: other }, now);
        assert_eq!((all.readers(&id("a")), all.readers(&id("b")), all.len()), (7, 0, 2));
        assert!(all.ask_now(now).is_empty(), "nothing was missed");
    }

    #[test]
    fn what_comes_late_or_twice_changes_nothing() {
        let (mut all, now) = (Instances::default(), Instant::now());
        after(&mut all, now, &[alive(1, &[("a", 2)]), alive(2, &[("a", 5)]), alive(1, &[("a", 2)])]);
        assert_eq!(all.readers(&id("a")), 5);
    }

    #[test]
    fn a_missed_notice_is_asked_for_once_a_second_until_all_counts_came() {
        let (mut all, now) = (Instances::default(), Instant::now());
        after(&mut all, now, &[alive(1, &[("a", 2)]), alive(3, &[])]);
        assert_eq!(all.ask_now(now), [9]);
        assert!(all.ask_now(now + Duration::from_millis(900)).is_empty());
        assert_eq!(all.ask_now(now + ASK_AGAIN), [9]);
        after(&mut all, now, &[table(4, true, false, &[("b", 1)]), table(5, false, true, &[("c", 2)])]);
        assert!(all.ask_now(now + 2 * ASK_AGAIN).is_empty());
        assert_eq!(["a", "b", "c"].map(|name| all.readers(&id(name))), [0, 1, 2]);
    }

    #[test]
    fn a_table_with_a_missing_part_replaces_nothing() {
        let (mut all, now) = (Instances::default(), Instant::now());
        let torn = [table(2, true, false, &[("b", 1)]), table(4, false, true, &[("c", 2)])];
        after(&mut all, now, &[alive(1, &[("a", 2)])]);
        after(&mut all, now, &torn);
        assert_eq!((all.readers(&id("a")), all.ask_now(now)), (2, vec![9]));
    }

    #[test]
    fn an_instance_first_heard_in_the_middle_is_asked() {
        let (mut all, now) = (Instances::default(), Instant::now());
        all.take(&alive(17, &[("a", 1)]), now);
        assert_eq!((all.readers(&id("a")), all.ask_now(now)), (1, vec![9]));
    }

    #[test]
    fn a_silent_instance_is_forgotten_with_its_counts() {
        let (mut all, now) = (Instances::default(), Instant::now());
        all.take(&alive(1, &[("a", 1)]), now);
        assert!(all.forget_silent(now + SILENT - Duration::from_millis(1)).is_empty());
        assert_eq!(all.forget_silent(now + SILENT), [9]);
        assert_eq!((all.readers(&id("a")), all.len()), (0, 0));
    }

    #[test]
    fn who_said_goodbye_does_not_come_back_with_a_late_notice() {
        let (mut all, now) = (Instances::default(), Instant::now());
        after(&mut all, now, &[alive(1, &[("a", 1)]), alive(3, &[])]);
        all.take(&Notice { from: 9, number: 4, says: Says::Goodbye { announced: 0 } }, now);
        all.take(&alive(2, &[("a", 1)]), now);
        assert_eq!((all.readers(&id("a")), all.len()), (0, 0));
        all.forget_silent(now + SILENT);
        assert!(all.gone.is_empty());
    }
}
