//! All changes of all tasks as one stream, on one engine of several: everything, or an end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::future::join_all;
use taskcast_actors::domain::{NewEvent, NewTask, TaskId};
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::TaskStore;
use taskcast_actors::testing::FaultyBus;
use taskcast_actors::{Engine, Followed, Follower};

use crate::support::engine::*;

/// Engines that share a store and a bus, each with its access to the bus to make it fail.
fn cluster(store: &Arc<dyn TaskStore>, size: usize) -> Vec<(Engine, Arc<FaultyBus>)> {
    let hub = MemoryBus::new();
    let member = |_| {
        let bus = Arc::new(FaultyBus::by_hand(Arc::new(hub.join())));
        let builder = builder_with(Arc::clone(store), |settings| settings.ring = SMALL_RING);
        (builder.bus(Arc::clone(&bus) as _).start().unwrap(), bus)
    };
    (0..size).map(member).collect()
}

async fn stop(engines: Vec<(Engine, Arc<FaultyBus>)>) {
    for (engine, _) in engines {
        engine.stop().await;
    }
}

/// Indexes by task.
type Seen = BTreeMap<TaskId, Vec<u64>>;

/// Reads until `enough`, or until continuity is lost.
async fn read(follower: &mut Follower, seen: &mut Seen, enough: impl Fn(&Seen) -> bool) -> bool {
    while !enough(seen) {
        match soon("the next changes", follower.next(64)).await {
            Followed::Events(events) => {
                for event in events {
                    seen.entry(event.event().task_id.clone()).or_default().push(event.event().index);
                }
            }
            Followed::Lagged => return false,
            Followed::Ended => panic!("it has not stopped"),
        }
    }
    true
}

async fn read_all(follower: &mut Follower, id: &TaskId, count: usize) -> Vec<u64> {
    let mut seen = Seen::new();
    let all = read(follower, &mut seen, |seen| seen.get(id).is_some_and(|seen| seen.len() >= count)).await;
    assert!(all, "continuity was lost after {seen:?}");
    seen.remove(id).unwrap_or_default()
}

async fn told_of_a_loss(follower: &mut Follower) {
    assert!(!read(follower, &mut Seen::new(), |_| false).await);
}

async fn a_task_that_lives_on_another_engine_is_shown_without_an_actor_here(open: Open) {
    let engines = cluster(&open(), 2);
    let mut follower = engines[0].0.follow().await;
    let id = running(&engines[1].0).await;
    engines[1].0.publish(&id, vec![plain(1), plain(2)]).await.unwrap();
    complete(&engines[1].0, &id).await;
    assert_eq!(read_all(&mut follower, &id, 4).await, [0, 1, 2, 3]);
    assert_eq!(engines[0].0.stats().active_actors.load(Relaxed), 0);
    stop(engines).await;
}

async fn a_task_that_was_there_before_is_shown_from_then_on(open: Open) {
    let engines = cluster(&open(), 3);
    let id = running(&engines[1].0).await;
    engines[2].0.publish(&id, vec![plain(0)]).await.unwrap();
    let mut follower = engines[0].0.follow().await;
    for n in 0..10 {
        engines[1 + n % 2].0.publish(&id, vec![plain(1)]).await.unwrap();
    }
    let mut seen = Seen::new();
    let last = |seen: &Seen| seen.get(&id).is_some_and(|seen| seen.ends_with(&[11]));
    assert!(read(&mut follower, &mut seen, last).await, "continuity was lost");
    let first = seen[&id][0];
    assert!(first <= 2 && seen[&id] == (first..12).collect::<Vec<_>>(), "{seen:?}");
    stop(engines).await;
}

async fn events_of_several_writers_are_shown_in_index_order(open: Open) {
    let engines = cluster(&open(), 3);
    let mut followers = join_all(engines.iter().map(|(engine, _)| engine.follow())).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(running(&engines[0].0).await);
    }
    let writers = engines.iter().map(|(engine, _)| {
        let (engine, ids) = (engine.clone(), ids.clone());
        tokio::spawn(async move {
            for n in 0..30 {
                for id in &ids {
                    engine.publish(id, vec![plain(n), plain(n)]).await.unwrap();
                }
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    for follower in &mut followers {
        let mut seen = Seen::new();
        let all = |seen: &Seen| seen.values().map(Vec::len).sum::<usize>() == 4 * 181;
        assert!(read(follower, &mut seen, all).await, "continuity was lost");
        assert!(seen.values().all(|indexes| *indexes == (0..181).collect::<Vec<_>>()));
    }
    stop(engines).await;
}

async fn an_event_too_large_for_the_bus_is_shown_in_its_place(open: Open) {
    let engines = cluster(&open(), 2);
    let mut follower = engines[0].0.follow().await;
    let id = running(&engines[1].0).await;
    let large = NewEvent::new("large", json(&format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20))));
    for _ in 0..3 {
        engines[1].0.publish(&id, vec![plain(1)]).await.unwrap();
        engines[1].0.publish(&id, vec![large.clone()]).await.unwrap();
        engines[0].0.publish(&id, vec![plain(2)]).await.unwrap();
    }
    assert_eq!(read_all(&mut follower, &id, 10).await, (0..10).collect::<Vec<_>>());
    stop(engines).await;
}

async fn a_lost_announcement_is_told_though_nothing_follows_it(open: Open) {
    let engines = cluster(&open(), 2);
    let id = running(&engines[1].0).await;
    let mut follower = engines[0].0.follow().await;
    engines[1].1.lose_next(1);
    complete(&engines[1].0, &id).await;
    told_of_a_loss(&mut follower).await;
    let mut follower = engines[0].0.follow().await;
    let id = running(&engines[1].0).await;
    assert_eq!(read_all(&mut follower, &id, 1).await, [0]);
    stop(engines).await;
}

async fn a_commit_whose_answer_was_lost_elsewhere_is_told(open: Open) {
    use taskcast_actors::testing::{Fault, FaultyStore, Operation};
    let faulty = Arc::new(FaultyStore::new(open()));
    let engines = cluster(&(Arc::clone(&faulty) as _), 2);
    let id = running(&engines[1].0).await;
    let mut follower = engines[0].0.follow().await;
    faulty.fail_next(Operation::Write, Fault::LoseAnswer);
    engines[1].0.publish(&id, vec![plain(1)]).await.unwrap();
    told_of_a_loss(&mut follower).await;
    stop(engines).await;
}

async fn who_follows_while_the_bus_is_down_is_told_once_it_works(open: Open) {
    let engines = cluster(&open(), 2);
    engines[0].1.be_deaf(true);
    let mut follower = engines[0].0.follow().await;
    let id = running(&engines[0].0).await;
    assert_eq!(read_all(&mut follower, &id, 1).await, [0], "what happens here is shown");
    engines[0].1.be_deaf(false);
    told_of_a_loss(&mut follower).await;
    let mut follower = engines[0].0.follow().await;
    let id = running(&engines[1].0).await;
    assert_eq!(read_all(&mut follower, &id, 1).await, [0]);
    stop(engines).await;
}

async fn a_task_made_again_under_its_id_is_shown_anew(open: Open) {
    let engines = cluster(&open(), 2);
    let mut follower = engines[0].0.follow().await;
    let id = TaskId::parse("again").unwrap();
    for round in 0..3 {
        let engine = &engines[round % 2].0;
        created(engine, NewTask { id: Some(id.clone()), ..NewTask::default() }).await;
        engine.publish(&id, vec![plain(1), plain(2)]).await.unwrap();
        assert_eq!(read_all(&mut follower, &id, 2).await, [0, 1]);
        engine.delete(&id).await.unwrap();
    }
    stop(engines).await;
}

/// Over a bus that loses, doubles and reorders, a stream has every event in order, or it ends.
async fn nothing_is_skipped_without_a_word(open: Open) {
    let runs = (0..8u64).map(|seed| async move {
        let store = open();
        let hub = MemoryBus::new();
        let member = |place: u64| {
            let bus = FaultyBus::new(Arc::new(hub.join()), seed * 100 + place);
            builder_with(Arc::clone(&store), |_| {}).bus(Arc::new(bus)).start().unwrap()
        };
        let engines: Vec<_> = (0..2).map(member).collect();
        let mut complete_streams = 0;
        for _ in 0..4 {
            let mut follower = engines[0].follow().await;
            let id = running(&engines[1]).await;
            for n in 0..6 {
                engines[n % 2].publish(&id, vec![plain(1)]).await.unwrap();
            }
            let mut seen = Seen::new();
            let last = |seen: &Seen| seen.get(&id).is_some_and(|seen| seen.ends_with(&[6]));
            let lasted = read(&mut follower, &mut seen, last).await;
            let seen = seen.remove(&id).unwrap_or_default();
            assert!(seen.is_sorted_by(|one, next| one < next), "seed {seed}: {seen:?}");
            if lasted && seen.len() < 7 {
                told_of_a_loss(&mut follower).await;
            }
            complete_streams += u32::from(seen.len() == 7);
        }
        join_all(engines.iter().map(Engine::stop)).await;
        complete_streams
    });
    let complete: u32 = join_all(runs).await.into_iter().sum();
    assert!(complete > 0, "some streams have everything");
}

engine_suite!(
    a_task_that_lives_on_another_engine_is_shown_without_an_actor_here,
    a_task_that_was_there_before_is_shown_from_then_on,
    events_of_several_writers_are_shown_in_index_order,
    an_event_too_large_for_the_bus_is_shown_in_its_place,
    a_lost_announcement_is_told_though_nothing_follows_it,
    a_commit_whose_answer_was_lost_elsewhere_is_told,
    who_follows_while_the_bus_is_down_is_told_once_it_works,
    a_task_made_again_under_its_id_is_shown_anew,
    nothing_is_skipped_without_a_word,
);
