//! Whether everything that other instances announced has come: the numbers of their announcements, without holes.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::Lost;

/// How long a missing number may still come.
const PATIENCE: Duration = Duration::from_millis(100);
/// Numbers of one instance that may have come before one that is missing.
const MAX_AHEAD: usize = 4096;

/// What an announcement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// New, and every follower is owed it.
    Owed,
    /// Committed before the followers came: they may see it, and need not.
    Free,
    /// It came before.
    Doubled,
}

/// The numbers of one instance.
#[derive(Default)]
struct Numbers {
    /// Numbers from here on have to come; `None` until the instance said where it is.
    owed: Option<u64>,
    /// All owed numbers below this have come.
    low: u64,
    /// The newest number known to be given.
    top: u64,
    /// Numbers that came before one that is missing.
    ahead: BTreeSet<u64>,
    missing_since: Option<Instant>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Sequences {
    instances: HashMap<u64, Numbers>,
    /// Whether instances are being asked where they are. One that is first heard of later has to be heard from its
    /// first number on.
    locating: bool,
}

impl Sequences {
    /// Begins anew: these instances, and all that are heard of meanwhile, are asked where they are.
    pub(super) fn locate(&mut self, known: Vec<u64>) {
        self.locating = true;
        self.instances = known.into_iter().map(|id| (id, Numbers::default())).collect();
    }

    /// Whether all instances have said where they are.
    pub(super) fn is_located(&self) -> bool {
        self.instances.values().all(|numbers| numbers.owed.is_some())
    }

    /// No further answer is waited for. An instance that did not say where it is must not be heard of again.
    pub(super) fn end_locating(&mut self) -> Result<(), Lost> {
        self.locating = false;
        let unplaced = |numbers: &Numbers| numbers.owed.is_none() && !numbers.ahead.is_empty();
        if self.instances.values().any(unplaced) {
            return Err(Lost("an instance that is heard did not say where it is"));
        }
        Ok(())
    }

    fn of(&mut self, instance: u64) -> &mut Numbers {
        let owed = (!self.locating).then_some(1);
        let fresh = || Numbers { owed, low: owed.unwrap_or(0), ..Numbers::default() };
        self.instances.entry(instance).or_insert_with(fresh)
    }

    /// An instance has said that `last` is its newest number.
    pub(super) fn located(&mut self, instance: u64, last: u64) {
        let numbers = self.of(instance);
        if numbers.owed.is_none() {
            numbers.place(last + 1);
        }
    }

    /// The announcement `number` of `instance` has come.
    pub(super) fn arrived(&mut self, instance: u64, number: u64, now: Instant) -> Result<Arrival, Lost> {
        let locating = self.locating;
        let numbers = self.of(instance);
        let Some(owed) = numbers.owed else {
            numbers.ahead.insert(number);
            return match locating && numbers.ahead.len() <= MAX_AHEAD {
                true => Ok(Arrival::Free),
                false => Err(Lost("an instance that did not say where it is was heard again")),
            };
        };
        if number < owed {
            return Ok(Arrival::Free);
        }
        if number < numbers.low || !numbers.ahead.insert(number) {
            return Ok(Arrival::Doubled);
        }
        numbers.top = numbers.top.max(number);
        numbers.advance(now);
        match numbers.ahead.len() <= MAX_AHEAD {
            true => Ok(Arrival::Owed),
            false => Err(Lost("too many announcements came before a missing one")),
        }
    }

    /// Everything `instance` announced up to `number` should have come by now.
    pub(super) fn told(&mut self, instance: u64, number: u64, now: Instant) -> Result<(), Lost> {
        let locating = self.locating;
        let numbers = self.of(instance);
        if numbers.owed.is_none() {
            return match locating {
                true => Ok(()),
                false => Err(Lost("an instance that did not say where it is was heard again")),
            };
        }
        numbers.top = numbers.top.max(number);
        numbers.advance(now);
        Ok(())
    }

    /// An instance is gone. Unless it said goodbye, what it committed last may never have been announced.
    pub(super) fn forget(&mut self, instance: u64) {
        self.instances.remove(&instance);
    }

    /// Whether a number is missing for too long.
    pub(super) fn check(&self, now: Instant) -> Result<(), Lost> {
        let overdue = |numbers: &Numbers| {
            numbers.missing_since.is_some_and(|since| now.duration_since(since) >= PATIENCE)
        };
        match self.instances.values().any(overdue) {
            true => Err(Lost("an announcement did not come")),
            false => Ok(()),
        }
    }

    /// The followers have been told that something is missing: everything up to now is forgiven.
    pub(super) fn forgive(&mut self) {
        for numbers in self.instances.values_mut() {
            let newest = numbers.ahead.last().copied().unwrap_or(0).max(numbers.top);
            if numbers.owed.is_some() || !self.locating && !numbers.ahead.is_empty() {
                numbers.owed = Some(numbers.owed.unwrap_or(newest + 1));
                numbers.low = numbers.low.max(newest + 1);
                numbers.top = newest;
                numbers.ahead.clear();
                numbers.missing_since = None;
            }
        }
    }
}

impl Numbers {
    /// Numbers from `owed` on have to come; some may have come already.
    fn place(&mut self, owed: u64) {
        self.owed = Some(owed);
        self.low = owed;
        self.ahead = self.ahead.split_off(&owed);
        self.top = self.ahead.last().copied().unwrap_or(0);
        self.advance(Instant::now());
    }

    fn advance(&mut self, now: Instant) {
        while self.ahead.remove(&self.low) {
            self.low += 1;
            self.missing_since = None;
        }
        if self.low <= self.top {
            self.missing_since.get_or_insert(now);
        } else {
            self.missing_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u64 = 1;

    fn placed(last: u64) -> (Sequences, Instant) {
        let mut all = Sequences::default();
        all.locate(vec![A]);
        all.located(A, last);
        all.end_locating().unwrap();
        (all, Instant::now())
    }

    #[test]
    fn numbers_that_come_in_any_order_are_each_taken_once() {
        let (mut all, now) = placed(5);
        let arrivals: Vec<_> = [7, 6, 7, 5, 8].iter().map(|n| all.arrived(A, *n, now).unwrap()).collect();
        use Arrival::*;
        assert_eq!(arrivals, [Owed, Owed, Doubled, Free, Owed]);
        all.check(now + PATIENCE).unwrap();
    }

    #[test]
    fn a_number_that_does_not_come_is_missed() {
        let (mut all, now) = placed(5);
        all.arrived(A, 7, now).unwrap();
        all.check(now).unwrap();
        all.check(now + PATIENCE).unwrap_err();
        all.forgive();
        all.check(now + PATIENCE).unwrap();
        assert_eq!(all.arrived(A, 6, now), Ok(Arrival::Doubled));
        assert_eq!(all.arrived(A, 8, now), Ok(Arrival::Owed));
    }

    #[test]
    fn a_lost_last_announcement_is_missed_once_the_instance_says_how_far_it_is() {
        let (mut all, now) = placed(5);
        all.told(A, 5, now).unwrap();
        all.check(now + PATIENCE).unwrap();
        all.told(A, 6, now).unwrap();
        all.check(now + PATIENCE).unwrap_err();
    }

    #[test]
    fn an_instance_first_heard_of_later_is_owed_from_its_first_number() {
        let (mut all, now) = placed(0);
        assert_eq!(all.arrived(2, 1, now), Ok(Arrival::Owed));
        all.check(now + PATIENCE).unwrap();
        all.arrived(3, 2, now).unwrap();
        all.check(now + PATIENCE).unwrap_err();
    }

    #[test]
    fn what_comes_before_the_answer_counts_once_the_answer_is_there() {
        let mut all = Sequences::default();
        let now = Instant::now();
        all.locate(vec![A]);
        assert!(!all.is_located());
        for number in [4, 5, 6] {
            assert_eq!(all.arrived(A, number, now), Ok(Arrival::Free));
        }
        all.located(A, 4);
        all.end_locating().unwrap();
        assert_eq!(all.arrived(A, 6, now), Ok(Arrival::Doubled));
        assert_eq!(all.arrived(A, 7, now), Ok(Arrival::Owed));
        all.check(now + PATIENCE).unwrap();
    }

    #[test]
    fn an_instance_that_did_not_answer_must_not_be_heard_of_again() {
        let mut all = Sequences::default();
        let now = Instant::now();
        all.locate(vec![A, 2]);
        all.arrived(2, 8, now).unwrap();
        all.end_locating().unwrap_err();
        all.forgive();
        assert_eq!(all.arrived(2, 9, now), Ok(Arrival::Owed));
        all.arrived(A, 3, now).unwrap_err();
        all.forgive();
        assert_eq!(all.arrived(A, 4, now), Ok(Arrival::Owed));
    }
}
