//! Lists show only what is permitted (PROTOCOL §4.4, §4.5), and paging stays right.

use serde_json::{Value, json};

use super::{Caller, secured};
use crate::support::{Server, Store};

with_each_store!(
    a_list_shows_the_tasks_of_the_credential_only,
    a_list_leaves_out_tasks_whose_rules_deny,
    pages_of_a_list_neither_skip_nor_repeat,
);

const TASKS: usize = 30;

fn ids(list: &Value) -> Vec<String> {
    let tasks = list["tasks"].as_array().expect("a list").iter();
    tasks.map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
}

/// All pages of a list.
async fn pages(caller: &Caller, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = caller.get(&format!("/tasks?{query}{cursor}")).await.ok(200);
        pages.push(ids(&list));
        match list["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
        assert!(pages.len() <= TASKS + 2, "{pages:?}");
    }
}

/// Tasks `t00`, `t01`, …; every third is Ann's alone, and the even ones are of type `even`.
async fn filled(store: Store) -> Server {
    let server = secured(store).start().await;
    let root = Caller::root(&server);
    let rules = json!({"rules": [{"match": {"scope": ["event:subscribe"]}, "require": {"sub": ["ann"]}}]});
    for number in 0..TASKS {
        let mut task =
            json!({"id": format!("t{number:02}"), "type": if number % 2 == 0 { "even" } else { "odd" }});
        if number % 3 == 0 {
            task["authConfig"] = rules.clone();
        }
        root.post("/tasks", task).await.ok(201);
    }
    server
}

fn all(wanted: impl Fn(usize) -> bool) -> Vec<String> {
    (0..TASKS).filter(|number| wanted(*number)).map(|number| format!("t{number:02}")).collect()
}

async fn a_list_shows_the_tasks_of_the_credential_only(store: Store) {
    let server = filled(store).await;
    let named = json!(["t07", "none", "t05", "t05", "t06", "a/b", "t08", ""]);
    let bob = Caller::with(&server, json!({"sub": "bob", "scope": "event:subscribe", "taskIds": named}));
    let ann = Caller::with(&server, json!({"sub": "ann", "scope": "event:subscribe", "taskIds": named}));
    assert_eq!(pages(&bob, "").await, [["t05", "t07", "t08"]]);
    assert_eq!(pages(&ann, "").await, [["t05", "t06", "t07", "t08"]]);
    assert_eq!(pages(&ann, "order=desc").await, [["t08", "t07", "t06", "t05"]]);
    assert_eq!(pages(&ann, "type=odd").await, [["t05", "t07"]]);
    assert_eq!(pages(&ann, "status=running").await, [Vec::<String>::new()]);
    assert_eq!(pages(&ann, "limit=2").await, [["t05", "t06"], ["t07", "t08"]]);
    assert_eq!(pages(&ann, "limit=3").await, [vec!["t05", "t06", "t07"], vec!["t08"]]);
    assert_eq!(pages(&ann, "limit=3&order=desc").await, [vec!["t08", "t07", "t06"], vec!["t05"]]);
    assert_eq!(pages(&ann, "limit=4").await, [["t05", "t06", "t07", "t08"]]);
    let one = Caller::with(&server, json!({"scope": "event:subscribe", "taskIds": "t01"}));
    let list = one.get("/tasks").await.ok(200);
    assert_eq!((ids(&list), &list["tasks"][0]["subscriberCount"]), (vec!["t01".to_owned()], &json!(0)));
    let none = Caller::with(&server, json!({"scope": "event:subscribe", "taskIds": []}));
    assert_eq!(none.get("/tasks").await.ok(200), json!({"tasks": []}));
    none.get("/tasks?cursor=x").await.refused_with(400, "invalid_query", "cursor");
}

async fn a_list_leaves_out_tasks_whose_rules_deny(store: Store) {
    let server = filled(store).await;
    let caller = |sub: &str| Caller::with(&server, json!({"sub": sub, "scope": "event:subscribe"}));
    assert_eq!(pages(&caller("ann"), "").await.concat(), all(|_| true));
    assert_eq!(pages(&caller("bob"), "").await.concat(), all(|number| number % 3 > 0));
    let odd = all(|number| number % 3 > 0 && number % 2 > 0);
    assert_eq!(pages(&caller("bob"), "type=odd").await.concat(), odd);
}

async fn pages_of_a_list_neither_skip_nor_repeat(store: Store) {
    let server = filled(store).await;
    let bob = Caller::with(&server, json!({"sub": "bob", "scope": "event:subscribe"}));
    let (shown, mut backwards) = (all(|number| number % 3 > 0), all(|number| number % 3 > 0));
    backwards.reverse();
    for limit in [1, 2, 3, 7, 19, 20, 21, 100] {
        let found = pages(&bob, &format!("limit={limit}")).await;
        assert_eq!(found.concat(), shown, "{limit}");
        let (last, full) = found.split_last().expect("a page");
        assert!(full.iter().all(|page| page.len() == limit) && !last.is_empty(), "{found:?}");
        assert_eq!(pages(&bob, &format!("limit={limit}&order=desc")).await.concat(), backwards, "{limit}");
    }
    let root = Caller::root(&server);
    assert_eq!(
        pages(&root, "limit=29").await.concat(),
        all(|number| number % 3 > 0),
        "rules are for everybody"
    );
}
