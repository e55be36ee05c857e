//! A cut within the first replay, in which each series is one snapshot at the place of its newest piece.

use taskcast::client::{Client, Cursor, NewEvent, NewTask, Received};

use super::{all, client, hasty};
use crate::support::proxy::{Fate, Gate, Plan, Proxy};
use crate::support::{Server, wait_until};

/// The frames of the replay, with the comment that comes first.
const FRAMES: usize = 7;

on_local_stores!(
    a_cut_before_a_snapshot_came_loses_nothing,
    what_is_published_while_the_connection_is_lost_within_the_replay_comes_once,
    the_last_few_events_are_not_cut_short_by_a_cut,
    a_text_is_whole_from_every_beginning,
);

/// Plain events at 0, 2, 5, pieces of one text at 1 and 4, of another one at 3.
async fn prepare(client: &Client, id: &str) {
    client.create_task(NewTask { id: Some(id.into()), ..NewTask::default() }).await.unwrap();
    let events = [
        NewEvent::new("plain", 0),
        NewEvent::delta("text", "one", "long "),
        NewEvent::new("plain", 2),
        NewEvent::delta("text", "other", "short"),
        NewEvent::delta("text", "one", "text"),
        NewEvent::new("plain", 5),
    ];
    client.publish_batch(id, &events).await.unwrap();
}

/// Index and text, or data, of everything that came.
fn told(received: &[Received]) -> Vec<(u64, String)> {
    let events = received.iter().filter_map(|received| match received {
        Received::Event(event) => Some(event),
        Received::Done(_) => None,
        Received::Gap => panic!("a task has no gaps"),
    });
    events
        .map(|event| (event.index, event.text().unwrap_or_else(|| event.data.as_str().to_owned())))
        .collect()
}

fn expected(of: &[(u64, &str)]) -> Vec<(u64, String)> {
    of.iter().map(|&(index, text)| (index, text.to_owned())).collect()
}

async fn a_cut_before_a_snapshot_came_loses_nothing(server: Server) {
    let direct = client(&server);
    prepare(&direct, "t").await;
    direct.cancel("t").await.unwrap();
    let whole =
        [(0, "0"), (2, "2"), (3, "short"), (4, "long text"), (5, "5"), (6, r#"{"status":"cancelled"}"#)];
    for frames in 1..=FRAMES {
        let cuts = vec![Fate::AfterFrames(frames), Fate::AfterFrames(1), Fate::AfterFrames(frames)];
        let proxy = Proxy::planned(server.address, cuts).await;
        let through = hasty(&proxy.url()).build().unwrap();
        let received = all(through.subscribe("t").stream()).await;
        assert_eq!(told(&received), expected(&whole), "cut after {frames}");
        assert_eq!(proxy.connections(), 4);
        assert!(!proxy.asked().concat().contains("since"), "nothing says that the replay is over");

        let proxy = Proxy::planned(server.address, vec![Fate::AfterFrames(frames)]).await;
        let through = hasty(&proxy.url()).build().unwrap();
        let (text, _) = through.subscribe("t").text("one").finished().await.unwrap();
        assert_eq!(text, "long text", "cut after {frames}");
    }
}

async fn what_is_published_while_the_connection_is_lost_within_the_replay_comes_once(server: Server) {
    let direct = client(&server);
    for frames in 1..=6 {
        let id = &format!("t{frames}");
        prepare(&direct, id).await;
        let gate = Gate::closed();
        let hold = gate.clone();
        let proxy = Proxy::start(&[server.address], move |number| match number {
            0 => Fate::AfterFrames(frames).into(),
            _ => Plan { gate: Some(hold.clone()), ..Fate::Good.into() },
        })
        .await;
        let through = hasty(&proxy.url()).build().unwrap();
        let following = tokio::spawn(all(through.subscribe(id).stream()));
        let text = through.subscribe(id).text("one");
        proxy.had(2).await;
        direct.publish(id, NewEvent::delta("text", "one", "!")).await.unwrap();
        direct.cancel(id).await.unwrap();
        gate.open();
        let received = following.await.unwrap();
        let cancelled = (7, r#"{"status":"cancelled"}"#);
        // What comes before the cut stays; the snapshot of the text that grew has moved.
        let mut whole = vec![(0, "0"), (2, "2"), (3, "short"), (5, "5"), (6, "long text!"), cancelled];
        if frames >= 5 {
            whole.insert(3, (4, "long text"));
        }
        assert_eq!(told(&received), expected(&whole), "cut after {frames}");
        assert_eq!(text.finished().await.unwrap().0, "long text!");
    }
}

async fn the_last_few_events_are_not_cut_short_by_a_cut(server: Server) {
    let direct = client(&server);
    prepare(&direct, "t").await;
    direct.cancel("t").await.unwrap();
    let last = [(4, "long text"), (5, "5"), (6, r#"{"status":"cancelled"}"#)];
    for frames in 1..=4 {
        let proxy = Proxy::planned(server.address, vec![Fate::AfterFrames(frames)]).await;
        let through = hasty(&proxy.url()).build().unwrap();
        let received = all(through.subscribe("t").last(3).stream()).await;
        assert_eq!(told(&received), expected(&last), "cut after {frames}");
    }
}

async fn a_text_is_whole_from_every_beginning(server: Server) {
    let direct = client(&server);
    prepare(&direct, "t").await;
    let mut last = direct.subscribe("t").last(1).text("one");
    let mut behind = direct.subscribe("t").since(Cursor::Index(3)).text("one");
    assert_eq!(behind.changed().await.unwrap().unwrap(), "long text");
    let publishing = async {
        wait_until("both follow", async || {
            (direct.get_task("t").await.unwrap().subscriber_count == 2).then_some(())
        })
        .await;
        direct.publish("t", NewEvent::delta("text", "one", "!")).await.unwrap();
    };
    let (_, piece) = tokio::join!(publishing, last.changed());
    assert_eq!(piece.unwrap().unwrap(), "long text!");
    assert_eq!(behind.changed().await.unwrap().unwrap(), "long text!");
}
