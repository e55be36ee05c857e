//! Streams and histories: every start, every form, while publishing goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskcast_actors::domain::{EventFilter, Level, NewEvent, TaskEvent, TaskId, TaskStatus, Timestamp};
use taskcast_actors::testing::model::{self, Log, Shown, Since, Wish};
use taskcast_actors::{Cursor, Ending, Engine, HistoryCursor, HistoryRequest, SubscribeRequest};

use crate::support::engine::*;

fn random_event(rng: &mut fastrand::Rng, n: u64) -> NewEvent {
    let series = ["one", "two"][rng.usize(..2)];
    let mut event = match rng.u8(..8) {
        0 | 1 => plain(n),
        2 => NewEvent::new("text", json("[1]"))
            .in_series(series, taskcast_actors::domain::SeriesMode::Accumulate),
        3 | 4 => latest(series, n),
        _ => delta(series, &format!("{n},")),
    };
    if rng.u8(..6) == 0 {
        event.event_type = "other.kind".into();
    }
    event.level = Level::ALL[rng.usize(..4)];
    event
}

fn random_wish(rng: &mut fastrand::Rng) -> Wish {
    let types =
        [None, Some(vec!["text"]), Some(vec!["other.*", "taskcast:*"]), Some(vec!["text", "progress"])];
    let types = types[rng.usize(..4)].clone().map(|list| list.into_iter().map(str::to_owned).collect());
    let levels = [None, None, Some(vec![Level::Info, Level::Error])][rng.usize(..3)].clone();
    Wish { types, levels, include_status: rng.bool() }
}

fn random_since(rng: &mut fastrand::Rng, log: &Log) -> Since {
    let any = &log.events[rng.usize(..log.events.len())];
    let rank = Some(rng.i64(-2..log.events.len() as i64));
    match rng.u8(..5) {
        0 => Since::default(),
        1 => Since { id: Some(any.id.clone()), ..Since::default() },
        2 => Since { time: Some(Timestamp(any.timestamp.0 - i64::from(rng.bool()))), ..Since::default() },
        3 => Since { rank, ..Since::default() },
        _ => Since { id: Some(any.id.clone()), rank, time: None },
    }
}

fn cursor(since: &Since) -> Cursor {
    Cursor { id: since.id.clone(), time: since.time, rank: since.rank }
}

fn replay(log: &Log, wish: &Wish, since: &Since, accumulated: bool, limit: Option<usize>) -> Vec<Shown> {
    match since {
        Since { id: None, time: None, rank: None } => log.from_start(wish, limit),
        since => log.from_cursor(wish, since, accumulated, limit),
    }
}

/// A finished task of `length` random events, and its log.
async fn random_task(engine: &Engine, rng: &mut fastrand::Rng, length: u64) -> (TaskId, Log) {
    let id = running(engine).await;
    let mut events = history(engine, &id, HistoryRequest::default()).await;
    for n in 0..length {
        events.extend_from_slice(&engine.publish(&id, vec![random_event(rng, n)]).await.unwrap());
    }
    complete(engine, &id).await;
    let last =
        HistoryRequest { cursor: Some(HistoryCursor::Index(length as i64)), ..HistoryRequest::default() };
    events.extend(history(engine, &id, last).await);
    (id, log_of(events))
}

async fn a_finished_task_replays_as_the_protocol_says_from_every_cursor(open: Open) {
    let engine = engine_with(open(), |settings| settings.ring = SMALL_RING);
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let length = rng.u64(..40) + if seed % 30 == 0 { 600 } else { 0 };
        let (id, log) = random_task(&engine, &mut rng, length).await;
        for _ in 0..8 {
            let (wish, since) = (random_wish(&mut rng), random_since(&mut rng, &log));
            let accumulated = rng.bool();
            let limit = rng.bool().then(|| rng.usize(1..12));
            let request =
                SubscribeRequest { filter: wish.filter(), cursor: cursor(&since), limit, accumulated };
            let (seen, ending) = read_all(&engine, &id, request).await;
            let expected = replay(&log, &wish, &since, accumulated, limit);
            assert_eq!(seen, expected, "seed {seed} {wish:?} {since:?} {accumulated} {limit:?}");
            assert_eq!(ending, Ending::Finished(TaskStatus::Completed));
        }
    }
    engine.stop().await;
}

async fn history_is_what_the_protocol_says(open: Open) {
    let engine = engine_over(open());
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let length = rng.u64(..40) + if seed % 10 == 0 { 600 } else { 0 };
        let (id, log) = random_task(&engine, &mut rng, length).await;
        for _ in 0..8 {
            let wish = random_wish(&mut rng);
            let index = rng.i64(-3..log.events.len() as i64 + 2);
            let limit = rng.bool().then(|| rng.usize(1..20));
            let accumulated = rng.bool();
            let by_id = usize::try_from(index).ok().and_then(|at| log.events.get(at)).filter(|_| rng.bool());
            let at = by_id.map_or(HistoryCursor::Index(index), |event| HistoryCursor::Id(event.id.clone()));
            let request = HistoryRequest { filter: wish.filter(), cursor: Some(at), limit, accumulated };
            let read = history(&engine, &id, request).await;
            let expected = log.history(&wish, index, limit, accumulated);
            let form = |event: &Arc<TaskEvent>| (event.index, model::data_of(event), event.snapshot);
            let expected: Vec<_> = expected.into_iter().map(|e| (e.index, e.data, e.snapshot)).collect();
            assert_eq!(read.iter().map(form).collect::<Vec<_>>(), expected, "seed {seed} {wish:?} {index}");
        }
    }
    engine.stop().await;
}

/// Reads in pieces, each time from the cursor of the last event; checks that nothing is lost and nothing doubled.
async fn in_pieces(engine: Engine, id: TaskId, wish: Wish, accumulated: bool, seed: u64) -> Vec<Shown> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut whole: Vec<Shown> = Vec::new();
    let mut since = Cursor { rank: Some(-1), ..Cursor::default() };
    loop {
        let request =
            SubscribeRequest { filter: wish.filter(), cursor: since.clone(), limit: None, accumulated };
        let mut viewer = Viewer::open(&engine, &id, request).await;
        viewer.until(rng.usize(1..60)).await;
        if let Some((shown, id)) = viewer.seen.last().zip(viewer.ids.last()) {
            since = match rng.bool() {
                true => Cursor { id: Some(id.clone()), ..Cursor::default() },
                false => Cursor { rank: Some(shown.rank as i64), ..Cursor::default() },
            };
        }
        let ended = viewer.ending.is_some();
        whole.append(&mut viewer.seen);
        if ended {
            return whole;
        }
    }
}

/// What is left of `seen` when events that were superseded may be missing.
fn essential(log: &Log, seen: &[Shown]) -> Vec<Shown> {
    seen.iter().filter(|shown| !log.is_superseded(shown.index as usize)).cloned().collect()
}

async fn resumes_while_publishing_goes_on_lose_and_double_nothing(open: Open) {
    let engine = engine_with(open(), |settings| settings.ring = SMALL_RING);
    for seed in 0..6 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let id = running(&engine).await;
        let readers: Vec<_> = (0..6)
            .map(|reader| {
                let (wish, accumulated) = (random_wish(&mut rng), reader % 2 == 0);
                let reading =
                    in_pieces(engine.clone(), id.clone(), wish.clone(), accumulated, seed * 100 + reader);
                (wish, accumulated, tokio::spawn(reading))
            })
            .collect();
        let mut events = history(&engine, &id, HistoryRequest::default()).await;
        for n in 0..300 {
            events.extend_from_slice(&engine.publish(&id, vec![random_event(&mut rng, n)]).await.unwrap());
            if n % 50 == 0 {
                engine.passivate_idle().await;
            }
        }
        complete(&engine, &id).await;
        let last = HistoryRequest { cursor: Some(HistoryCursor::Index(300)), ..HistoryRequest::default() };
        events.extend(history(&engine, &id, last).await);
        let log = log_of(events);
        for (wish, accumulated, reading) in readers {
            let seen = reading.await.unwrap();
            assert!(seen.windows(2).all(|pair| pair[0].index < pair[1].index), "doubled or disordered");
            let everything = Since { rank: Some(-1), ..Since::default() };
            let expected = log.from_cursor(&wish, &everything, accumulated, None);
            assert_eq!(essential(&log, &seen), expected, "seed {seed} {wish:?} {accumulated}");
        }
    }
    engine.stop().await;
}

async fn late_joiners_put_the_same_texts_together_as_early_ones(open: Open) {
    let engine = engine_with(open(), |settings| settings.ring = SMALL_RING);
    let id = running(&engine).await;
    let early = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    let mut readers = vec![tokio::spawn(early.finish())];
    for n in 0..400u64 {
        let series = ["one", "two", "three"][n as usize % 3];
        engine.publish(&id, vec![delta(series, &format!("{n},"))]).await.unwrap();
        if n % 20 == 7 {
            let viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
            readers.push(tokio::spawn(viewer.finish()));
        }
    }
    complete(&engine, &id).await;
    let ids = history(&engine, &id, HistoryRequest::default()).await;
    let mut texts = Vec::new();
    for reader in readers {
        let (seen, _) = reader.await.unwrap();
        let mut series: BTreeMap<String, String> = BTreeMap::new();
        for shown in seen {
            let Some((name, _)) = model::series_of(&ids[shown.index as usize]) else { continue };
            let text = shown.data["delta"].as_str().unwrap().to_owned();
            match shown.snapshot {
                true => drop(series.insert(name.to_owned(), text)),
                false => series.entry(name.to_owned()).or_default().push_str(&text),
            }
        }
        texts.push(series);
    }
    assert_eq!(texts.len(), 21);
    assert!(texts.iter().all(|series| series == &texts[0] && series.len() == 3));
    engine.stop().await;
}

async fn a_subscriber_that_does_not_read_gets_all_and_costs_nothing(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    for batch in 0..200u64 {
        engine.publish(&id, (0..100).map(|n| plain(batch * 100 + n)).collect()).await.unwrap();
    }
    complete(&engine, &id).await;
    let slow = || engine.stats().slow_readers.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(slow(), 0);
    let (seen, ending) = viewer.finish().await;
    assert!(slow() > 0, "the window does not hold 20,000 events");
    assert_eq!(indexes(&seen), (0..20_002).collect::<Vec<_>>());
    assert_eq!(ending, Ending::Finished(TaskStatus::Completed));
    engine.stop().await;
}

async fn readers_survive_the_end_of_their_actor(open: Open) {
    let store = Arc::new(taskcast_actors::testing::FaultyStore::new(open()));
    let engine = engine_with(Arc::clone(&store) as _, |settings| settings.ring = SMALL_RING);
    let id = running(&engine).await;
    let mut readers = Vec::new();
    for accumulated in [false, true] {
        for filter in
            [EventFilter::default(), EventFilter { include_status: false, ..EventFilter::default() }]
        {
            let request = SubscribeRequest { filter, accumulated, ..SubscribeRequest::default() };
            readers.push(tokio::spawn(Viewer::open(&engine, &id, request).await.finish()));
        }
    }
    let mut text = String::new();
    for n in 0..60u64 {
        let fault =
            [taskcast_actors::testing::Fault::PanicBefore, taskcast_actors::testing::Fault::PanicAfter];
        store.fail_next(taskcast_actors::testing::Operation::Write, fault[n as usize % 2]);
        text.push_str(&format!("{n},"));
        engine.publish(&id, vec![delta("s", &format!("{n},"))]).await.unwrap();
    }
    complete(&engine, &id).await;
    for (place, reader) in readers.into_iter().enumerate() {
        let (seen, ending) = soon("a reader's end", reader).await.unwrap();
        let deltas: Vec<_> = seen.iter().filter_map(|shown| shown.data["delta"].as_str()).collect();
        assert_eq!((deltas.len(), ending), (60, Ending::Finished(TaskStatus::Completed)));
        let whole = if place >= 2 { (*deltas.last().unwrap()).to_owned() } else { deltas.concat() };
        assert_eq!(whole, text);
        assert_eq!(ending, Ending::Finished(TaskStatus::Completed));
    }
    assert!(engine.stats().actors_restarted.load(std::sync::atomic::Ordering::Relaxed) >= 60);
    engine.stop().await;
}

async fn a_history_of_a_busy_task_always_holds_a_newest_value(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    engine.publish(&id, vec![latest("p", 0)]).await.unwrap();
    let (writer, writing) = (engine.clone(), id.clone());
    let publishing = tokio::spawn(async move {
        for n in 1..3000 {
            writer.publish(&writing, vec![latest("p", n)]).await.unwrap();
        }
    });
    let mut reads = 0;
    while !publishing.is_finished() {
        let read = history(&engine, &id, HistoryRequest::default()).await;
        let newest = read.iter().filter(|event| &*event.event_type == "progress").count();
        assert!((1..=2).contains(&newest), "{newest} after {reads} reads");
        let archived = engine.export(&id).await.unwrap().1;
        assert_eq!(archived.len(), 2, "after {reads} reads");
        reads += 1;
    }
    publishing.await.unwrap();
    engine.stop().await;
}

async fn passivation_never_loses_a_reader_that_is_joining(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = std::time::Duration::ZERO);
    for round in 0..300u64 {
        let id = pending(&engine).await;
        let (viewer, ()) =
            tokio::join!(Viewer::open(&engine, &id, SubscribeRequest::default()), engine.passivate_idle());
        engine.passivate_idle().await;
        let (published, ()) = tokio::join!(engine.publish(&id, vec![plain(round)]), engine.passivate_idle());
        assert_eq!(published.unwrap()[0].index, 0);
        let mut viewer = viewer;
        assert_eq!(indexes(&viewer.until(1).await.seen), [0], "round {round}");
    }
    engine.stop().await;
}

engine_suite!(
    a_finished_task_replays_as_the_protocol_says_from_every_cursor,
    history_is_what_the_protocol_says,
    resumes_while_publishing_goes_on_lose_and_double_nothing,
    late_joiners_put_the_same_texts_together_as_early_ones,
    a_subscriber_that_does_not_read_gets_all_and_costs_nothing,
    readers_survive_the_end_of_their_actor,
    a_history_of_a_busy_task_always_holds_a_newest_value,
    passivation_never_loses_a_reader_that_is_joining,
);
