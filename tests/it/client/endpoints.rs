//! Every method of the client, against the real server.

use std::time::Duration;

use serde_json::{Value, json};
use taskcast::client::{
    Archive, BlockedRequest, Client, Cursor, Event, Filter, HistoryQuery, Json, Level, NewEvent, NewTask,
    NewWebhook, NewWorker, TaskError, TaskStatus, Timestamp, Transition, WorkerStatus,
};

use super::client;
use crate::support::{Server, Setup, Store, wait_until};

on_local_stores!(
    a_task_has_its_whole_life,
    an_archive_comes_back_as_it_was,
    histories_are_asked_for_in_parts,
    the_server_tells_of_itself,
    without_workers_there_are_none,
    failed_deliveries_are_told,
);

async fn a_task_has_its_whole_life(server: Server) {
    let client = client(&server);
    let params = json!({"z": 1, "a": [null, 12_345_678_901_234_567_u64], "text": "ž\n🦀"});
    let task = NewTask {
        id: Some("a task, ? # % é".into()),
        params: Some(params.clone()),
        metadata: Some(json!({"m": {}})),
        ttl: Some(600),
        tags: Some(vec!["tag".into()]),
        cost: Some(2),
        ..NewTask::of_type("llm.chat")
    };
    let created = client.create_task(task.clone()).await.unwrap();
    assert_eq!((created.status, created.subscriber_count), (TaskStatus::Pending, 0));
    assert_eq!(created.params.as_ref().unwrap().read::<Value>().unwrap(), params);
    let id = created.id.as_str();
    let exists = client.create_task(task).await.unwrap_err();
    assert_eq!((exists.status(), exists.code()), (Some(409), "task_exists"));
    assert_eq!(client.get_task(id).await.unwrap().task, created.task);
    assert_eq!(client.start(id).await.unwrap().status, TaskStatus::Running);
    let asks = BlockedRequest { request_type: "approve".into(), data: Some(Json::of(&json!([1]))) };
    let block = Transition { blocked_request: Some(asks.clone()), ..Transition::to(TaskStatus::Blocked) };
    client.transition(id, block).await.unwrap();
    assert_eq!(client.blocked_request(id).await.unwrap(), asks);
    let resolved = client.resolve(id, json!({"approved": true})).await.unwrap();
    assert_eq!(resolved.status, TaskStatus::Running);
    assert_eq!(client.blocked_request(id).await.unwrap_err().code(), "no_blocked_request");
    assert_eq!(client.resolve(id, json!(1)).await.unwrap_err().code(), "task_not_blocked");
    let error = TaskError {
        message: "no more tokens".into(),
        code: Some("quota".into()),
        details: Some(Json::of(&json!({"left": 0}))),
    };
    assert_eq!(client.fail(id, error.clone()).await.unwrap().error.as_deref(), Some(&error));
    assert_eq!(client.cancel(id).await.unwrap_err().code(), "invalid_transition");
    client.delete_task(id).await.unwrap();
    assert_eq!(client.get_task(id).await.unwrap_err().code(), "task_not_found");
    for impossible in ["", ".", "..", "a/b", "line\nbreak"] {
        assert_eq!(client.get_task(impossible).await.unwrap_err().code(), "invalid_request");
    }
}

async fn an_archive_comes_back_as_it_was(server: Server) {
    let client = client(&server);
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
    for piece in ["to", "gether"] {
        client.publish("t", NewEvent::delta("text", "answer", piece)).await.unwrap();
    }
    client.cancel("t").await.unwrap();
    let archive = client.archive("t").await.unwrap();
    let (task, events) = (archive.task().unwrap(), archive.events().unwrap());
    assert_eq!((task.status, events.len()), (TaskStatus::Cancelled, 2));
    assert_eq!(events[0].text().as_deref(), Some("together"));
    let exists = client.import(&archive, false).await.unwrap_err();
    assert_eq!((exists.status(), exists.code()), (Some(409), "task_exists"));
    let kept = Archive::from_json(archive.as_json()).unwrap();
    let imported = client.import(&kept, true).await.unwrap();
    assert_eq!((imported.task_id.as_str(), imported.event_count, imported.overwritten), ("t", 2, true));
    assert_eq!(client.archive("t").await.unwrap().events().unwrap(), events);
    let released = client.release("t", 7, Timestamp(0)).await.unwrap_err();
    assert!(["storage_release_unsupported", "storage_precondition_failed"].contains(&released.code()));
    assert_eq!(client.archive("nobody").await.unwrap_err().code(), "task_not_found");
    let nonsense = Archive::from_json("{}").unwrap();
    assert_eq!(nonsense.task().unwrap_err().code(), "invalid_answer");
    assert_eq!(client.import(&nonsense, true).await.unwrap_err().code(), "invalid_body");
    assert_eq!(Archive::from_json("{").unwrap_err().code(), "invalid_request");
}

async fn histories_are_asked_for_in_parts(server: Server) {
    let client = client(&server);
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
    let mut events = Vec::new();
    for number in 0..4 {
        let level = if number == 2 { Level::Warn } else { Level::Info };
        events.push(client.publish("t", NewEvent { level, ..NewEvent::new("a.b", number) }).await.unwrap());
    }
    let batch = ["x", "y"].map(|piece| NewEvent::delta("text", "answer", piece));
    events.extend(client.publish_batch("t", &batch).await.unwrap());
    let indexes = async |query: HistoryQuery| -> Vec<u64> {
        client.history("t", &query).await.unwrap().iter().map(|event: &Event| event.index).collect()
    };
    let all = HistoryQuery::default();
    assert_eq!(client.history("t", &all).await.unwrap(), events);
    let warnings = Filter { levels: Some(vec![Level::Warn]), ..Filter::default() };
    assert_eq!(indexes(HistoryQuery { filter: warnings, ..all.clone() }).await, [2]);
    let types = Filter { types: Some(vec!["a.*".into()]), ..Filter::default() };
    assert_eq!(indexes(HistoryQuery { filter: types, limit: Some(2), ..all.clone() }).await, [0, 1]);
    let since = |cursor| HistoryQuery { since: Some(cursor), ..HistoryQuery::default() };
    assert_eq!(indexes(since(Cursor::Index(3))).await, [4, 5]);
    assert_eq!(indexes(since(Cursor::Id(events[4].id.clone()))).await, [5]);
    assert_eq!(indexes(since(Cursor::Timestamp(events[5].timestamp))).await, [0; 0]);
    let whole = client.history("t", &HistoryQuery { accumulated: true, ..all.clone() }).await.unwrap();
    assert_eq!((whole.len(), whole[4].text().as_deref()), (5, Some("xy")));
    assert_eq!(client.expected_seq("t", "nobody").await.unwrap_err().code(), "seq_client_not_found");
    let refused = client.publish("t", NewEvent::new("taskcast:status", 1)).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(400), "reserved_event_type"));
    let numbered = |seq| NewEvent {
        client_id: Some("é 1".into()),
        client_seq: Some(seq),
        ..NewEvent::new("numbered", 1)
    };
    client.publish("t", numbered(7)).await.unwrap();
    assert_eq!(client.expected_seq("t", "é 1").await.unwrap(), 8);
    let stale = client.publish("t", numbered(7)).await.unwrap_err();
    assert_eq!((stale.code(), stale.refusal().unwrap().expected_seq), ("seq_stale", Some(8)));
}

async fn the_server_tells_of_itself(server: Server) {
    let client = client(&server);
    let health = client.health().await.unwrap();
    assert_eq!((health.ok, health.name.as_str(), health.api_version.as_str()), (true, "taskcast", "v1"));
    let ready = client.ready().await.unwrap();
    assert!(ready.ok && ready.dependencies.is_empty());
    let detail = client.detail().await.unwrap();
    assert_eq!((detail.ok, detail.auth.mode.as_str(), &detail.version), (true, "none", &health.version));
    assert_eq!(detail.adapters["shortTermStore"].status, "ok");
    assert!(client.metrics().await.unwrap().contains("taskcast_build_info{version="));
    assert!(client.openapi().await.unwrap().as_str().contains("Taskcast API"));
    assert_eq!(client.admin_token("x", &[], 1).await.unwrap_err().code(), "not_found");
}

async fn without_workers_there_are_none(server: Server) {
    let client = client(&server);
    assert!(client.workers().await.unwrap().is_empty());
    let wait = Duration::from_millis(1);
    let refused = [
        client.worker("w").await.unwrap_err(),
        client.register_worker(&NewWorker::default()).await.unwrap_err(),
        client.heartbeat("w").await.unwrap_err(),
        client.set_worker_status("w", WorkerStatus::Draining).await.unwrap_err(),
        client.delete_worker("w").await.unwrap_err(),
        client.pull("w", &["llm.*"], wait).await.unwrap_err(),
        client.decline("t", "w", false).await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!((error.status(), error.code()), (Some(404), "not_found"));
    }
    assert_eq!(client.worker("..").await.unwrap_err().code(), "invalid_request");
    assert_eq!(client.delete_worker("").await.unwrap_err().code(), "invalid_request");
}

async fn failed_deliveries_are_told(server: Server) {
    let client = client(&server);
    // Private addresses are refused unless the operator says otherwise, which fails a delivery for good.
    let webhook = NewWebhook { url: "http://127.0.0.1:1/".into(), ..NewWebhook::default() };
    let task = NewTask { webhooks: Some(vec![webhook]), ..NewTask::default() };
    let id = &client.create_task(task).await.unwrap().id.clone();
    assert_eq!(client.webhook_failures(id).await.unwrap().failures, []);
    client.publish(id, NewEvent::new("a", 1)).await.unwrap();
    let failed = async || client.webhook_failures(id).await.unwrap().failures.pop();
    let failure = wait_until("it has failed", failed).await;
    assert_eq!((failure.index, failure.event_type.as_str(), failure.source.as_str()), (0, "a", "task"));
    assert_eq!(client.redeliver(id, Some(&[&failure.id])).await.unwrap(), 1);
    assert_eq!(client.webhook_failures("nobody").await.unwrap_err().code(), "task_not_found");
    assert_eq!(client.redeliver("nobody", None).await.unwrap_err().code(), "task_not_found");
}

#[tokio::test]
async fn a_cold_task_is_released_once() {
    let server = Setup::new(Store::Tiered).start().await;
    let client: Client = client(&server);
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
    client.cancel("t").await.unwrap();
    let release = async || client.release("t", 0, Timestamp(9_007_199_254_740_991)).await.ok();
    let released = wait_until("the archive has caught up", release).await;
    assert_eq!((released.task_id.as_str(), released.archive_watermark), ("t", 0));
    let ready = client.ready().await.unwrap();
    assert_eq!(ready.dependencies["postgres"].state, "healthy");
    assert_eq!(client.history("t", &HistoryQuery::default()).await.unwrap().len(), 1);
}
