//! What a task still owes to webhooks (PROTOCOL §18): a durable cursor over its log for each of them.
//!
//! The outbox is a part of the head, so it is written by the ordinary compare-and-append commit and is as durable as
//! the task. It is *marked* while something may have to be delivered: [`Outbox::due`] says when somebody has to look.
//! Of several who look, the one whose commit takes the lease delivers; what it achieved it settles with the same
//! kind of commit, and when it dies the lease runs out.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Timestamp;
use super::event::TaskEvent;
use super::filter::EventFilter;
use super::id::EventId;
use super::rejection::Rejection;
use super::task::{Head, Task};

/// At most this many failures are kept of one task; the oldest go first.
pub const MAX_FAILURES: usize = 100;

/// Which webhook of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookId {
    /// One of its own, by its place in [`Task::webhooks`], which never changes.
    Own(u32),
    /// One for every task, by a number that stays the same while the webhook does.
    Global(u64),
}

impl HookId {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_at_checked(1)? {
            ("t", place) => place.parse().ok().map(Self::Own),
            ("g", number) => u64::from_str_radix(number, 16).ok().map(Self::Global),
            _ => None,
        }
    }
}

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(place) => write!(f, "t{place}"),
            Self::Global(number) => write!(f, "g{number:016x}"),
        }
    }
}

impl Serialize for HookId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HookId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the name of a webhook"))
    }
}

/// A webhook for every task, as far as rules are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalHook {
    /// The number of [`HookId::Global`].
    pub number: u64,
    /// Which events it gets.
    pub filter: EventFilter,
}

/// All webhooks that get events of `task`, with what they want.
pub fn hooks<'a>(
    task: &'a Task,
    global: &'a [GlobalHook],
) -> impl Iterator<Item = (HookId, Cow<'a, EventFilter>)> {
    let own = (0..).zip(task.webhooks.iter().flatten());
    let own = own.map(|(place, hook)| (HookId::Own(place), Cow::Owned(hook.event_filter())));
    own.chain(global.iter().map(|hook| (HookId::Global(hook.number), Cow::Borrowed(&hook.filter))))
}

/// Who works on an outbox, and until when nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// A random number that no two instances share.
    pub owner: u64,
    /// From then on somebody else may take over.
    pub until: Timestamp,
}

/// How far one webhook is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The webhook.
    pub hook: HookId,
    /// The index of the event to deliver next, if it is wanted.
    pub next: u64,
    /// How often that event was tried.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attempts: u32,
    /// When it was tried first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_at: Option<Timestamp>,
    /// It is not tried before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_before: Option<Timestamp>,
    /// Whether the webhook wants nothing of this task any more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stopped: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Cursor {
    /// A cursor of `hook` before the event at `next`.
    pub fn at(hook: HookId, next: u64) -> Self {
        Self { hook, next, attempts: 0, first_at: None, not_before: None, stopped: false }
    }

    /// Goes on behind the event at `index`.
    pub fn pass(&mut self, index: u64) {
        *self = Self { stopped: self.stopped, ..Self::at(self.hook, index + 1) };
    }

    /// Whether the next event may be tried at `now`.
    pub fn is_awake(&self, now: Timestamp) -> bool {
        !self.stopped && self.not_before.is_none_or(|at| at <= now)
    }

    /// When the next event of a log of `version` events may be tried, if there is one.
    fn due(&self, version: u64) -> Option<Timestamp> {
        (!self.stopped && self.next < version).then(|| self.not_before.unwrap_or_default())
    }
}

/// An event that could not be delivered to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The webhook.
    pub hook: HookId,
    /// The host of its URL; nothing else of a URL is safe to show.
    pub host: String,
    /// The event's index.
    pub index: u64,
    /// The event's id.
    pub event_id: EventId,
    /// The beginning of the event's type.
    pub event_type: Arc<str>,
    /// How often it was tried.
    pub attempts: u32,
    /// The status of the last answer, if there was one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    /// What went wrong the last time, in words of ours.
    pub error: String,
    /// When it was tried first.
    pub first_at: Timestamp,
    /// When it was tried last.
    pub failed_at: Timestamp,
    /// Whether it is to be delivered again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub again: bool,
}

impl Failure {
    /// The name under which it can be delivered again: one for each webhook and event.
    pub fn id(&self) -> String {
        format!("{}-{}", self.hook, self.index)
    }

    fn is_of(&self, other: &Self) -> bool {
        self.hook == other.hook && self.index == other.index
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// Where a webhook begins that has no cursor: where the log was when the outbox was marked.
    pub from: u64,
    /// When somebody has to look; `None` while nothing is owed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub due: Option<Timestamp>,
    /// Who is at work on it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lease: Option<Lease>,
    /// How far each webhook is; while nothing is owed, only the stopped ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cursors: Vec<Cursor>,
    /// What could not be delivered, the oldest first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failures: Vec<Failure>,
    /// How many failures are not kept any more.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropped: u64,
}

/// A wish to work on an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who, as in [`Lease::owner`].
    pub owner: u64,
    /// For how many milliseconds nobody else may.
    pub lease_ms: u64,
}

impl Claim {
    fn lease(self, now: Timestamp) -> Lease {
        Lease { owner: self.owner, until: now.plus_millis(self.lease_ms) }
    }
}

/// What becomes of the lease when work is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is renewed.
    GoOn,
    /// It is renewed if something can be delivered now, and given back otherwise.
    GoOnIfDue,
    /// It is given back.
    Leave,
}

/// What somebody with the lease achieved. Settling the same twice is settling it once.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// Who, and the new lease.
    pub claim: Claim,
    /// All webhooks there are, with how far they are now.
    pub cursors: Vec<Cursor>,
    /// What failed for good, the first time or again.
    pub failed: Vec<Failure>,
    /// Failures by their ids that were delivered after all.
    pub delivered: Vec<String>,
    /// What becomes of the lease.
    pub then: Then,
}

impl Outbox {
    /// The cursor of `hook`.
    pub fn cursor(&self, hook: HookId) -> Cursor {
        let known = self.cursors.iter().find(|cursor| cursor.hook == hook);
        known.cloned().unwrap_or_else(|| Cursor::at(hook, self.from))
    }

    /// Whether `owner` has the lease.
    pub fn is_leased_to(&self, owner: u64) -> bool {
        self.lease.is_some_and(|lease| lease.owner == owner)
    }

    /// Whether anybody may take the lease at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Has somebody look at `now`, unless somebody is at work. The log holds `version` events that nobody waits for.
    fn wake(&mut self, version: u64, now: Timestamp) {
        if self.due.is_none() {
            self.from = version;
        }
        if self.lease.is_none() {
            self.due = Some(now);
        }
    }

    fn lease_to(&mut self, lease: Lease) {
        self.lease = Some(lease);
        self.due = Some(lease.until);
    }

    fn keep(&mut self, failure: &Failure) {
        match self.failures.iter_mut().find(|known| known.is_of(failure)) {
            Some(known) => known.clone_from(failure),
            None => self.failures.push(failure.clone()),
        }
        if self.failures.len() > MAX_FAILURES {
            self.failures.remove(0);
            self.dropped += 1;
        }
    }

    fn next_due(&self, version: u64) -> Option<Timestamp> {
        let again = self.failures.iter().any(|failure| failure.again).then(Timestamp::default);
        self.cursors.iter().filter_map(|cursor| cursor.due(version)).chain(again).min()
    }

    fn give_back(&mut self, due: Option<Timestamp>) {
        self.lease = None;
        self.due = due;
        if due.is_none() {
            self.cursors.retain(|cursor| cursor.stopped);
        }
    }

    fn is_worth_keeping(&self) -> bool {
        self.due.is_some() || !self.cursors.is_empty() || !self.failures.is_empty() || self.dropped > 0
    }
}

/// The outbox of `head` once `events` are appended behind `version` others, if it has to be marked. While it is marked
/// already, or nobody who could be served now wants any of the events, it stays as it is.
pub(super) fn marked(
    head: &Head,
    events: &[Arc<TaskEvent>],
    (version, now): (u64, Timestamp),
    global: &[GlobalHook],
) -> Option<Outbox> {
    let outbox = head.outbox.as_deref();
    if outbox.is_some_and(|outbox| outbox.lease.is_some() || outbox.is_due(now)) {
        return None;
    }
    let awake = |hook| outbox.is_none_or(|outbox| outbox.cursor(hook).is_awake(now));
    let wanted = hooks(&head.task, global)
        .any(|(hook, filter)| awake(hook) && events.iter().any(|event| filter.matches(event)));
    wanted.then(|| {
        let mut outbox = outbox.cloned().unwrap_or_default();
        outbox.wake(version, now);
        outbox
    })
}

/// The outbox once `claim` has been granted.
pub(super) fn taken(outbox: Option<&Outbox>, claim: Claim, now: Timestamp) -> Result<Outbox, Rejection> {
    let mut outbox = outbox.filter(|outbox| outbox.due.is_some()).cloned().ok_or(Rejection::NothingDue)?;
    match outbox.lease {
        Some(lease) if lease.owner != claim.owner && lease.until > now => return Err(Rejection::OutboxTaken),
        None if !outbox.is_due(now) => return Err(Rejection::NothingDue),
        _ => outbox.lease_to(claim.lease(now)),
    }
    Ok(outbox)
}

/// The outbox of a log of `version` events once `settlement` is in; `None` when there is nothing left to remember.
pub(super) fn settled(
    outbox: Option<&Outbox>,
    settlement: &Settlement,
    (version, now): (u64, Timestamp),
) -> Result<Option<Outbox>, Rejection> {
    let claim = settlement.claim;
    let mut outbox =
        outbox.filter(|outbox| outbox.is_leased_to(claim.owner)).cloned().ok_or(Rejection::OutboxTaken)?;
    outbox.cursors.clone_from(&settlement.cursors);
    outbox.failures.retain(|failure| !settlement.delivered.contains(&failure.id()));
    settlement.failed.iter().for_each(|failure| outbox.keep(failure));
    let due = outbox.next_due(version);
    match settlement.then {
        Then::GoOnIfDue if due.is_none_or(|due| due > now) => outbox.give_back(due),
        Then::GoOn | Then::GoOnIfDue => outbox.lease_to(claim.lease(now)),
        Then::Leave => outbox.give_back(due),
    }
    Ok(outbox.is_worth_keeping().then_some(outbox))
}

/// The outbox once the failures with these ids, or all, are to be delivered again.
pub(super) fn again(
    outbox: Option<&Outbox>,
    ids: Option<&[String]>,
    (version, now): (u64, Timestamp),
) -> Result<Outbox, Rejection> {
    let mut outbox = outbox.cloned().ok_or(Rejection::NothingDue)?;
    let named = |failure: &&mut Failure| ids.is_none_or(|ids| ids.contains(&failure.id()));
    let mut found = false;
    for failure in outbox.failures.iter_mut().filter(named) {
        failure.again = true;
        found = true;
    }
    if !found {
        return Err(Rejection::NothingDue);
    }
    outbox.wake(version, now);
    Ok(outbox)
}
