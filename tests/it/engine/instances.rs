//! What engines on one bus know of each other: how many there are, and how many read each task.

use std::sync::Arc;

use futures_util::future::join_all;
use taskcast_actors::domain::TaskId;
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::{Bus, TaskStore};
use taskcast_actors::testing::{Fault, FaultyBus, FaultyStore, Operation};
use taskcast_actors::{Engine, SubscribeRequest, Subscription};

use crate::support::engine::*;

/// Engines that share a store and a bus, which fails by `seed`.
fn cluster(store: &Arc<dyn TaskStore>, size: usize, seed: Option<u64>) -> (MemoryBus, Vec<Engine>) {
    let hub = MemoryBus::new();
    let member = |place: usize| {
        let access: Arc<dyn Bus> = Arc::new(hub.join());
        let bus = match seed {
            None => access,
            Some(seed) => Arc::new(FaultyBus::new(access, seed + place as u64)),
        };
        builder_with(Arc::clone(store), |_| {}).bus(bus).start().unwrap()
    };
    let engines = (0..size).map(member).collect();
    (hub, engines)
}

async fn readers(engine: &Engine, id: &TaskId, count: usize) -> Vec<Subscription> {
    let opened = (0..count).map(|_| engine.subscribe(id, SubscribeRequest::default()));
    join_all(opened).await.into_iter().map(Result::unwrap).collect()
}

async fn all_count(engines: &[Engine], id: &TaskId, count: u64) {
    for engine in engines {
        wait_until("an engine counts all readers", || async { engine.subscriber_count(id) == count }).await;
    }
}

async fn all_know(engines: &[Engine], count: usize) {
    for engine in engines {
        wait_until("an engine knows all others", || async { engine.live_instances() == count }).await;
    }
}

async fn an_engine_alone_counts_its_own_readers_at_once(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    let open = readers(&engine, &id, 3).await;
    assert_eq!((engine.subscriber_count(&id), engine.live_instances()), (3, 1));
    drop(open);
    assert_eq!(engine.subscriber_count(&id), 0);
    engine.stop().await;
}

async fn a_reader_whose_actor_dies_is_counted_on(open: Open) {
    let store = Arc::new(FaultyStore::new(open()));
    let engine = engine_over(Arc::clone(&store) as _);
    let id = pending(&engine).await;
    let mut open = readers(&engine, &id, 1).await;
    store.fail_next(Operation::Write, Fault::PanicBefore);
    engine.publish(&id, vec![plain(0)]).await.unwrap();
    assert_eq!(soon("the event", open[0].next()).await.events().len(), 1);
    assert_eq!(engine.subscriber_count(&id), 1);
    engine.stop().await;
}

async fn every_engine_counts_the_readers_of_all(open: Open) {
    let (_hub, engines) = cluster(&open(), 3, None);
    let id = pending(&engines[0]).await;
    let mut open = Vec::new();
    for (place, engine) in engines.iter().enumerate() {
        open.push(readers(engine, &id, place + 1).await);
    }
    all_count(&engines, &id, 6).await;
    all_know(&engines, 3).await;
    open.pop();
    all_count(&engines, &id, 3).await;
    open.clear();
    all_count(&engines, &id, 0).await;
    join_all(engines.iter().map(Engine::stop)).await;
}

async fn counts_come_right_over_a_bus_that_loses_doubles_and_reorders(open: Open) {
    let (_hub, engines) = cluster(&open(), 2, Some(11));
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(pending(&engines[0]).await);
    }
    for round in 0..3 {
        let open = readers(&engines[round % 2], &ids[round], round + 1).await;
        all_count(&engines, &ids[round], round as u64 + 1).await;
        drop(open);
    }
    for id in &ids {
        all_count(&engines, id, 0).await;
    }
    join_all(engines.iter().map(Engine::stop)).await;
}

async fn an_engine_that_comes_later_learns_all_counts(open: Open) {
    let store = open();
    let (hub, mut engines) = cluster(&store, 1, None);
    let mut open = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..300 {
        let id = pending(&engines[0]).await;
        open.push(readers(&engines[0], &id, 1).await);
        ids.push(id);
    }
    engines.push(builder_with(store, |_| {}).bus(Arc::new(hub.join())).start().unwrap());
    for id in &ids {
        all_count(&engines[1..], id, 1).await;
    }
    join_all(engines.iter().map(Engine::stop)).await;
}

async fn an_engine_that_stops_takes_its_counts_along(open: Open) {
    let (_hub, engines) = cluster(&open(), 2, None);
    let id = pending(&engines[0]).await;
    let _open = readers(&engines[0], &id, 2).await;
    all_count(&engines, &id, 2).await;
    engines[0].stop().await;
    let goodbye = std::time::Instant::now();
    all_count(&engines[1..], &id, 0).await;
    assert!(goodbye.elapsed().as_secs() < 10, "it was not just silence that was noticed");
    assert_eq!(engines[1].live_instances(), 1);
    engines[1].stop().await;
}

engine_suite!(
    an_engine_alone_counts_its_own_readers_at_once,
    a_reader_whose_actor_dies_is_counted_on,
    every_engine_counts_the_readers_of_all,
    counts_come_right_over_a_bus_that_loses_doubles_and_reorders,
    an_engine_that_comes_later_learns_all_counts,
    an_engine_that_stops_takes_its_counts_along,
);
