//! What every bus promises, as tests: [`bus_suite!`](crate::bus_suite) stamps one for each promise.
//!
//! A bus is a hint: it may lose, double and reorder. What it promises is that what arrives is what was sent, that it
//! arrives only where somebody subscribed, that a message usually arrives, and that whoever may have missed something
//! is told of a gap. Every promise takes two members of one bus.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use crate::domain::TaskId;
use crate::ports::{Bus, BusEvent, Interest, Topic};

/// After this long a message that should come has not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two members of one bus that nobody else is on.
pub type Pair = (Arc<dyn Bus>, Arc<dyn Bus>);

fn id(name: &str) -> TaskId {
    TaskId::parse(name).expect("a plain word is an id")
}

/// The topic of a task, and the interest in it.
fn task(name: &str) -> (Topic, Interest) {
    (Topic::Task(id(name)), Interest::Task(id(name)))
}

fn joined(bus: &Arc<dyn Bus>, room: usize) -> Receiver<BusEvent> {
    let (sender, receiver) = channel(room);
    bus.connect(sender);
    receiver
}

async fn next(receiver: &mut Receiver<BusEvent>) -> BusEvent {
    let event = timeout(PATIENCE, receiver.recv()).await.expect("something comes in time");
    event.expect("the bus stays connected")
}

/// Publishes messages about `topic` until `receiver` gets one: the first ones may be lost.
async fn until_heard(bus: &Arc<dyn Bus>, topic: &Topic, receiver: &mut Receiver<BusEvent>) -> BusEvent {
    loop {
        bus.publish(topic, Bytes::from_static(b"are you there")).await.expect("the bus works");
        if let Ok(event) = timeout(Duration::from_millis(200), receiver.recv()).await {
            return event.expect("the bus stays connected");
        }
    }
}

/// A message reaches another member that subscribed to its task, byte for byte.
pub async fn a_message_reaches_who_subscribed((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 16), joined(&other, 16));
    let (topic, interest) = task("a");
    other.subscribe(&interest).await.expect("the bus works");
    until_heard(&one, &topic, &mut heard).await;
    let message = Bytes::from_static(b"\x00\xff {\"any\": \"bytes\"}\n");
    one.publish(&topic, message.clone()).await.expect("the bus works");
    let wanted = BusEvent::Message(topic, message);
    while next(&mut heard).await != wanted {}
}

/// Nothing arrives for a task that a member did not subscribe to, or no longer.
pub async fn only_what_was_subscribed_to_arrives((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 64), joined(&other, 64));
    let ((wanted, interest), (unwanted, _), (given_up, former)) =
        (task("wanted"), task("unwanted"), task("given-up"));
    other.subscribe(&former).await.expect("the bus works");
    until_heard(&one, &given_up, &mut heard).await;
    other.unsubscribe(&former).await.expect("the bus works");
    other.subscribe(&interest).await.expect("the bus works");
    until_heard(&one, &wanted, &mut heard).await;
    for topic in [&unwanted, &given_up, &Topic::Instances, &wanted] {
        one.publish(topic, Bytes::from_static(b"now")).await.expect("the bus works");
    }
    let last = BusEvent::Message(wanted.clone(), Bytes::from_static(b"now"));
    loop {
        let event = next(&mut heard).await;
        assert!(
            !matches!(&event, BusEvent::Message(topic, text) if *topic != wanted && &text[..] == b"now"),
            "{event:?}"
        );
        if event == last {
            return;
        }
    }
}

/// Who is interested in all tasks receives what is said of any, and of nothing else.
pub async fn an_interest_in_all_tasks_covers_every_task((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 64), joined(&other, 64));
    other.subscribe(&Interest::AllTasks).await.expect("the bus works");
    for name in ["a", "b", "with:colon*and?"] {
        let (topic, _) = task(name);
        let BusEvent::Message(about, _) = until_heard(&one, &topic, &mut heard).await else {
            panic!("there was room")
        };
        assert_eq!(about, topic);
        while heard.try_recv().is_ok() {}
    }
    one.publish(&Topic::Instances, Bytes::from_static(b"me")).await.expect("the bus works");
    other.unsubscribe(&Interest::AllTasks).await.expect("the bus works");
    let (topic, interest) = task("only");
    other.subscribe(&interest).await.expect("the bus works");
    one.publish(&task("a").0, Bytes::from_static(b"now")).await.expect("the bus works");
    match until_heard(&one, &topic, &mut heard).await {
        BusEvent::Message(about, _) if about == topic => {}
        event => panic!("{event:?} is of no interest"),
    }
}

/// What instances say of themselves reaches who wants to know.
pub async fn instances_hear_of_each_other((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 64), joined(&other, 64));
    other.subscribe(&Interest::Instances).await.expect("the bus works");
    let BusEvent::Message(about, _) = until_heard(&one, &Topic::Instances, &mut heard).await else {
        panic!("there was room")
    };
    assert_eq!(about, Topic::Instances);
}

/// Members subscribe on their own: one that goes leaves the others theirs.
pub async fn members_do_not_share_subscriptions((one, other): Pair) {
    let (mut own, mut heard) = (joined(&one, 64), joined(&other, 64));
    let (topic, interest) = task("both");
    one.subscribe(&interest).await.expect("the bus works");
    other.subscribe(&interest).await.expect("the bus works");
    until_heard(&one, &topic, &mut heard).await;
    other.unsubscribe(&interest).await.expect("the bus works");
    while own.try_recv().is_ok() {}
    until_heard(&other, &topic, &mut own).await;
}

/// A member that could not take everything is told of a gap once it takes again.
pub async fn who_cannot_keep_up_is_told_of_a_gap((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 16), joined(&other, 2));
    let (topic, interest) = task("busy");
    other.subscribe(&interest).await.expect("the bus works");
    until_heard(&one, &topic, &mut heard).await;
    for _ in 0..64 {
        one.publish(&topic, Bytes::from_static(b"too much")).await.expect("the bus works");
    }
    loop {
        if next(&mut heard).await == BusEvent::Gap {
            return;
        }
        one.publish(&topic, Bytes::from_static(b"one more")).await.expect("the bus works");
    }
}

/// Subscribing twice and giving up what was never subscribed to harm nobody, and a working bus says so.
pub async fn repeated_calls_harm_nobody((one, other): Pair) {
    let (_own, mut heard) = (joined(&one, 64), joined(&other, 64));
    let (topic, interest) = task("twice");
    other.unsubscribe(&interest).await.expect("the bus works");
    other.subscribe(&interest).await.expect("the bus works");
    other.subscribe(&interest).await.expect("the bus works");
    until_heard(&one, &topic, &mut heard).await;
    one.health().await.expect("the bus works");
    assert!(!one.provider().is_empty());
}

/// Stamps one test for each promise of [`Bus`], in a module of the name given.
///
/// The expression builds a [`Pair`] and may await. The crate needs `tokio` with `macros` and `rt-multi-thread`.
///
/// ```
/// # use std::sync::Arc;
/// # use taskcast_actors::memory::MemoryBus;
/// # use taskcast_actors::testing::bus_suite::Pair;
/// fn pair() -> Pair {
///     let bus = MemoryBus::new();
///     (Arc::new(bus.join()), Arc::new(bus))
/// }
/// taskcast_actors::bus_suite!(memory, pair());
/// ```
#[macro_export]
macro_rules! bus_suite {
    ($name:ident, $build:expr) => {
        $crate::__bus_suite! { $name, $build;
            a_message_reaches_who_subscribed
            only_what_was_subscribed_to_arrives
            an_interest_in_all_tasks_covers_every_task
            instances_hear_of_each_other
            members_do_not_share_subscriptions
            who_cannot_keep_up_is_told_of_a_gap
            repeated_calls_harm_nobody
        }
    };
}

/// The part of [`bus_suite!`](crate::bus_suite) that repeats.
#[doc(hidden)]
#[macro_export]
macro_rules! __bus_suite {
    ($name:ident, $build:expr; $($promise:ident)*) => {
        async fn $name() -> $crate::testing::bus_suite::Pair {
            $build
        }

        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    $crate::testing::bus_suite::$promise(super::$name().await).await;
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryBus;

    fn pair() -> Pair {
        let bus = MemoryBus::new();
        (Arc::new(bus.join()), Arc::new(bus))
    }

    crate::bus_suite!(memory, pair());
}
