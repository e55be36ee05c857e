//! Instances that are killed or stop: deliveries go on where they were.

use nix::sys::signal::Signal;
use serde_json::json;

use super::receiver::Reply;
use super::{Delivery, Receiver, first_indexes, indexes, publish, running, setup, willing};
use crate::support::{Server, Store};

/// A receiver that leaves one attempt without an answer: the first one for the event with this index.
async fn stuck_once_at(index: u64) -> Receiver {
    let stuck = std::sync::atomic::AtomicBool::new(false);
    let reply = move |delivery: &Delivery| {
        let first = delivery.index() == index && !stuck.swap(true, std::sync::atomic::Ordering::Relaxed);
        if first { Reply::Nothing } else { Reply::status(200) }
    };
    Receiver::start(reply).await
}

fn patient(receiver: &Receiver) -> serde_json::Value {
    json!([{"url": receiver.url("/"), "retry": {"timeoutMs": 60_000}}])
}

/// All of `count` events came, each first in its place.
async fn all_came(receiver: &Receiver, count: u64) -> Vec<Delivery> {
    let last = |delivery: &Delivery| delivery.index() == count - 1;
    let seen = receiver.until("the last event", |seen| seen.iter().any(last)).await;
    assert_eq!(first_indexes(&seen), (0..count).collect::<Vec<_>>());
    seen
}

mod a_killed_instance_that_is_started_again_goes_on {
    use super::*;

    async fn over(store: Store) {
        let receiver = stuck_once_at(25).await;
        let setup = setup(store);
        let server = setup.start().await;
        running(&server, "t", patient(&receiver)).await;
        publish(&server, "t", 0..50).await;
        receiver.until("an attempt that gets stuck", |seen| seen.iter().any(|seen| seen.index() == 25)).await;
        server.killed().await;
        let _server = setup.start().await;
        all_came(&receiver, 51).await;
    }

    #[tokio::test]
    async fn sqlite() {
        over(Store::Sqlite).await;
    }

    #[tokio::test]
    async fn redis() {
        over(Store::Redis).await;
    }

    #[tokio::test]
    async fn postgres() {
        over(Store::Postgres).await;
    }

    #[tokio::test]
    async fn tiered() {
        over(Store::Tiered).await;
    }
}

mod when_an_instance_is_killed_another_one_delivers {
    use super::*;

    async fn over(store: Store) {
        let receiver = stuck_once_at(10).await;
        let setup = setup(store);
        let (dying, heir) = (setup.start().await, setup.start().await);
        running(&dying, "t", patient(&receiver)).await;
        publish(&dying, "t", 0..20).await;
        receiver.until("an attempt that gets stuck", |seen| seen.iter().any(|seen| seen.index() == 10)).await;
        publish(&heir, "t", 20..30).await;
        dying.killed().await;
        all_came(&receiver, 31).await;
        heir.is_well().await;
    }

    #[tokio::test]
    async fn redis() {
        over(Store::Redis).await;
    }

    #[tokio::test]
    async fn postgres() {
        over(Store::Postgres).await;
    }

    #[tokio::test]
    async fn tiered() {
        over(Store::Tiered).await;
    }
}

mod of_two_instances_one_delivers {
    use super::*;

    async fn over(store: Store) {
        let receiver = willing().await;
        let setup = setup(store);
        let instances = [setup.start().await, setup.start().await];
        running(&instances[0], "t", patient(&receiver)).await;
        for n in 0..40 {
            let instance: &Server = &instances[n as usize % 2];
            publish(instance, "t", n..n + 1).await;
        }
        let seen = all_came(&receiver, 41).await;
        assert_eq!(indexes(&seen), (0..41).collect::<Vec<_>>(), "nothing came twice");
    }

    #[tokio::test]
    async fn redis() {
        over(Store::Redis).await;
    }

    #[tokio::test]
    async fn postgres() {
        over(Store::Postgres).await;
    }

    #[tokio::test]
    async fn tiered() {
        over(Store::Tiered).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_records_what_it_delivered_and_gives_its_tasks_back() {
    let receiver = stuck_once_at(25).await;
    let setup = setup(Store::Sqlite);
    let mut server = setup.start().await;
    running(&server, "t", patient(&receiver)).await;
    publish(&server, "t", 0..50).await;
    receiver.until("an attempt that gets stuck", |seen| seen.iter().any(|seen| seen.index() == 25)).await;
    server.signal(Signal::SIGTERM);
    assert!(server.ended().await.success());
    let _server = setup.start().await;
    let seen = all_came(&receiver, 51).await;
    let expected: Vec<_> = (0..=25).chain(25..51).collect();
    assert_eq!(indexes(&seen), expected, "only what got stuck came twice");
}
