//! A store that fails at random: what was acknowledged is there once, what was not is there at most once.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskcast_actors::domain::TaskId;
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::{Bus, Slot, TaskStore};
use taskcast_actors::testing::{FaultyBus, FaultyStore, model};
use taskcast_actors::{Engine, SubscribeRequest};

use crate::support::engine::*;

/// Publishes batches of two with numbers of its own; says which first numbers were acknowledged.
async fn writer(engine: Engine, id: TaskId, own: u64, batches: u64) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    for batch in 0..batches {
        let n = own * 10_000 + batch * 2;
        if let Ok(events) = engine.publish(&id, vec![plain(n), plain(n + 1)]).await {
            assert_eq!(events[1].index, events[0].index + 1);
            assert_eq!([&events[0], &events[1]].map(|e| number(&model::data_of(e))), [Some(n), Some(n + 1)]);
            acknowledged.push(n);
        }
    }
    acknowledged
}

/// How often each number is in the log, and whether each batch is whole.
async fn count(store: &Arc<dyn TaskStore>, id: &TaskId) -> BTreeMap<u64, usize> {
    let mut counted = BTreeMap::new();
    let slots = stored(store, id).await;
    for (place, slot) in slots.iter().enumerate() {
        assert_eq!(slot.index(), place as u64);
        let Slot::Visible(event) = slot else { panic!("nothing is superseded here") };
        let Some(n) = number(&model::data_of(event)) else { continue };
        *counted.entry(n).or_default() += 1;
        if n % 2 == 0 {
            let Some(Slot::Visible(next)) = slots.get(place + 1) else { panic!("a batch is torn") };
            assert_eq!(number(&model::data_of(next)), Some(n + 1));
        }
    }
    counted
}

async fn one_run(open: Open, seed: u64, engines: usize) {
    let inner = open();
    let faulty = Arc::new(FaultyStore::new(Arc::clone(&inner)));
    let hub = MemoryBus::new();
    let member = |place: usize| {
        let access: Arc<dyn Bus> = Arc::new(hub.join());
        let builder = builder_with(Arc::clone(&faulty) as _, |settings| {
            settings.ring = SMALL_RING;
            settings.sweep = std::time::Duration::from_secs(3600);
        });
        builder.bus(Arc::new(FaultyBus::new(access, seed + place as u64))).start().unwrap()
    };
    let all: Vec<_> = (0..engines).map(member).collect();
    let id = running(&all[0]).await;
    let readers: Vec<_> = futures_util::future::join_all(
        all.iter().map(|engine| Viewer::open(engine, &id, SubscribeRequest::default())),
    )
    .await
    .into_iter()
    .map(|viewer| tokio::spawn(viewer.finish()))
    .collect();
    faulty.fail_randomly(seed, 0.08);
    let writers: Vec<_> = (0..4)
        .map(|own| tokio::spawn(writer(all[own % engines].clone(), id.clone(), own as u64, 25)))
        .collect();
    let mut acknowledged = Vec::new();
    for writing in writers {
        acknowledged.extend(soon("a writer", writing).await.unwrap());
    }
    faulty.heal();
    complete(&all[0], &id).await;
    let counted = count(&inner, &id).await;
    for n in acknowledged {
        assert_eq!(counted.get(&n), Some(&1), "seed {seed}: {n} was acknowledged");
    }
    assert!(counted.values().all(|times| *times == 1), "seed {seed}: {counted:?}");
    for reader in readers {
        let (seen, _) = soon("a reader's end", reader).await.unwrap();
        assert_eq!(seen.len(), counted.len() + 2, "seed {seed}");
        assert!(seen.iter().enumerate().all(|(place, shown)| shown.index == place as u64), "seed {seed}");
    }
    for engine in all {
        engine.stop().await;
    }
}

async fn acknowledged_events_are_there_once_and_others_at_most_once(open: Open) {
    for seed in 0..25 {
        one_run(open, seed, 1).await;
    }
}

async fn two_engines_over_a_failing_store_and_a_failing_bus_lose_and_double_nothing(open: Open) {
    futures_util::future::join_all((100..108).map(|seed| one_run(open, seed * 7, 2))).await;
}

async fn a_creation_whose_answer_was_lost_is_found_again(open: Open) {
    use taskcast_actors::testing::{Fault, Operation};
    let store = Arc::new(FaultyStore::new(open()));
    let engine = engine_over(Arc::clone(&store) as _);
    store.fail_next(Operation::Write, Fault::LoseAnswer);
    let id = pending(&engine).await;
    assert!(engine.get(&id).await.is_ok());
    store.fail_next(Operation::Write, Fault::LoseRequest);
    assert!(engine.create(Default::default()).await.is_err());
    for fault in [Fault::PanicBefore, Fault::PanicAfter] {
        let id = pending(&engine).await;
        store.fail_next(Operation::Write, fault);
        assert_eq!(engine.delete(&id).await, Ok(()), "{fault:?}");
        assert!(engine.get(&id).await.is_err());
    }
    engine.stop().await;
}

engine_suite!(
    acknowledged_events_are_there_once_and_others_at_most_once,
    two_engines_over_a_failing_store_and_a_failing_bus_lose_and_double_nothing,
    a_creation_whose_answer_was_lost_is_found_again,
);
