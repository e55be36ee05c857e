//! Publishing many small pieces.

use std::time::Duration;

use futures_util::poll;
use serde_json::json;
use taskcast::client::{Client, ClientError, HistoryQuery, NewEvent, NewTask, Publisher};

use super::{client, hasty};
use crate::support::proxy::{Fate, Gate, Plan, Proxy};
use crate::support::{Server, wait_until};

on_local_stores!(
    a_hundred_thousand_pieces_are_exactly_the_text,
    events_keep_their_order_and_only_neighbours_become_one,
    what_was_pushed_is_published_although_the_publisher_is_dropped,
    a_publisher_of_a_task_that_is_over_says_so,
    a_batch_whose_answer_is_lost_is_there_once_even_if_the_task_is_over_by_then,
    a_publisher_outlasts_a_server_that_is_away,
    large_pieces_are_not_made_too_large,
);

async fn create(client: &Client) {
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
}

async fn text(client: &Client) -> String {
    client.subscribe("t").last(1_000_000).text("text").changed().await.unwrap().unwrap().to_owned()
}

async fn a_hundred_thousand_pieces_are_exactly_the_text(server: Server) {
    let client = client(&server);
    create(&client).await;
    let publisher = client.publisher("t").open();
    let pieces: Vec<_> = (0..100_000).map(|number| ["ž", "漢", "🦀", "a", " "][number % 5]).collect();
    for piece in &pieces {
        publisher.push(piece).await.unwrap();
    }
    publisher.close().await.unwrap();
    assert_eq!(text(&client).await, pieces.concat());
    let events = client.history("t", &HistoryQuery::default()).await.unwrap();
    assert!(events.len() < pieces.len() / 20, "{} events", events.len());
}

async fn events_keep_their_order_and_only_neighbours_become_one(server: Server) {
    let client = client(&server);
    create(&client).await;
    let publisher = client.publisher("t").event_type("llm").linger(Duration::from_millis(200)).open();
    for number in 0..3 {
        publisher.push("a").await.unwrap();
        publisher.push("b").await.unwrap();
        publisher.publish(NewEvent::new("plain", number)).await.unwrap();
        // One that looks like a piece but was not pushed stays what it is.
        publisher.publish(NewEvent::delta("llm", "text", "c")).await.unwrap();
        publisher.push("").await.unwrap();
    }
    publisher.flush().await.unwrap();
    let events = client.history("t", &HistoryQuery::default()).await.unwrap();
    let told: Vec<_> =
        events.iter().map(|event| event.text().unwrap_or_else(|| event.data.as_str().to_owned())).collect();
    assert_eq!(told, ["ab", "0", "c", "ab", "1", "c", "ab", "2", "c", ""]);
    let numbers: Vec<_> = events.iter().map(|event| event.client_seq.unwrap()).collect();
    assert_eq!(numbers, Vec::from_iter(0..10));
    assert!(events.iter().all(|event| event.client_id == events[0].client_id));
    let expected = client.expected_seq("t", events[0].client_id.as_deref().unwrap()).await.unwrap();
    assert_eq!(expected, 10);
}

async fn what_was_pushed_is_published_although_the_publisher_is_dropped(server: Server) {
    let client = client(&server);
    create(&client).await;
    let publisher = client.publisher("t").linger(Duration::from_millis(50)).open();
    for piece in ["it ", "is ", "there"] {
        publisher.push(piece).await.unwrap();
    }
    drop(publisher);
    let published = async || {
        let events = client.history("t", &HistoryQuery::default()).await.unwrap();
        events.first().and_then(taskcast::client::Event::text)
    };
    assert_eq!(wait_until("it is published", published).await, "it is there");
}

async fn a_publisher_of_a_task_that_is_over_says_so(server: Server) {
    let client = client(&server);
    create(&client).await;
    let publisher = client.publisher("t").linger(Duration::from_millis(1)).open();
    publisher.push("in time").await.unwrap();
    publisher.flush().await.unwrap();
    client.cancel("t").await.unwrap();
    publisher.push("too late").await.unwrap();
    let error = publisher.flush().await.unwrap_err();
    assert!(matches!(error, ClientError::PublisherStopped(_)), "{error:?}");
    assert_eq!((error.status(), error.code()), (Some(400), "task_terminal"));
    assert_eq!(
        error.to_string(),
        "the publisher has stopped: Cannot publish to task in terminal status: cancelled (400, task_terminal)"
    );
    assert_eq!(publisher.push("later still").await.unwrap_err().code(), "task_terminal");
    assert_eq!(publisher.publish(NewEvent::new("a", 1)).await.unwrap_err().code(), "task_terminal");
    assert_eq!(publisher.close().await.unwrap_err().code(), "task_terminal");
    let nobody = client.publisher("nobody").open();
    nobody.push("x").await.unwrap();
    assert_eq!(nobody.close().await.unwrap_err().code(), "task_not_found");
}

async fn a_batch_whose_answer_is_lost_is_there_once_even_if_the_task_is_over_by_then(server: Server) {
    let direct = client(&server);
    for arrives in [true, false] {
        create(&direct).await;
        let gate = Gate::closed();
        let hold = gate.clone();
        let proxy = Proxy::start(&[server.address], move |number| match number {
            0 if arrives => Fate::Answering(0).into(),
            0 => Fate::Asking(0).into(),
            _ => Plan { gate: Some(hold.clone()), ..Fate::Good.into() },
        })
        .await;
        let publisher = hasty(&proxy.url()).build().unwrap().publisher("t").open();
        publisher.push("once").await.unwrap();
        let ending = async {
            proxy.had(2).await;
            direct.cancel("t").await.unwrap();
            gate.open();
        };
        let (closed, ()) = tokio::join!(publisher.close(), ending);
        if arrives {
            closed.unwrap();
            assert_eq!(text(&direct).await, "once");
        } else {
            assert_eq!(closed.unwrap_err().code(), "task_terminal");
        }
        direct.delete_task("t").await.unwrap();
    }
}

async fn a_publisher_outlasts_a_server_that_is_away(server: Server) {
    let direct = client(&server);
    create(&direct).await;
    let mut fates = vec![Fate::Answering(0), Fate::Asking(0)];
    fates.extend(vec![Fate::Refused; 30]);
    let proxy = Proxy::planned(server.address, fates).await;
    let client = hasty(&proxy.url()).attempts(2).build().unwrap();
    let publisher = client.publisher("t").open();
    publisher.push("still ").await.unwrap();
    publisher.flush().await.unwrap();
    publisher.push("here").await.unwrap();
    publisher.close().await.unwrap();
    assert_eq!((text(&direct).await.as_str(), proxy.connections()), ("still here", 33));
    let proxy = Proxy::planned(server.address, vec![Fate::Refused; 1000]).await;
    let client = hasty(&proxy.url()).build().unwrap();
    let publisher = client.publisher("t").persistence(Duration::from_millis(100)).open();
    publisher.push("never").await.unwrap();
    assert_eq!(publisher.close().await.unwrap_err().code(), "connection_failed");
}

async fn large_pieces_are_not_made_too_large(server: Server) {
    let client = client(&server);
    create(&client).await;
    let publisher = client.publisher("t").linger(Duration::from_millis(100)).open();
    let (control, long) = ("\u{1}".repeat(10_000), "x".repeat(1_000_000));
    let mut pieces = vec![control; 30];
    pieces.extend(["y".repeat(100_000), long.clone(), "z".to_owned(), long]);
    for piece in &pieces {
        publisher.push(piece).await.unwrap();
    }
    publisher.close().await.unwrap();
    assert!(text(&client).await == pieces.concat());
}

#[tokio::test]
async fn a_server_that_answers_nothing_makes_producers_wait() {
    let proxy = Proxy::planned(([127, 0, 0, 1], 1).into(), vec![Fate::Silent; 1]).await;
    let client = hasty(&proxy.url()).build().unwrap();
    let publisher = client.publisher("t").buffer(1000).linger(Duration::ZERO).open();
    let piece = "x".repeat(100);
    for _ in 0..10 {
        publisher.push(&piece).await.unwrap();
    }
    let mut waiting = Box::pin(publisher.push(&piece));
    assert!(poll!(&mut waiting).is_pending());
    proxy.was_asked("POST /tasks/t/events").await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        assert!(poll!(&mut waiting).is_pending(), "there is room for 1000 bytes");
    }
    // Whoever gives up waiting has pushed nothing, and leaves no room taken.
    drop(waiting);
    let mut large = Box::pin(publisher.publish(NewEvent::new("large", json!("y".repeat(5000)))));
    assert!(poll!(&mut large).is_pending());
}

/// Whether there is room for one more piece, however often one asks.
async fn accepts(publisher: &Publisher) -> bool {
    let mut push = Box::pin(publisher.push(""));
    for _ in 0..100 {
        if poll!(&mut push).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[tokio::test]
async fn pieces_that_are_tiny_are_bounded_by_their_number() {
    let proxy = Proxy::planned(([127, 0, 0, 1], 1).into(), vec![Fate::Silent; 1]).await;
    let publisher = hasty(&proxy.url()).build().unwrap().publisher("t").open();
    let mut pushed = 0;
    while accepts(&publisher).await {
        pushed += 1;
        assert!(pushed < 20_000, "without bound");
    }
    assert!(pushed >= 1000, "{pushed}");
}
