//! Much of everything.

use std::collections::HashSet;

use taskcast_actors::domain::TaskStatus;
use taskcast_actors::ports::{CreateError, Order, Seek, TaskQuery};

use super::*;

#[tokio::test]
async fn thousands_of_tasks_are_listed_in_order_page_by_page() {
    let store = open(Redis::shared().await, false).await;
    for chunk in (0..3000).collect::<Vec<i64>>().chunks(500) {
        let creates = chunk.iter().map(|n| {
            let mut head = NewTask::default().into_head(id(&format!("t{n}")), Timestamp(n * 7919 % 3000 / 2));
            head.task.status = if n % 3 == 0 { TaskStatus::Running } else { TaskStatus::Pending };
            store.create(NewLog { head: Arc::new(head), ..log(&format!("t{n}"), 0) })
        });
        futures_util::future::try_join_all(creates).await.unwrap();
    }
    let statuses =
        [(None, 3000), (Some(vec![TaskStatus::Running]), 1000), (Some(TaskStatus::ALL.to_vec()), 3000)];
    for (status, count) in statuses {
        for (order, limit) in [(Order::Ascending, 50), (Order::Descending, 200), (Order::Ascending, 1000)] {
            let mut query = TaskQuery { status: status.clone(), order, limit, ..TaskQuery::default() };
            let mut found = Vec::new();
            loop {
                let listing = store.list(&query).await.unwrap();
                found.extend(listing.tasks.iter().map(|head| (head.task.created_at, head.task.id.clone())));
                if !listing.more {
                    break;
                }
                assert_eq!(listing.tasks.len(), limit);
                query.after = found.last().cloned();
            }
            if order == Order::Descending {
                found.reverse();
            }
            assert!(found.is_sorted());
            assert_eq!(found.iter().collect::<HashSet<_>>().len(), count);
        }
    }
}

#[tokio::test]
async fn a_log_of_large_events_is_read_in_answers_of_bounded_size() {
    let redis = Redis::start().await;
    let store = open(&redis, false).await;
    store.create(log("a", 0)).await.unwrap();
    let large = format!("\"{}\"", "0123456é".repeat(120_000));
    for version in 0..24 {
        store.commit(append("a", version, &large)).await.unwrap();
    }
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    let before = info(&redis, "stats", "total_net_output_bytes").await.unwrap();
    let page = store.events(&id("a"), Range::to_the_end(0)).await.unwrap();
    assert_eq!(page.slots.len(), 1);
    let after = info(&redis, "stats", "total_net_output_bytes").await.unwrap();
    assert!(after - before < 3 * large.len() as u64, "{}", after - before);
    let all = slots(&store, "a", Range::to_the_end(0)).await;
    assert_eq!(all.len(), 24);
    let whole = |slot: &Slot| matches!(slot, Slot::Visible(event) if event.data.as_str() == large);
    assert!(all.iter().all(whole));
    let everything = Range { max_slots: usize::MAX, max_bytes: usize::MAX, ..Range::to_the_end(0) };
    assert_eq!(store.events(&id("a"), everything).await.unwrap().slots, all);
}

#[tokio::test]
async fn a_large_import_is_there_as_a_whole_and_goes_as_a_whole() {
    let redis = Redis::start().await;
    let store = open(&redis, false).await;
    const LENGTH: u64 = 50_000;
    let hidden: Vec<u64> = (0..LENGTH).filter(|index| index % 5 == 0).collect();
    let import = NewLog { hidden: hidden.clone(), ..log("a", LENGTH) };
    store.create(import.clone()).await.unwrap();
    assert_eq!(store.create(import.clone()).await, Err(CreateError::Exists));
    let all = slots(&store, "a", Range { max_slots: 5000, ..Range::to_the_end(0) }).await;
    assert_eq!(all.len() as u64, LENGTH);
    for (slot, event) in all.iter().zip(&import.events) {
        let expected = if event.index.is_multiple_of(5) {
            Slot::Hidden(event.clone())
        } else {
            Slot::Visible(event.clone())
        };
        assert_eq!(*slot, expected);
    }
    let last = import.events.last().unwrap();
    assert_eq!(store.seek(&id("a"), Seek::Id(last.id.clone())).await, Ok(Some(LENGTH - 1)));
    store.commit(append("a", LENGTH, "{}")).await.unwrap();
    assert!(store.create(NewLog { replace: true, incarnation: 2, ..import }).await.unwrap().replaced);
    for key in texts(&redis.command(&["KEYS", "*"]).await) {
        assert_eq!(number(&redis.command(&["TTL", &key]).await), -1, "{key}");
    }
    assert_eq!(store.delete(&id("a"), 2).await, Ok(true));
    assert_eq!(redis.command(&["DBSIZE"]).await, ":0\r\n");
}

/// Ids and times of an imported log are looked for one after the other.
#[tokio::test]
async fn an_event_far_back_in_an_imported_log_is_found() {
    let store = open(Redis::shared().await, false).await;
    let mut import = log("a", 6000);
    for event in &mut import.events {
        let event = Arc::make_mut(event);
        event.id = EventId::from_text(&format!("foreign {}", event.index));
        event.timestamp = Timestamp(if event.index == 5500 { 100 } else { 5 });
    }
    import.head = Arc::new(Head { imported: true, ..head("a") });
    store.create(import).await.unwrap();
    assert_eq!(store.seek(&id("a"), Seek::Id(EventId::from_text("foreign 5999"))).await, Ok(Some(5999)));
    assert_eq!(store.seek(&id("a"), Seek::Id(EventId::from_text("foreign 6000"))).await, Ok(None));
    assert_eq!(store.seek(&id("a"), Seek::After(Timestamp(5))).await, Ok(Some(5500)));
    assert_eq!(store.seek(&id("a"), Seek::After(Timestamp(100))).await, Ok(Some(6000)));
}
