//! Outboxes: whoever delivers, dies or settles late, nothing that a webhook wants is left out.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::ledger::Ledger;
use crate::domain::outbox::{Claim, Cursor, Failure, GlobalHook, HookId, MAX_FAILURES, Settlement, Then};
use crate::domain::{
    Command, EventFilter, Head, Json, NewEvent, NewTask, Rejection, TaskStatus, Timestamp, Transition,
    TypePattern, Webhook,
};

const LEASE_MS: u64 = 1000;
/// The webhooks of every test: one of the task that wants `a`, one of it that wants everything, and a global one that
/// wants `b`.
const HOOKS: [HookId; 3] = [HookId::Own(0), HookId::Own(1), HookId::Global(7)];

fn wants(hook: HookId, event_type: &str) -> bool {
    match hook {
        HookId::Own(0) => event_type == "a",
        HookId::Own(_) => true,
        HookId::Global(_) => event_type == "b",
    }
}

fn owing() -> Ledger {
    let webhook = |filter: Option<&str>| Webhook {
        url: "http://example.org/".into(),
        filter: filter.map(|text| Json::parse(text).expect("a filter is JSON")),
        secret: None,
        wrap: None,
        retry: None,
    };
    let webhooks = Some(vec![webhook(Some(r#"{"types":["a"]}"#)), webhook(None)]);
    let only_b = EventFilter { types: Some(vec![TypePattern::parse("b")]), ..EventFilter::default() };
    let mut ledger = Ledger::of(NewTask { webhooks, ..NewTask::default() }, Vec::new());
    ledger.hooks = Some(vec![GlobalHook { number: 7, filter: only_b }]);
    ledger
}

fn publish(ledger: &mut Ledger, event_type: &str) {
    ledger.ask(&Command::Publish(vec![NewEvent::new(event_type, Json::null())])).expect("the task runs");
}

/// What a receiver answers.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Yes,
    /// Try again after so many milliseconds.
    Later(u64),
    /// Never.
    No,
    /// Nothing more.
    Gone,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Publish(&'static str),
    Time(i64),
    Take(usize),
    Deliver(usize, usize, Answer),
    Settle(usize, Then),
    Die(usize),
    Again,
}

fn act() -> impl Strategy<Value = Act> {
    let answer = prop_oneof![
        6 => Just(Answer::Yes),
        2 => (1u64..3000).prop_map(Answer::Later),
        1 => Just(Answer::No),
        1 => Just(Answer::Gone),
    ];
    let then = prop_oneof![Just(Then::GoOn), Just(Then::GoOnIfDue), Just(Then::Leave)];
    prop_oneof![
        3 => prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(Act::Publish),
        2 => (1i64..1500).prop_map(Act::Time),
        3 => (0usize..2).prop_map(Act::Take),
        6 => (0usize..2, 0usize..3, answer).prop_map(|(who, hook, answer)| Act::Deliver(who, hook, answer)),
        3 => (0usize..2, then).prop_map(|(who, then)| Act::Settle(who, then)),
        1 => (0usize..2).prop_map(Act::Die),
        1 => Just(Act::Again),
    ]
}

/// Somebody who delivers, and what it has not settled.
struct Courier {
    claim: Claim,
    cursors: Vec<Cursor>,
    failed: Vec<Failure>,
    delivered: Vec<String>,
}

struct World {
    ledger: Ledger,
    couriers: [Option<Courier>; 2],
    /// Indexes each webhook was given or refused, in order.
    answered: [Vec<u64>; 3],
    gone: [bool; 3],
    draws: u64,
}

impl World {
    fn new() -> Self {
        Self {
            ledger: owing(),
            couriers: [None, None],
            answered: Default::default(),
            gone: [false; 3],
            draws: 0,
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Publish(event_type) => publish(&mut self.ledger, event_type),
            Act::Time(by) => self.ledger.now.0 += by,
            Act::Take(who) => self.take(who),
            Act::Deliver(who, hook, answer) => self.deliver(who, hook, answer),
            Act::Settle(who, then) => self.settle(who, then),
            Act::Die(who) => self.couriers[who] = None,
            Act::Again => drop(self.ledger.ask(&Command::Redeliver { ids: None })),
        }
        self.check();
    }

    fn take(&mut self, who: usize) {
        if self.couriers[who].is_some() {
            return;
        }
        self.draws += 1;
        let claim = Claim { owner: self.draws, lease_ms: LEASE_MS };
        if self.ledger.ask(&Command::TakeOutbox(claim)).is_ok() {
            let outbox = self.ledger.state.head.outbox.clone().expect("it was taken");
            let cursors = HOOKS.iter().map(|hook| outbox.cursor(*hook)).collect();
            self.couriers[who] = Some(Courier { claim, cursors, failed: Vec::new(), delivered: Vec::new() });
        }
    }

    fn deliver(&mut self, who: usize, hook: usize, answer: Answer) {
        let Some(courier) = &mut self.couriers[who] else { return };
        let cursor = &mut courier.cursors[hook];
        if !cursor.is_awake(self.ledger.now) {
            return;
        }
        let log = &self.ledger.log.events;
        let wanted = |index: &u64| wants(HOOKS[hook], &log[*index as usize].event_type);
        let end = log.len() as u64;
        let Some(index) = (cursor.next..end).find(wanted) else {
            cursor.next = cursor.next.max(end);
            return;
        };
        cursor.next = index;
        match answer {
            Answer::Yes => cursor.pass(index),
            Answer::Later(ms) => {
                cursor.not_before = Some(self.ledger.now.plus_millis(ms));
                return;
            }
            Answer::No | Answer::Gone => {
                let failure = failure(HOOKS[hook], index, self.ledger.now, &log[index as usize].id);
                courier.failed.push(failure);
                cursor.pass(index);
                cursor.stopped = matches!(answer, Answer::Gone);
                self.gone[hook] |= cursor.stopped;
            }
        }
        self.answered[hook].push(index);
    }

    fn settle(&mut self, who: usize, then: Then) {
        let Some(courier) = &mut self.couriers[who] else { return };
        let settlement = Settlement {
            claim: courier.claim,
            cursors: courier.cursors.clone(),
            failed: std::mem::take(&mut courier.failed),
            delivered: std::mem::take(&mut courier.delivered),
            then,
        };
        let settled = self.ledger.ask(&Command::SettleOutbox(settlement));
        let head = &self.ledger.state.head;
        let leased = head.outbox.as_ref().is_some_and(|outbox| outbox.is_leased_to(courier.claim.owner));
        if settled.is_err() || !leased {
            self.couriers[who] = None;
        } else {
            let again = head.outbox.iter().flat_map(|outbox| &outbox.failures);
            courier.delivered = again.filter(|failure| failure.again).map(Failure::id).collect();
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let head = &self.ledger.state.head;
        assert_eq!(&Head::decode(&head.encode()).expect("what was encoded"), &**head);
        let owes_nothing = head.outbox.as_ref().is_none_or(|outbox| outbox.due.is_none());
        for (place, hook) in HOOKS.iter().enumerate() {
            self.check_order(place);
            assert!(!owes_nothing || self.left_out(place).is_empty(), "{hook:?}: {:?}", head.outbox);
        }
    }

    /// Indexes that the webhook wants and was never asked to take.
    fn left_out(&self, hook: usize) -> Vec<u64> {
        let answered: BTreeSet<_> = self.answered[hook].iter().copied().collect();
        let log = &self.ledger.log.events;
        let wanted = log.iter().filter(|event| wants(HOOKS[hook], &event.event_type));
        let open = wanted.map(|event| event.index).filter(|index| !answered.contains(index));
        open.filter(|_| !self.gone[hook]).collect()
    }

    /// What comes for the first time comes in order, and with nothing left out before it.
    fn check_order(&self, hook: usize) {
        let mut seen = BTreeSet::new();
        let first = self.answered[hook].iter().copied().filter(|index| seen.insert(*index));
        let first: Vec<_> = first.collect();
        let log = &self.ledger.log.events;
        let wanted = log.iter().filter(|event| wants(HOOKS[hook], &event.event_type));
        let expected: Vec<_> = wanted.map(|event| event.index).take(first.len()).collect();
        assert_eq!(first, expected, "{:?}", HOOKS[hook]);
    }

    /// Lets everything that waits come to its end.
    fn finish(&mut self) {
        self.couriers = [None, None];
        for _ in 0..1000 {
            if self.ledger.state.head.due_at().is_none() {
                return;
            }
            self.ledger.now.0 += 5000;
            self.take(0);
            for _ in 0..10 {
                (0..HOOKS.len()).for_each(|hook| self.deliver(0, hook, Answer::Yes));
            }
            self.settle(0, Then::GoOnIfDue);
        }
        panic!("it owes something for ever: {:?}", self.ledger.state.head.outbox);
    }
}

fn failure(hook: HookId, index: u64, at: Timestamp, event_id: &crate::domain::EventId) -> Failure {
    Failure {
        hook,
        host: "example.org".into(),
        index,
        event_id: event_id.clone(),
        event_type: "a".into(),
        attempts: 1,
        status: Some(500),
        error: "no".into(),
        first_at: at,
        failed_at: at,
        again: false,
    }
}

proptest! {
    #[test]
    fn whoever_delivers_dies_or_settles_late_every_webhook_gets_all_it_wants_in_order(
        acts in proptest::collection::vec(act(), 0..80)
    ) {
        let mut world = World::new();
        acts.into_iter().for_each(|act| world.act(act));
        world.finish();
        world.check();
        for hook in 0..HOOKS.len() {
            prop_assert_eq!(world.left_out(hook), Vec::<u64>::new());
        }
    }
}

/// The lease of a ledger, taken by `owner`.
fn taken_by(ledger: &mut Ledger, owner: u64) -> Result<(), Rejection> {
    ledger.ask(&Command::TakeOutbox(Claim { owner, lease_ms: LEASE_MS })).map(drop)
}

fn settlement(owner: u64, cursors: Vec<Cursor>, failed: Vec<Failure>, then: Then) -> Command {
    let claim = Claim { owner, lease_ms: LEASE_MS };
    Command::SettleOutbox(Settlement { claim, cursors, failed, delivered: Vec::new(), then })
}

#[test]
fn only_an_event_that_somebody_wants_costs_a_new_head_and_only_the_first_one() {
    let mut ledger = Ledger::of(NewTask::default(), Vec::new());
    ledger.hooks = owing().hooks;
    let mut written = |event_type| {
        let change = ledger.ask(&Command::Publish(vec![NewEvent::new(event_type, Json::null())])).unwrap();
        change.head.is_some()
    };
    assert_eq!(["a", "c", "b", "b", "a"].map(&mut written), [false, false, true, false, false]);
    let transition = Command::Transition(Transition::to(TaskStatus::Running));
    let mut silent = Ledger::of(NewTask { webhooks: Some(Vec::new()), ..NewTask::default() }, Vec::new());
    silent.hooks = Some(Vec::new());
    silent.ask(&transition).unwrap();
    assert_eq!(silent.state.head.outbox, None);
    let mut undelivered = owing();
    undelivered.hooks = None;
    undelivered.ask(&transition).unwrap();
    assert_eq!(undelivered.state.head.outbox, None, "nobody delivers");
}

#[test]
fn a_lease_keeps_others_away_until_it_runs_out() {
    let mut ledger = owing();
    assert_eq!(taken_by(&mut ledger, 1), Err(Rejection::NothingDue));
    publish(&mut ledger, "a");
    assert_eq!(taken_by(&mut ledger, 1), Ok(()));
    assert_eq!(taken_by(&mut ledger, 1), Ok(()), "an answer may have been lost");
    assert_eq!(taken_by(&mut ledger, 2), Err(Rejection::OutboxTaken));
    ledger.now.0 += LEASE_MS as i64;
    assert_eq!(ledger.state.head.due_at(), Some(ledger.now));
    assert_eq!(taken_by(&mut ledger, 2), Ok(()));
    let late = settlement(1, Vec::new(), Vec::new(), Then::Leave);
    assert_eq!(ledger.ask(&late).map(drop), Err(Rejection::OutboxTaken));
}

#[test]
fn what_becomes_wanted_while_others_wait_is_looked_at_at_once() {
    let mut ledger = owing();
    publish(&mut ledger, "a");
    taken_by(&mut ledger, 1).unwrap();
    let later = ledger.now.plus_millis(60_000);
    let mut cursors: Vec<_> = HOOKS.iter().map(|hook| Cursor::at(*hook, 1)).collect();
    cursors[0] = Cursor { not_before: Some(later), attempts: 1, ..Cursor::at(HOOKS[0], 0) };
    ledger.ask(&settlement(1, cursors.clone(), Vec::new(), Then::Leave)).unwrap();
    assert_eq!(ledger.state.head.due_at(), Some(later));
    ledger.now.0 += 5;
    publish(&mut ledger, "b");
    assert_eq!(ledger.state.head.due_at(), Some(ledger.now), "two webhooks that do not wait want it");
    let outbox = ledger.state.head.outbox.clone().unwrap();
    assert_eq!(outbox.cursor(HOOKS[0]), cursors[0]);
    assert_eq!(outbox.cursor(HOOKS[1]).next, 1);
}

#[test]
fn events_that_only_a_waiting_webhook_wants_wait_with_it() {
    let mut ledger = owing();
    ledger.hooks = Some(Vec::new());
    publish(&mut ledger, "a");
    taken_by(&mut ledger, 1).unwrap();
    let later = ledger.now.plus_millis(60_000);
    let waiting = |hook: &HookId| Cursor { not_before: Some(later), ..Cursor::at(*hook, 0) };
    ledger.ask(&settlement(1, HOOKS.iter().map(waiting).collect(), Vec::new(), Then::Leave)).unwrap();
    publish(&mut ledger, "a");
    assert_eq!(ledger.state.head.due_at(), Some(later));
}

#[test]
fn a_webhook_that_stopped_marks_nothing_any_more() {
    let mut ledger = owing();
    ledger.hooks = Some(Vec::new());
    publish(&mut ledger, "a");
    taken_by(&mut ledger, 1).unwrap();
    let stopped = |hook: &HookId| Cursor { stopped: true, ..Cursor::at(*hook, 1) };
    let cursors = HOOKS[..2].iter().map(stopped).collect();
    ledger.ask(&settlement(1, cursors, Vec::new(), Then::GoOnIfDue)).unwrap();
    let change = ledger.ask(&Command::Publish(vec![NewEvent::new("a", Json::null())])).unwrap();
    assert_eq!((change.head, ledger.state.head.due_at()), (None, None));
}

#[test]
fn an_endpoint_that_is_added_later_gets_what_comes_later() {
    let mut ledger = owing();
    let hooks = ledger.hooks.replace(Vec::new());
    publish(&mut ledger, "b");
    taken_by(&mut ledger, 1).unwrap();
    let done = HOOKS[..2].iter().map(|hook| Cursor::at(*hook, 1)).collect();
    ledger.ask(&settlement(1, done, Vec::new(), Then::GoOnIfDue)).unwrap();
    assert_eq!(ledger.state.head.outbox, None);
    ledger.hooks = hooks;
    publish(&mut ledger, "b");
    assert_eq!(ledger.state.head.outbox.as_ref().unwrap().cursor(HOOKS[2]).next, 1);
}

#[test]
fn the_newest_hundred_failures_are_kept_each_once() {
    let mut ledger = owing();
    publish(&mut ledger, "a");
    taken_by(&mut ledger, 1).unwrap();
    let id = ledger.log.events[0].id.clone();
    let failures: Vec<_> = (0..150).map(|index| failure(HOOKS[1], index, ledger.now, &id)).collect();
    for some in [&failures[..100], &failures[100..], &failures[140..]] {
        ledger.ask(&settlement(1, Vec::new(), some.to_vec(), Then::GoOn)).unwrap();
    }
    let outbox = ledger.state.head.outbox.clone().unwrap();
    assert_eq!((outbox.failures.len(), outbox.dropped), (MAX_FAILURES, 50));
    assert_eq!(outbox.failures[0].index, 50);
}

#[test]
fn failures_are_delivered_again_by_name_or_all_of_them() {
    let mut ledger = owing();
    publish(&mut ledger, "a");
    taken_by(&mut ledger, 1).unwrap();
    let id = ledger.log.events[0].id.clone();
    let failed = [HOOKS[0], HOOKS[1]].map(|hook| failure(hook, 0, ledger.now, &id)).to_vec();
    let cursors: Vec<_> = HOOKS.iter().map(|hook| Cursor::at(*hook, 1)).collect();
    ledger.ask(&settlement(1, cursors, failed, Then::GoOnIfDue)).unwrap();
    assert_eq!(ledger.state.head.due_at(), None);
    let again = |ledger: &mut Ledger, ids: Option<Vec<String>>| {
        ledger.ask(&Command::Redeliver { ids })?;
        let outbox = ledger.state.head.outbox.clone().expect("there are failures");
        Ok::<_, Rejection>(outbox.failures.iter().filter(|failure| failure.again).count())
    };
    assert_eq!(again(&mut ledger, Some(vec!["t9-0".into()])), Err(Rejection::NothingDue));
    assert_eq!(again(&mut ledger, Some(vec!["t1-0".into()])), Ok(1));
    assert_eq!(ledger.state.head.due_at(), Some(ledger.now));
    assert_eq!(again(&mut ledger, None), Ok(2));
    assert_eq!(
        ledger.state.head.outbox.as_ref().unwrap().cursor(HOOKS[0]).next,
        1,
        "nothing else comes again"
    );
}

#[test]
fn names_of_webhooks_come_back() {
    for hook in [HookId::Own(0), HookId::Own(u32::MAX), HookId::Global(0), HookId::Global(u64::MAX)] {
        assert_eq!(HookId::parse(&hook.to_string()), Some(hook));
    }
    for text in ["", "t", "x1", "t-1", "gg", "é1"] {
        assert_eq!(HookId::parse(text), None, "{text}");
    }
}
