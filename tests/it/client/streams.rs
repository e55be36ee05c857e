//! The life of a subscription.

use std::time::Duration;

use futures_util::StreamExt as _;
use nix::sys::signal::Signal;
use serde_json::json;
use taskcast::client::{Client, Connection, Ending, NewEvent, NewTask, Received};
use tokio::time::Instant;

use super::{all, client, event, hasty};
use crate::support::proxy::{Fate, Gate, Plan, Proxy};
use crate::support::{Server, Setup, Store, wait_until, within};

on_local_stores!(
    a_subscription_that_is_dropped_closes_its_connection,
    the_status_tells_what_happens,
    a_connection_that_is_dead_is_found,
    a_deleted_task_ends_its_streams,
    a_task_created_anew_begins_its_text_anew,
);

async fn create(client: &Client) {
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
}

/// Waits until so many follow the task.
async fn followers(client: &Client, count: u64) {
    let follow = async || (client.get_task("t").await.unwrap().subscriber_count == count).then_some(());
    wait_until("subscribers", follow).await;
}

async fn a_subscription_that_is_dropped_closes_its_connection(server: Server) {
    let client = client(&server);
    create(&client).await;
    client.start("t").await.unwrap();
    let (mut one, mut other) = (client.subscribe("t").stream(), client.subscribe("t").stream());
    assert_eq!((event(&mut one).await.index, event(&mut other).await.index), (0, 0));
    followers(&client, 2).await;
    drop(one);
    followers(&client, 1).await;
    drop(other);
    followers(&client, 0).await;
    let mut text = client.subscribe("t").text("answer");
    client.publish("t", NewEvent::delta("text", "answer", "x")).await.unwrap();
    assert_eq!(text.changed().await.unwrap().unwrap(), "x");
    // Giving up waiting is not giving up the text.
    for _ in 0..100 {
        assert!(tokio::time::timeout(Duration::from_micros(100), text.changed()).await.is_err());
    }
    client.publish("t", NewEvent::delta("text", "answer", "y")).await.unwrap();
    assert_eq!(text.changed().await.unwrap().unwrap(), "xy");
    drop(text);
    followers(&client, 0).await;
}

async fn the_status_tells_what_happens(server: Server) {
    let direct = client(&server);
    create(&direct).await;
    direct.start("t").await.unwrap();
    let proxy = Proxy::planned(server.address, vec![Fate::AfterFrames(2)]).await;
    let mut stream = hasty(&proxy.url()).build().unwrap().subscribe("t").stream();
    let mut status = stream.watch_status();
    let mut seen = vec![*status.borrow()];
    let watching = tokio::spawn(async move {
        while status.changed().await.is_ok() {
            seen.push(*status.borrow_and_update());
        }
        seen
    });
    assert_eq!(event(&mut stream).await.index, 0);
    assert_eq!((stream.status(), stream.trouble().is_none()), (Connection::Open, true));
    let (_, next) = tokio::join!(
        async {
            proxy.had(2).await;
            followers(&direct, 1).await;
            direct.publish("t", NewEvent::new("a", 1)).await.unwrap();
        },
        event(&mut stream)
    );
    assert_eq!((next.index, stream.status()), (1, Connection::Open));
    let trouble = stream.trouble().expect("the connection broke");
    assert!(trouble.to_string().starts_with("the connection broke: "), "{trouble}");
    direct.cancel("t").await.unwrap();
    all(stream).await;
    use Connection::{Closed, Connecting, Open, Retrying};
    assert_eq!(watching.await.unwrap(), [Connecting, Open, Retrying, Open, Closed]);
}

async fn a_connection_that_is_dead_is_found(server: Server) {
    let direct = client(&server);
    create(&direct).await;
    direct.start("t").await.unwrap();
    let fates = vec![Fate::SilentAfterFrames(2), Fate::Silent];
    let proxy = Proxy::planned(server.address, fates).await;
    let limit = Duration::from_millis(300);
    let wary = hasty(&proxy.url()).silence(limit).request_timeout(limit).build().unwrap();
    let mut stream = wary.subscribe("t").stream();
    assert_eq!(event(&mut stream).await.index, 0);
    direct.cancel("t").await.unwrap();
    let begun = Instant::now();
    assert_eq!(event(&mut stream).await.index, 1);
    assert!(begun.elapsed() >= limit, "{:?}", begun.elapsed());
    assert_eq!(stream.trouble().unwrap().to_string(), "no answer within 300ms", "of the second connection");
    assert!(matches!(stream.next().await, Some(Ok(Received::Done(_)))));
    assert_eq!(proxy.connections(), 3);
}

async fn a_deleted_task_ends_its_streams(server: Server) {
    let client = client(&server);
    create(&client).await;
    let following = tokio::spawn(all(client.subscribe("t").stream()));
    followers(&client, 1).await;
    client.delete_task("t").await.unwrap();
    assert_eq!(following.await.unwrap(), [Received::Done(Ending::Deleted)]);
}

async fn a_task_created_anew_begins_its_text_anew(server: Server) {
    let direct = client(&server);
    create(&direct).await;
    direct.publish("t", NewEvent::delta("text", "answer", "old")).await.unwrap();
    let gate = Gate::closed();
    let hold = gate.clone();
    let proxy = Proxy::start(&[server.address], move |number| match number {
        // The comment, the snapshot and one delta: from here on cursors are exact.
        0 => Fate::AfterFrames(3).into(),
        _ => Plan { gate: Some(hold.clone()), ..Fate::Good.into() },
    })
    .await;
    let mut text = hasty(&proxy.url()).build().unwrap().subscribe("t").text("answer");
    assert_eq!(text.changed().await.unwrap().unwrap(), "old");
    direct.publish("t", NewEvent::delta("text", "answer", "er")).await.unwrap();
    assert_eq!(text.changed().await.unwrap().unwrap(), "older");
    let anew = async {
        proxy.had(2).await;
        direct.delete_task("t").await.unwrap();
        create(&direct).await;
        direct.publish("t", NewEvent::delta("text", "answer", "new")).await.unwrap();
        gate.open();
    };
    let (_, changed) = tokio::join!(anew, text.changed());
    assert_eq!(changed.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn a_stream_goes_on_at_a_server_that_was_started_anew() {
    let setup = Setup::new(Store::Sqlite).config(json!({"shutdown": {"drainMs": 1}}));
    let mut server = setup.start().await;
    let proxy = Proxy::planned(server.address, Vec::new()).await;
    let direct = client(&server);
    create(&direct).await;
    direct.publish("t", NewEvent::delta("text", "answer", "before ")).await.unwrap();
    let client = hasty(&proxy.url()).build().unwrap();
    let mut stream = client.subscribe("t").stream();
    let mut text = client.subscribe("t").text("answer");
    assert_eq!(event(&mut stream).await.index, 0);
    assert_eq!(text.changed().await.unwrap().unwrap(), "before ");
    let status = stream.watch_status();
    let following = tokio::spawn(async move { all(stream).await });
    server.signal(Signal::SIGTERM);
    let mut waiting = status.clone();
    within("the end", waiting.wait_for(|now| *now == Connection::Retrying)).await.unwrap();
    let told = Instant::now();
    assert!(server.ended().await.success());
    let server = setup.start().await;
    proxy.lead_to(server.address);
    let direct = super::client(&server);
    direct.publish("t", NewEvent::delta("text", "answer", "and after")).await.unwrap();
    direct.cancel("t").await.unwrap();
    let received = within("the rest", following).await.unwrap();
    assert_eq!(received.len(), 3, "{received:?}");
    // The text has gone on as well, though nobody asked it to in between.
    assert_eq!(text.finished().await.unwrap().0, "before and after");
    let back = proxy.times()[2];
    assert!(back - told >= Duration::from_millis(900), "the server asks for a second at least");
}
