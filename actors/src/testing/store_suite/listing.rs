//! Tasks are listed in creation order, whatever is filtered and however it is paged.

use std::collections::HashSet;
use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{AssignMode, Change, Head, TaskId, TaskStatus, Timestamp, TypePattern};
use crate::ports::{Order, TaskQuery};

const BOTH: [Order; 2] = [Order::Ascending, Order::Descending];

fn all() -> TaskQuery {
    TaskQuery { limit: 1000, ..TaskQuery::default() }
}

/// The ids that a query finds, which must be all.
async fn names(store: &Store, query: TaskQuery) -> Vec<String> {
    let listing = store.list(&query).await.expect("it is listed");
    assert!(!listing.more);
    listing.tasks.iter().map(|head| head.task.id.to_string()).collect()
}

/// A task created at `created_at`, changed by `change` before it is stored.
async fn add(store: &Store, name: &str, created_at: i64, change: impl FnOnce(&mut Head)) {
    let mut head = head(name, created_at);
    change(&mut head);
    store.create(log_of(head)).await.expect("the id is free");
}

/// Six tasks, some of them created in one millisecond.
async fn six(store: &Store) -> Vec<(Timestamp, TaskId)> {
    for (name, created_at) in [("f", 1), ("b", 30), ("a", 20), ("d", 30), ("c", 30), ("e", 40)] {
        add(store, name, created_at, |_| {}).await;
    }
    let ordered = [("f", 1), ("a", 20), ("b", 30), ("c", 30), ("d", 30), ("e", 40)];
    ordered.map(|(name, created_at)| (Timestamp(created_at), id(name))).to_vec()
}

/// That is by time, then by id.
pub async fn tasks_are_listed_in_creation_order(store: Store) {
    assert_eq!(names(&store, all()).await, [] as [&str; 0]);
    six(&store).await;
    assert_eq!(names(&store, all()).await, ["f", "a", "b", "c", "d", "e"]);
    let descending = TaskQuery { order: Order::Descending, ..all() };
    assert_eq!(names(&store, descending).await, ["e", "d", "c", "b", "a", "f"]);
}

/// Which need not exist any more.
pub async fn a_listing_goes_on_behind_any_task_and_says_whether_more_follow(store: Store) {
    let mut order = six(&store).await;
    for direction in BOTH {
        for (place, cursor) in order.iter().enumerate() {
            for limit in 1..8 {
                let query = TaskQuery { after: Some(cursor.clone()), limit, order: direction, ..all() };
                let listing = store.list(&query).await.expect("it is listed");
                let found: Vec<_> = listing.tasks.iter().map(|head| head.task.id.clone()).collect();
                let rest: Vec<_> = order[place + 1..].iter().map(|(_, id)| id.clone()).collect();
                assert_eq!(found, rest[..limit.min(rest.len())]);
                assert_eq!(listing.more, rest.len() > limit);
            }
        }
        order.reverse();
    }
    let nobody = TaskQuery { after: Some((Timestamp(30), id("bb"))), ..all() };
    assert_eq!(names(&store, nobody).await, ["c", "d", "e"]);
}

fn with_status(status: &[TaskStatus]) -> TaskQuery {
    TaskQuery { status: Some(status.to_vec()), ..all() }
}

/// Of the head that was committed last.
pub async fn a_status_filter_follows_the_changes(store: Store) {
    use TaskStatus::{Completed, Pending, Running};
    six(&store).await;
    let ways = [("b", Running), ("d", Running), ("d", Completed), ("a", Running), ("a", Pending)];
    for (name, status) in ways {
        let (old, stamp) = store.head(&id(name)).await.expect("it is read").expect("it is there");
        let mut head = Head::clone(&old);
        head.task.status = status;
        commit(&store, Change { head: Some(Arc::new(head)), ..append(name, stamp, 1) }).await;
    }
    assert_eq!(names(&store, with_status(&[Pending])).await, ["f", "a", "c", "e"]);
    assert_eq!(names(&store, with_status(&[Running])).await, ["b"]);
    assert_eq!(names(&store, with_status(&[Completed, Running])).await, ["b", "d"]);
    assert_eq!(names(&store, with_status(&[Pending, Completed, Pending])).await, ["f", "a", "c", "d", "e"]);
    assert_eq!(names(&store, with_status(&TaskStatus::ALL)).await.len(), 6);
    assert_eq!(names(&store, with_status(&[TaskStatus::Failed])).await.len(), 0);
    assert_eq!(names(&store, with_status(&[])).await.len(), 0);
    for order in BOTH {
        let query = TaskQuery { order, limit: 2, ..with_status(&[Completed, Running, Pending]) };
        assert!(store.list(&query).await.expect("it is listed").more);
    }
}

/// Case counts, and a task without a type matches nothing.
pub async fn a_type_filter_matches_exactly_or_by_prefix(store: Store) {
    let types = ["llm", "llm.chat", "llm.chat.long", "LLM.chat", "llmx", "l_m.%", ""];
    add(&store, "untyped", 0, |_| {}).await;
    for (n, name) in (1..).zip(types) {
        add(&store, &format!("{n}"), n, |head| head.task.task_type = Some(name.to_owned())).await;
    }
    let cases: [(&str, &[&str]); 8] = [
        ("*", &["1", "2", "3", "4", "5", "6", "7"]),
        ("llm", &["1"]),
        ("llm.*", &["2", "3"]),
        ("llm.chat.*", &["3"]),
        ("llm*", &[]),
        ("l_m.*", &["6"]),
        ("LLM.*", &["4"]),
        ("", &["7"]),
    ];
    for (pattern, expected) in cases {
        let query = TaskQuery { task_type: Some(TypePattern::parse(pattern)), ..all() };
        assert_eq!(names(&store, query).await, expected, "{pattern}");
    }
}

/// Whole tags, in any order.
pub async fn a_tag_filter_wants_all_of_its_tags(store: Store) {
    let tags: [&[&str]; 5] = [&[], &["a"], &["b", "a"], &["ab"], &["a", "\"é\",", ""]];
    add(&store, "untagged", 0, |_| {}).await;
    for (n, list) in (1..).zip(tags) {
        let list = list.iter().map(|tag| (*tag).to_owned()).collect();
        add(&store, &format!("{n}"), n, |head| head.task.tags = Some(list)).await;
    }
    let cases: [(&[&str], &[&str]); 7] = [
        (&["a"], &["2", "3", "5"]),
        (&["a", "b"], &["3"]),
        (&["a", "a"], &["2", "3", "5"]),
        (&["A"], &[]),
        (&[""], &["5"]),
        (&["\"é\",", "a"], &["5"]),
        (&[], &["untagged", "1", "2", "3", "4", "5"]),
    ];
    for (wanted, expected) in cases {
        let tags = wanted.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(names(&store, TaskQuery { tags, ..all() }).await, expected, "{wanted:?}");
    }
}

/// Asking for a mode that does not exist finds nothing.
pub async fn an_assign_mode_filter_wants_exactly_that(store: Store) {
    let modes = [None, Some(AssignMode::Pull), Some(AssignMode::External), Some(AssignMode::Pull)];
    for (n, mode) in (0..).zip(modes) {
        add(&store, &format!("{n}"), n, |head| head.task.assign_mode = mode).await;
    }
    let find = |mode| names(&store, TaskQuery { assign_mode: Some(mode), ..all() });
    assert_eq!(find(Some(AssignMode::Pull)).await, ["1", "3"]);
    assert_eq!(find(Some(AssignMode::WsRace)).await, [] as [&str; 0]);
    assert_eq!(find(None).await, [] as [&str; 0]);
}

/// A task has to pass all of them; a page is filled although most tasks do not.
pub async fn filters_work_together(store: Store) {
    for n in 0..120 {
        add(&store, &format!("{n:03}"), n, |head| {
            head.task.status = TaskStatus::ALL[(n % 2) as usize];
            head.task.task_type = Some(format!("t.{}", n % 3));
            head.task.tags = Some(vec![format!("{}", n % 5)]);
            head.task.assign_mode = (n % 4 == 2).then_some(AssignMode::Pull);
        })
        .await;
    }
    let query = TaskQuery {
        status: Some(vec![TaskStatus::Pending]),
        task_type: Some(TypePattern::parse("t.0")),
        tags: vec!["0".to_owned()],
        assign_mode: Some(Some(AssignMode::Pull)),
        ..all()
    };
    assert_eq!(names(&store, query.clone()).await, ["030", "090"]);
    let first = store.list(&TaskQuery { limit: 1, ..query.clone() }).await.expect("it is listed");
    assert!(first.more);
    let after = Some((first.tasks[0].task.created_at, first.tasks[0].task.id.clone()));
    assert_eq!(names(&store, TaskQuery { after, ..query }).await, ["090"]);
}

/// Every task that is there all the time is listed exactly once.
pub async fn paging_neither_skips_nor_repeats_while_tasks_come_and_go(store: Store) {
    for (round, order) in (0..).zip(BOTH) {
        for n in 0..30 {
            add(&store, &format!("{round}-stays-{n}"), n * 10, |_| {}).await;
            add(&store, &format!("{round}-goes-{n}"), n * 10 + 5, |_| {}).await;
        }
        let (mut after, mut seen) = (None, Vec::new());
        for step in 0.. {
            let listing =
                store.list(&TaskQuery { after, limit: 7, order, ..all() }).await.expect("it is listed");
            seen.extend(listing.tasks.iter().map(|head| head.task.id.to_string()));
            let Some(last) = listing.tasks.last().filter(|_| listing.more) else { break };
            after = Some((last.task.created_at, last.task.id.clone()));
            for n in [step, 29 - step] {
                store.delete(&id(&format!("{round}-goes-{n}")), INCARNATION).await.expect("it may go");
                add(&store, &format!("{round}-comes-{step}-{n}"), n * 10 + 3, |_| {}).await;
            }
        }
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "nothing is repeated");
        let staying = format!("{round}-stays-");
        assert_eq!(seen.iter().filter(|name| name.starts_with(&staying)).count(), 30, "nothing is skipped");
    }
}
