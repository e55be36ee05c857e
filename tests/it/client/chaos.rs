//! Publishers and followers whose connections fail at every possible point, hundreds of times.
//!
//! A seed decides what is published and what happens to each connection. To run only one of them, set
//! `TASKCAST_CHAOS_SEED`.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use taskcast::client::{
    Client, Cursor, Ending, HistoryQuery, NewEvent, NewTask, Received, SeriesMode, TaskStatus,
};
use tokio::sync::watch;

use super::book::{Book, Form};
use super::{all, hasty};
use crate::support::proxy::{Chaos, Proxy};
use crate::support::{Server, Setup, Store, within};

/// So many runs are under way at once.
const AT_ONCE: usize = 12;
const PIECES: [&str; 9] = ["a", " the ", "ž", "漢字", "🦀", "e\u{301}", "\"\\\n", "\u{2028}", "\u{1}"];

on_local_stores!(everybody_gets_exactly_what_was_published_whatever_happens_to_connections);

async fn everybody_gets_exactly_what_was_published_whatever_happens_to_connections(server: Server) {
    run_all(&[server.address], 0..96).await;
    server.is_well().await;
}

#[tokio::test]
async fn connections_that_fail_may_go_on_at_another_instance() {
    let setup = Setup::new(Store::Tiered);
    let servers = [setup.start().await, setup.start().await];
    run_all(&servers.each_ref().map(|server| server.address), 1000..1016).await;
}

async fn run_all(servers: &[SocketAddr], seeds: Range<u64>) {
    let seeds = match std::env::var("TASKCAST_CHAOS_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) => seeds.collect(),
    };
    let runs = stream::iter(seeds).map(async |seed| {
        let ended = tokio::spawn(within("a run", run(servers.to_vec(), seed))).await;
        if let Err(error) = ended {
            eprintln!("TASKCAST_CHAOS_SEED={seed} runs what failed once more");
            std::panic::resume_unwind(error.into_panic());
        }
        ended.expect("it did not fail")
    });
    let failed: usize = runs.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.into_iter().sum();
    assert!(failed > 0, "nothing has happened to any connection");
}

/// Somebody with a way to the server of his own.
struct Party {
    client: Client,
    proxy: Proxy,
}

impl Party {
    async fn new(servers: &[SocketAddr], seed: u64, number: u64) -> Self {
        let seed = seed.wrapping_mul(16) + number;
        let proxy = Proxy::start(servers, move |connection| Chaos::plan(seed, connection)).await;
        let client = hasty(&proxy.url())
            .attempts(40)
            .request_timeout(Duration::from_secs(1))
            .silence(Duration::from_secs(1))
            .build()
            .unwrap();
        Self { client, proxy }
    }
}

/// What somebody has published.
#[derive(Default)]
struct Log {
    text: String,
    plain: Vec<String>,
    latest: Option<String>,
}

/// One run; how many connections there were beyond one for everybody.
async fn run(servers: Vec<SocketAddr>, seed: u64) -> usize {
    let id = &format!("run-{seed}");
    let parties =
        stream::iter(0..8).then(|number| Party::new(&servers, seed, number)).collect::<Vec<_>>().await;
    let [answer, thoughts, delta, whole, text, latest, late, cursor] = &parties[..] else { panic!("eight") };
    let task = NewTask { id: Some(id.clone()), ..NewTask::default() };
    answer.client.create_task(task).await.unwrap();
    answer.client.start(id).await.unwrap();
    let (progress, half) = watch::channel(false);
    let publishing = async {
        let logs = tokio::join!(
            publish(&answer.client, id, "answer", seed, &progress),
            publish(&thoughts.client, id, "thoughts", seed + 1, &progress),
        );
        thoughts.client.complete(id, json!({"seed": seed})).await.unwrap();
        logs
    };
    let joined_late = async {
        within("half", half.clone().wait_for(|half| *half)).await.expect("it is published");
        all(late.client.subscribe(id).stream()).await
    };
    let (logs, delta_told, whole_told, text_told, latest_told, late_told, (since, cursor_told)) = tokio::join!(
        publishing,
        all(delta.client.subscribe(id).stream()),
        all(whole.client.subscribe(id).accumulated().stream()),
        follow_text(&text.client, id),
        follow_latest(&latest.client, id),
        joined_late,
        follow_from_cursor(&cursor.client, id, seed),
    );
    let direct = Client::new(&format!("http://{}", servers[0])).unwrap();
    let book = Book::of(direct.history(id, &HistoryQuery::default()).await.unwrap());
    for (name, log) in [("answer", &logs.0), ("thoughts", &logs.1)] {
        assert_eq!(book.text(name), log.text);
        assert_eq!(book.data(&format!("plain.{name}")), log.plain);
        assert_eq!(book.data(&format!("latest.{name}")), Vec::from_iter(log.latest.as_deref()));
    }
    book.is_told_by(&delta_told, Form::Deltas);
    book.is_told_by(&late_told, Form::Deltas);
    book.is_told_by(&whole_told, Form::Accumulated);
    book.is_told_by(&cursor_told, Form::After(since));
    assert_eq!(text_told, logs.0.text);
    assert_eq!(latest_told, logs.0.latest);
    direct.delete_task(id).await.unwrap();
    parties.iter().map(|party| party.proxy.connections()).sum::<usize>() - parties.len()
}

async fn publish(client: &Client, id: &str, name: &str, seed: u64, half: &watch::Sender<bool>) -> Log {
    let mut rng = Rng::with_seed(seed);
    let publisher = client.publisher(id).text_series(name).linger(Duration::from_millis(1)).open();
    let mut log = Log::default();
    let count = rng.usize(16..80);
    for number in 0..count {
        let data = format!(r#"{{"{name}":{number}}}"#);
        let value = json!({name: number});
        match rng.u8(0..14) {
            0..8 => {
                let piece = PIECES[rng.usize(..PIECES.len())].repeat(rng.usize(0..4));
                log.text.push_str(&piece);
                publisher.push(&piece).await.unwrap();
            }
            8..10 => {
                log.plain.push(data);
                publisher.publish(NewEvent::new(&format!("plain.{name}"), value)).await.unwrap();
            }
            10 => {
                log.plain.push(data);
                let plain = NewEvent::new(&format!("plain.{name}"), value);
                let (series_id, series_mode) = (Some(name.to_owned()), Some(SeriesMode::KeepAll));
                publisher.publish(NewEvent { series_id, series_mode, ..plain }).await.unwrap();
            }
            11 => {
                log.latest = Some(data);
                let (event_type, series) = (format!("latest.{name}"), format!("{name}.latest"));
                publisher.publish(NewEvent::latest(&event_type, &series, value)).await.unwrap();
            }
            _ => publisher.flush().await.unwrap(),
        }
        if number == count / 2 {
            half.send_replace(true);
        }
    }
    publisher.close().await.unwrap();
    log
}

/// The text of one series, which must never do anything but grow.
async fn follow_text(client: &Client, id: &str) -> String {
    let mut text = client.subscribe(id).text("answer");
    let mut before = String::new();
    while let Some(changed) = within("the text", text.changed()).await {
        let now = changed.unwrap();
        assert!(now.starts_with(&before), "{before:?} has become {now:?}");
        now.clone_into(&mut before);
    }
    assert_eq!(text.ending(), Some(Ending::Finished(TaskStatus::Completed)));
    let (whole, _) = text.finished().await.expect("it has ended well");
    assert_eq!(whole, before);
    whole
}

async fn follow_latest(client: &Client, id: &str) -> Option<String> {
    let mut latest = client.subscribe(id).latest("answer.latest");
    let mut index = None;
    while let Some(changed) = within("the newest", latest.changed()).await {
        let now = Some(changed.unwrap().index);
        assert!(now > index, "{now:?} after {index:?}");
        index = now;
    }
    assert_eq!(latest.ending(), Some(Ending::Finished(TaskStatus::Completed)));
    latest.current().map(|event| event.data.as_str().to_owned())
}

/// Reads a few events, goes away, and comes back with a cursor; or comes with one that is before everything.
async fn follow_from_cursor(client: &Client, id: &str, seed: u64) -> (Option<u64>, Vec<Received>) {
    let mut rng = Rng::with_seed(seed);
    if rng.bool() {
        return (None, all(client.subscribe(id).since(Cursor::Index(-1)).stream()).await);
    }
    let mut events = client.subscribe(id).stream();
    let mut last = None;
    for _ in 0..rng.usize(1..20) {
        match within("an event", events.next()).await {
            Some(Ok(Received::Event(event))) => last = Some(event),
            _ => break,
        }
    }
    drop(events);
    let last = last.expect("there is the start of the task at least");
    (Some(last.index), all(client.subscribe(id).since(Cursor::Id(last.id)).stream()).await)
}
