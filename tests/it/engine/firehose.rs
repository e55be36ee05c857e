//! All changes of all tasks as one stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskcast_actors::testing::{Fault, FaultyStore, Operation};
use taskcast_actors::{Followed, Follower, RingLimits, SharedEvent};

use crate::support::engine::*;

/// Takes `count` events.
async fn take(follower: &mut Follower, count: usize) -> Vec<(String, u64)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match soon("the next changes", follower.next(64)).await {
            Followed::Events(events) => {
                taken.extend(events.iter().map(|e| (e.event().task_id.to_string(), e.event().index)));
            }
            other => panic!("{other:?} after {} events", taken.len()),
        }
    }
    taken
}

async fn a_follower_gets_each_event_of_every_task_once_and_in_order(open: Open) {
    let engine = engine_over(open());
    let mut followers = futures_util::future::join_all((0..3).map(|_| engine.follow())).await;
    let writers: Vec<_> = (0..10)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let id = running(&engine).await;
                for n in 0..50 {
                    engine.publish(&id, vec![plain(n)]).await.unwrap();
                }
                complete(&engine, &id).await;
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for follower in &mut followers {
        let mut tasks: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (task, index) in take(follower, 10 * 52).await {
            tasks.entry(task).or_default().push(index);
        }
        assert_eq!(tasks.len(), 10);
        assert!(tasks.values().all(|indexes| *indexes == (0..52).collect::<Vec<_>>()));
    }
    engine.stop().await;
    assert!(matches!(followers[0].next(64).await, Followed::Ended));
}

async fn a_follower_that_is_too_slow_is_told(open: Open) {
    let engine = engine_with(open(), |settings| settings.firehose = RingLimits { items: 10, bytes: 1 << 20 });
    let id = pending(&engine).await;
    let mut follower = engine.follow().await;
    engine.publish(&id, (0..10).map(plain).collect()).await.unwrap();
    assert_eq!(take(&mut follower, 10).await.len(), 10);
    for n in 0..40 {
        engine.publish(&id, vec![plain(n)]).await.unwrap();
    }
    assert!(matches!(follower.next(64).await, Followed::Lagged));
    engine.stop().await;
}

/// Whether a follower gets the event that is written while `fault` happens, or is told that it missed something.
async fn follows_through(open: Open, fault: Fault) {
    let store = Arc::new(FaultyStore::new(open()));
    let engine = engine_over(Arc::clone(&store) as _);
    for round in 0..20u64 {
        let id = pending(&engine).await;
        let mut follower = engine.follow().await;
        store.fail_next(Operation::Write, fault);
        engine.publish(&id, vec![plain(round)]).await.unwrap();
        engine.publish(&id, vec![plain(1000)]).await.unwrap();
        let own = |event: &Arc<SharedEvent>| (event.event().task_id == id).then_some(event.event().index);
        loop {
            match soon("the next changes", follower.next(1)).await {
                Followed::Events(events) => match own(&events[0]) {
                    None => continue,
                    Some(index) => assert_eq!(index, 0, "{fault:?}: skipped"),
                },
                Followed::Lagged => {}
                Followed::Ended => panic!("it has not stopped"),
            }
            break;
        }
    }
    engine.stop().await;
}

async fn a_follower_never_misses_an_event_without_being_told(open: Open) {
    for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::PanicBefore, Fault::PanicAfter] {
        follows_through(open, fault).await;
    }
}

engine_suite!(
    a_follower_gets_each_event_of_every_task_once_and_in_order,
    a_follower_that_is_too_slow_is_told,
    a_follower_never_misses_an_event_without_being_told,
);
