//! Several engines over one store, with a bus that works, a bus that fails, and none.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use taskcast_actors::domain::{Rejection, TaskId, TaskStatus, Transition};
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::{Bus, TaskStore};
use taskcast_actors::testing::FaultyBus;
use taskcast_actors::{Cursor, Ending, Engine, EngineError, HistoryRequest, SubscribeRequest};

use crate::support::engine::*;

/// Engines that share a store, on a bus that works or that fails by `seed`.
fn cluster(store: &Arc<dyn TaskStore>, size: usize, seed: Option<u64>) -> Vec<Engine> {
    let hub = MemoryBus::new();
    let member = |place: usize| {
        let access: Arc<dyn Bus> = Arc::new(hub.join());
        let bus = match seed {
            None => access,
            Some(seed) => Arc::new(FaultyBus::new(access, seed + place as u64)),
        };
        builder_with(Arc::clone(store), |settings| settings.ring = SMALL_RING).bus(bus).start().unwrap()
    };
    (0..size).map(member).collect()
}

async fn stop(engines: Vec<Engine>) {
    for engine in engines {
        engine.stop().await;
    }
}

/// Writers on all engines, readers on all engines.
async fn everybody_sees_everything(store: Arc<dyn TaskStore>, engines: Vec<Engine>, events: u64) {
    let id = running(&engines[0]).await;
    let mut readers = Vec::new();
    for engine in &engines {
        for accumulated in [false, true] {
            let request = SubscribeRequest { accumulated, ..SubscribeRequest::default() };
            readers.push((accumulated, tokio::spawn(Viewer::open(engine, &id, request).await.finish())));
        }
    }
    let writers: Vec<_> = engines
        .iter()
        .cloned()
        .map(|engine| {
            let id = id.clone();
            tokio::spawn(async move {
                for n in 0..events {
                    engine.publish(&id, vec![delta("s", "x"), plain(n)]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    complete(&engines[0], &id).await;
    let all = 2 * events * engines.len() as u64 + 2;
    for (accumulated, reader) in readers {
        let (seen, ending) = soon("a reader's end", reader).await.unwrap();
        assert_eq!(indexes(&seen), (0..all).collect::<Vec<_>>());
        assert!(seen.iter().all(|shown| shown.rank == shown.index));
        assert_eq!(ending, Ending::Finished(TaskStatus::Completed));
        let texts: Vec<_> =
            seen.iter().filter_map(|shown| shown.data["delta"].as_str()).map(str::len).collect();
        let expected: Vec<_> = (1..=texts.len()).map(|count| if accumulated { count } else { 1 }).collect();
        assert_eq!(texts, expected);
    }
    assert_eq!(terminal_events(&store, &id).await, 1);
    stop(engines).await;
}

async fn readers_on_three_engines_see_all_events_once_and_in_order(open: Open) {
    let store = open();
    let engines = cluster(&store, 3, None);
    everybody_sees_everything(store, engines, 60).await;
}

async fn readers_see_all_events_although_the_bus_loses_doubles_and_reorders(open: Open) {
    let runs = (0..4u64).map(|seed| {
        let store = open();
        let engines = cluster(&store, 2, Some(seed * 10));
        everybody_sees_everything(store, engines, 40)
    });
    join_all(runs).await;
}

async fn of_racing_completions_on_three_engines_one_wins(open: Open) {
    let store = open();
    let engines = cluster(&store, 3, Some(5));
    for round in 0..60 {
        let id = running(&engines[0]).await;
        let readers =
            join_all(engines.iter().map(|e| Viewer::open(e, &id, SubscribeRequest::default()))).await;
        let readers: Vec<_> = readers.into_iter().map(|viewer| tokio::spawn(viewer.finish())).collect();
        let ends = [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Cancelled];
        let racing = (0..9).map(|n| engines[n % 3].transition(&id, Transition::to(ends[n / 3])));
        let results = join_all(racing).await;
        let winners: Vec<_> = results.iter().flatten().map(|head| head.task.status).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        let lost = |r: &&Result<_, EngineError>| {
            matches!(r, Err(EngineError::Rejected(Rejection::InvalidTransition { .. })))
        };
        assert_eq!(results.iter().filter(lost).count(), 8);
        assert_eq!(terminal_events(&store, &id).await, 1);
        if round % 10 == 0 {
            for reader in readers {
                let (seen, ending) = soon("a reader's end", reader).await.unwrap();
                assert_eq!((seen.len(), ending), (2, Ending::Finished(winners[0])));
            }
        }
    }
    stop(engines).await;
}

/// A write elsewhere is visible in every read of this engine at once, though nobody told it.
async fn reads_show_what_another_engine_wrote_without_any_bus(open: Open) {
    let store = open();
    let (one, two) = (engine_over(Arc::clone(&store)), engine_over(store));
    let id = running(&one).await;
    two.publish(&id, vec![plain(0)]).await.unwrap();
    one.publish(&id, vec![plain(1)]).await.unwrap();
    assert_eq!(history(&two, &id, HistoryRequest::default()).await.len(), 3);
    assert_eq!(two.publish(&id, vec![plain(2)]).await.unwrap()[0].index, 3);
    complete(&one, &id).await;
    assert!(matches!(
        two.publish(&id, vec![plain(3)]).await,
        Err(EngineError::Rejected(Rejection::Terminal(_)))
    ));
    one.stop().await;
    two.stop().await;
}

async fn a_resume_on_an_engine_that_is_behind_doubles_nothing(open: Open) {
    let store = open();
    let (one, two) = (engine_over(Arc::clone(&store)), engine_over(store));
    let id = running(&one).await;
    two.publish(&id, vec![plain(0)]).await.unwrap();
    let written = one.publish(&id, vec![plain(1), plain(2), plain(3)]).await.unwrap();
    let by_id = Cursor { id: Some(written[1].id.clone()), ..Cursor::default() };
    let by_rank = Cursor { rank: Some(3), ..Cursor::default() };
    for cursor in [by_id, by_rank] {
        let mut viewer = Viewer::open(&two, &id, SubscribeRequest { cursor, ..Default::default() }).await;
        assert_eq!(indexes(&viewer.until(1).await.seen), [4]);
    }
    let newer = one.publish(&id, vec![plain(4)]).await.unwrap();
    for cursor in [
        Cursor { id: Some(newer[0].id.clone()), ..Cursor::default() },
        Cursor { rank: Some(5), ..Cursor::default() },
    ] {
        let mut viewer = Viewer::open(&two, &id, SubscribeRequest { cursor, ..Default::default() }).await;
        let next = two.publish(&id, vec![plain(5)]).await.unwrap()[0].index;
        viewer.until(1).await;
        assert_eq!(viewer.seen[0].index, next.min(viewer.seen[0].index), "nothing older comes");
        assert!(viewer.seen[0].index > newer[0].index);
    }
    one.stop().await;
    two.stop().await;
}

async fn a_gap_that_another_engine_fills_releases_what_is_held(open: Open) {
    for seed in [None, Some(1), Some(2), Some(3)] {
        let store = open();
        let engines = cluster(&store, 2, seed);
        let id = running(&engines[0]).await;
        engines[1].publish(&id, vec![numbered("c", 1, plain(1))]).await.unwrap();
        wait_until("nothing waits", || async { engines[1].waiting() == 0 }).await;
        let (holder, task) = (engines[1].clone(), id.clone());
        let held =
            tokio::spawn(
                async move { holder.publish_in_sequence(&task, vec![numbered("c", 3, plain(3))]).await },
            );
        wait_until("it is held", || async { engines[1].waiting() == 1 }).await;
        engines[0].publish(&id, vec![numbered("c", 2, plain(2))]).await.unwrap();
        let events = soon("the held publish", held).await.unwrap().unwrap();
        assert_eq!(events[0].index, 3, "{seed:?}");
        stop(engines).await;
    }
}

async fn nothing_is_refused_for_what_another_engine_has_changed(open: Open) {
    let store = open();
    let [here, there] = [engine_over(Arc::clone(&store)), engine_over(Arc::clone(&store))];
    let id = pending(&here).await;
    let first = |client: &str| vec![numbered(client, 0, plain(0))];
    here.publish(&id, first("c")).await.unwrap();
    there.publish(&id, first("d")).await.unwrap();
    // What one engine does is not announced to the other.
    for seq in 1..5 {
        let (one, other) = if seq % 2 == 0 { (&here, &there) } else { (&there, &here) };
        one.publish(&id, vec![numbered("c", seq, plain(seq))]).await.unwrap();
        assert_eq!(other.expected_seq(&id, "c").await, Ok(Some(seq + 1)));
        let stale = other.publish(&id, vec![numbered("c", 0, plain(0))]).await;
        let rejection = Rejection::SeqStale { expected: seq + 1, received: 0 };
        assert_eq!(stale, Err(EngineError::Rejected(rejection)));
    }
    there.transition(&id, Transition::to(TaskStatus::Running)).await.unwrap();
    complete(&here, &id).await;
    let terminal = EngineError::Rejected(Rejection::Terminal(TaskStatus::Completed));
    assert_eq!(
        there.publish(&id, Vec::new()).await,
        Err(terminal),
        "an empty batch is decided on what is there"
    );
    stop(vec![here, there]).await;
}

async fn a_task_deleted_or_replaced_elsewhere_ends_the_streams_here(open: Open) {
    let store = open();
    let engines = cluster(&store, 2, None);
    let (deleted, replaced) = (running(&engines[0]).await, running(&engines[0]).await);
    let mut viewers = Vec::new();
    for id in [&deleted, &replaced] {
        let mut viewer = Viewer::open(&engines[1], id, SubscribeRequest::default()).await;
        viewer.until(1).await;
        viewers.push(tokio::spawn(viewer.finish()));
    }
    engines[0].delete(&deleted).await.unwrap();
    let (head, events) = engines[0].export(&replaced).await.unwrap();
    let events = events.into_iter().map(Arc::new).collect();
    let archive = taskcast_actors::domain::archive::Archive { task: head.task.clone(), events };
    engines[0].import(archive, true).await.unwrap();
    let mut endings = Vec::new();
    for viewer in viewers {
        endings.push(soon("an end", viewer).await.unwrap().1);
    }
    assert_eq!(endings[0], Ending::Deleted);
    engines[0].publish(&replaced, vec![plain(1)]).await.unwrap();
    assert_eq!(endings[1], Ending::Interrupted);
    stop(engines).await;
}

async fn a_timer_fires_once_though_two_engines_sweep(open: Open) {
    let store = open();
    let clock = Arc::new(taskcast_actors::testing::ManualClock::default());
    let hub = MemoryBus::new();
    let engines: Vec<_> = (0..2)
        .map(|_| {
            let builder =
                builder_with(Arc::clone(&store), |settings| settings.sweep = Duration::from_secs(3600));
            builder.clock(Arc::clone(&clock) as _).bus(Arc::new(hub.join())).start().unwrap()
        })
        .collect();
    let mut ids: Vec<TaskId> = Vec::new();
    for _ in 0..50 {
        let task = taskcast_actors::domain::NewTask { ttl: Some(5), ..Default::default() };
        ids.push(created(&engines[ids.len() % 2], task).await);
    }
    clock.advance(Duration::from_secs(5));
    let (one, two) = tokio::join!(engines[0].sweep(), engines[1].sweep());
    assert!(one.is_ok() && two.is_ok());
    for id in &ids {
        assert_eq!(terminal_events(&store, id).await, 1);
    }
    stop(engines).await;
}

/// Without a bus nobody tells an engine what another one wrote.
async fn a_refusal_is_decided_on_what_other_engines_wrote(open: Open) {
    let store = open();
    let engines = [engine_over(Arc::clone(&store)), engine_over(store)];
    let id = pending(&engines[0]).await;
    let complete = Transition::to(TaskStatus::Completed);
    assert!(engines[1].transition(&id, complete.clone()).await.is_err(), "it is pending");
    engines[0].transition(&id, Transition::to(TaskStatus::Running)).await.unwrap();
    assert_eq!(engines[1].transition(&id, complete).await.unwrap().task.status, TaskStatus::Completed);
    for engine in engines {
        engine.stop().await;
    }
}

engine_suite!(
    a_refusal_is_decided_on_what_other_engines_wrote,
    readers_on_three_engines_see_all_events_once_and_in_order,
    readers_see_all_events_although_the_bus_loses_doubles_and_reorders,
    of_racing_completions_on_three_engines_one_wins,
    reads_show_what_another_engine_wrote_without_any_bus,
    a_resume_on_an_engine_that_is_behind_doubles_nothing,
    a_gap_that_another_engine_fills_releases_what_is_held,
    nothing_is_refused_for_what_another_engine_has_changed,
    a_task_deleted_or_replaced_elsewhere_ends_the_streams_here,
    a_timer_fires_once_though_two_engines_sweep,
);
