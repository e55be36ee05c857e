//! All tasks: their stream, and their list.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use taskcast::client::{
    Connection, Filter, Level, NewEvent, NewTask, Received, Subscription, TaskQuery, TaskStatus,
};

use super::{client, event, hasty};
use crate::support::proxy::{Fate, Proxy};
use crate::support::{Server, within};

on_local_stores!(
    the_stream_of_all_tasks_says_where_it_has_a_gap,
    the_stream_of_all_tasks_knows_filters,
    lists_are_complete_over_many_pages,
);

/// Follows in the background, so that the connection is there before anything happens.
async fn connected(stream: &mut Subscription) {
    let mut status = stream.watch_status();
    let open = async { drop(status.wait_for(|status| *status == Connection::Open).await) };
    tokio::select! {
        biased;
        () = open => {}
        received = stream.next() => panic!("nothing has happened: {received:?}"),
    }
}

async fn the_stream_of_all_tasks_says_where_it_has_a_gap(server: Server) {
    let direct = client(&server);
    // Attempts before the first connection are no gap.
    let fates = vec![Fate::Refused, Fate::Asking(10), Fate::AfterFrames(3), Fate::Refused, Fate::Good];
    let proxy = Proxy::planned(server.address, fates).await;
    let mut all = hasty(&proxy.url()).build().unwrap().subscribe_all().stream();
    connected(&mut all).await;
    let mut tasks = Vec::new();
    for number in 0..2 {
        let task = direct.create_task(NewTask::default()).await.unwrap().task.id.to_string();
        direct.publish(&task, NewEvent::delta("text", "answer", &number.to_string())).await.unwrap();
        tasks.push(task);
    }
    for (number, task) in tasks.iter().enumerate() {
        let event = event(&mut all).await;
        assert_eq!((&event.task_id, event.index), (task, 0));
        assert_eq!(event.text(), Some(number.to_string()));
        assert_eq!((event.series_id.as_deref(), event.accumulates()), (Some("answer"), true));
    }
    assert_eq!(within("a gap", all.next()).await.unwrap().unwrap(), Received::Gap);
    assert_eq!(all.status(), Connection::Open);
    direct.cancel(&tasks[0]).await.unwrap();
    assert_eq!(event(&mut all).await.event_type, "taskcast:status");
    assert_eq!(proxy.connections(), 5);
}

async fn the_stream_of_all_tasks_knows_filters(server: Server) {
    let client = client(&server);
    let nothing = Filter { types: Some(Vec::new()), ..Filter::default() };
    let wishes = [
        client.subscribe_all().types(["a.*", "last"]),
        client.subscribe_all().filter(Filter { levels: Some(vec![Level::Error]), ..Filter::default() }),
        client.subscribe_all().filter(Filter { without_status: true, ..Filter::default() }),
        client.subscribe_all().filter(nothing),
    ];
    let mut streams = wishes.map(taskcast::client::Subscribe::stream);
    for stream in &mut streams {
        connected(stream).await;
    }
    let task = client.create_task(NewTask::default()).await.unwrap().task.id.to_string();
    client.start(&task).await.unwrap();
    client.publish(&task, NewEvent::new("b", 1)).await.unwrap();
    client.publish(&task, NewEvent::new("a.b", 2)).await.unwrap();
    client.publish(&task, NewEvent { level: Level::Error, ..NewEvent::new("last", 3) }).await.unwrap();
    let [types, levels, no_status, none] = &mut streams;
    assert_eq!((event(types).await.index, event(types).await.index), (2, 3));
    assert_eq!(event(levels).await.index, 3);
    assert_eq!([event(no_status).await.index, event(no_status).await.index], [1, 2]);
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(100), none.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

async fn lists_are_complete_over_many_pages(server: Server) {
    let client = client(&server);
    let mut ids = Vec::new();
    for number in 0..23 {
        let tags = Some(vec!["every".to_owned(), format!("third-{}", number % 3)]);
        let task = NewTask { tags, params: Some(json!({"n": number})), ..NewTask::of_type("demo.list") };
        ids.push(client.create_task(task).await.unwrap().task.id.to_string());
    }
    client.start(&ids[4]).await.unwrap();
    let list = async |query: TaskQuery| -> Vec<String> {
        client.list_tasks(query).map_ok(|task| task.id.to_string()).try_collect().await.unwrap()
    };
    let all = TaskQuery { page: Some(5), ..TaskQuery::default() };
    assert_eq!(list(all.clone()).await, ids);
    assert_eq!(list(TaskQuery { page: Some(23), ..all.clone() }).await, ids);
    let newest: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(list(TaskQuery { newest_first: true, ..all.clone() }).await, newest);
    let third: Vec<_> = ids.iter().skip(1).step_by(3).cloned().collect();
    let tags = vec!["every".to_owned(), "third-1".to_owned()];
    assert_eq!(list(TaskQuery { tags, page: Some(2), ..TaskQuery::default() }).await, third);
    let running = TaskQuery {
        status: vec![TaskStatus::Running, TaskStatus::Paused],
        task_type: Some("demo.*".into()),
        ..TaskQuery::default()
    };
    assert_eq!(list(running).await, [ids[4].clone()]);
    // Where the connection is lost between pages, the list goes on.
    let fates = vec![Fate::Answering(100), Fate::Answering(3000), Fate::Refused, Fate::Answering(5000)];
    let proxy = Proxy::planned(server.address, fates).await;
    let through = hasty(&proxy.url()).build().unwrap();
    let listed: Vec<_> =
        through.list_tasks(all).map_ok(|task| task.id.to_string()).try_collect().await.unwrap();
    assert_eq!(listed, ids);
    let mut away = hasty("http://127.0.0.1:1").attempts(1).build().unwrap().list_tasks(TaskQuery::default());
    assert_eq!(away.next().await.unwrap().unwrap_err().code(), "connection_failed");
    assert!(away.next().await.is_none() && away.next().await.is_none(), "an error ends the list");
}
