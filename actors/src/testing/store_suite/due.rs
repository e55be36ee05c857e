//! Timers are found when their time has come.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{Change, Head, Timestamp};
use crate::ports::Due;

fn due(name: &str, at: i64) -> Due {
    Due { task_id: id(name), at: Timestamp(at) }
}

/// By time, then by id; the time itself is included.
pub async fn what_is_due_comes_in_order_from_behind_the_cursor(store: Store) {
    let timers = [("e", 30), ("a", 20), ("d", 10), ("c", 20), ("b", 40), ("f", -1)];
    for (name, at) in timers {
        let head = Head { deadline: Some(Timestamp(at)), ..head(name, 1) };
        store.create(log_of(head)).await.expect("the id is free");
    }
    create(&store, "never").await;
    let all = [due("f", -1), due("d", 10), due("a", 20), due("c", 20), due("e", 30), due("b", 40)];
    for (now, count) in [(-2, 0), (-1, 1), (9, 1), (19, 2), (20, 4), (30, 5), (i64::MAX, 6)] {
        assert_eq!(store.due(Timestamp(now), None, 99).await, Ok(all[..count].to_vec()), "{now}");
    }
    let end = Timestamp(i64::MAX);
    for (place, cursor) in all.iter().enumerate() {
        for limit in [0, 1, 2, 99] {
            let rest = all[place + 1..].iter().take(limit).cloned().collect();
            assert_eq!(store.due(end, Some(cursor), limit).await, Ok(rest));
        }
    }
    assert_eq!(
        store.due(end, Some(&due("b", 20)), 1).await,
        Ok(vec![due("c", 20)]),
        "the cursor need not exist"
    );
}

/// Through commits and deletes.
pub async fn a_due_time_follows_the_head(store: Store) {
    let mut stamp = create(&store, "a").await;
    for at in [Some(50), Some(10), None, Some(70)] {
        let head = Head { cleanup_at: at.map(Timestamp), ..head("a", 1) };
        stamp = commit(&store, Change { head: Some(Arc::new(head)), ..append("a", stamp, 1) }).await;
        stamp = commit(&store, append("a", stamp, 1)).await;
        let expected = at.map(|at| due("a", at)).into_iter().collect();
        assert_eq!(store.due(Timestamp(100), None, 9).await, Ok(expected));
    }
    store.delete(&id("a"), INCARNATION).await.expect("it is there");
    assert_eq!(store.due(Timestamp(100), None, 9).await, Ok(vec![]));
}
