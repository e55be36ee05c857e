//! What nobody announces: a task removed elsewhere, a store that lost the end of a log.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use taskcast_actors::domain::TaskId;
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::{NewLog, Slot, TaskStore};
use taskcast_actors::{Ending, Engine, SubscribeRequest};

use crate::support::engine::*;

/// Two engines over one store and one bus.
fn pair(store: &Arc<dyn TaskStore>) -> [Engine; 2] {
    let hub = MemoryBus::new();
    [(), ()].map(|()| builder_with(Arc::clone(store), |_| {}).bus(Arc::new(hub.join())).start().unwrap())
}

async fn stop(engines: [Engine; 2]) {
    for engine in engines {
        engine.stop().await;
    }
}

/// Lets the store forget all but the first `left` events of a log, as if it had been restored from an older copy.
async fn lose_the_end(store: &Arc<dyn TaskStore>, id: &TaskId, left: usize) {
    let (head, stamp) = store.head(id).await.unwrap().unwrap();
    let visible = |slot: Slot| match slot {
        Slot::Visible(event) => event,
        other => panic!("{other:?}"),
    };
    let events = stored(store, id).await.into_iter().take(left).map(visible).collect();
    let incarnation = stamp.incarnation;
    let log = NewLog { head, incarnation, events, hidden: Vec::new(), replace: true, fresh: false };
    store.create(log).await.unwrap();
}

async fn an_actor_without_readers_notices_that_its_task_was_deleted_elsewhere(open: Open) {
    let engines = pair(&open());
    let id = running(&engines[1]).await;
    engines[0].delete(&id).await.unwrap();
    wait_until("its actor has gone", || async { engines[1].stats().active_actors.load(Relaxed) == 0 }).await;
    stop(engines).await;
}

async fn streams_end_when_the_store_has_lost_the_end_of_a_log(open: Open) {
    let store = open();
    let engines = pair(&store);
    let id = running(&engines[0]).await;
    engines[0].publish(&id, vec![plain(1), plain(2), plain(3)]).await.unwrap();
    let mut viewer = Viewer::open(&engines[0], &id, SubscribeRequest::default()).await;
    viewer.until(4).await;
    lose_the_end(&store, &id, 2).await;
    let (seen, ending) = viewer.finish().await;
    assert_eq!((seen.len(), ending), (4, Ending::Interrupted));
    let mut viewer = Viewer::open(&engines[0], &id, SubscribeRequest::default()).await;
    assert_eq!(indexes(&viewer.until(2).await.seen), [0, 1]);
    assert_eq!(engines[0].publish(&id, vec![plain(4)]).await.unwrap()[0].index, 2);
    assert_eq!(indexes(&viewer.until(3).await.seen), [0, 1, 2]);
    stop(engines).await;
}

async fn a_write_to_a_log_that_lost_its_end_is_made_where_it_ends_now(open: Open) {
    let store = open();
    let engine = engine_over(Arc::clone(&store));
    let id = running(&engine).await;
    engine.publish(&id, vec![plain(1), plain(2), plain(3)]).await.unwrap();
    let mut viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    viewer.until(4).await;
    lose_the_end(&store, &id, 2).await;
    assert_eq!(engine.publish(&id, vec![plain(4)]).await.unwrap()[0].index, 2);
    let (seen, ending) = viewer.finish().await;
    assert_eq!((seen.len(), ending), (4, Ending::Interrupted), "it does not mix two logs");
    let mut viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    let seen = &viewer.until(3).await.seen;
    assert_eq!(seen.iter().filter_map(|shown| number(&shown.data)).collect::<Vec<_>>(), [1, 4]);
    engine.stop().await;
}

engine_suite!(
    an_actor_without_readers_notices_that_its_task_was_deleted_elsewhere,
    streams_end_when_the_store_has_lost_the_end_of_a_log,
    a_write_to_a_log_that_lost_its_end_is_made_where_it_ends_now,
);
