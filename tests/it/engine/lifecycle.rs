//! The ends of a stream that are not the end of a task: deletion and replacement; and what an archive brings back.

use std::sync::Arc;

use futures_util::future::join_all;
use taskcast_actors::domain::archive::Archive;
use taskcast_actors::domain::{NewTask, Rejection, TaskId, TaskStatus, Transition};
use taskcast_actors::{Ending, Engine, EngineError, HistoryRequest, SubscribeRequest};

use crate::support::engine::*;

async fn archive_of(engine: &Engine, id: &TaskId) -> Archive {
    let (head, events) = engine.export(id).await.unwrap();
    Archive { task: head.task.clone(), events: events.into_iter().map(Arc::new).collect() }
}

async fn deleting_a_task_ends_its_streams_and_frees_its_id(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let mut viewers = join_all((0..5).map(|_| Viewer::open(&engine, &id, SubscribeRequest::default()))).await;
    engine.publish(&id, vec![plain(1)]).await.unwrap();
    join_all(viewers.iter_mut().map(|viewer| viewer.until(2))).await;
    engine.delete(&id).await.unwrap();
    for viewer in viewers {
        let (seen, ending) = viewer.finish().await;
        assert_eq!((indexes(&seen), ending), (vec![0, 1], Ending::Deleted));
    }
    assert_eq!(engine.get(&id).await, Err(EngineError::NotFound));
    assert_eq!(engine.publish(&id, vec![plain(2)]).await, Err(EngineError::NotFound));
    assert_eq!(engine.delete(&id).await, Err(EngineError::NotFound));
    created(&engine, NewTask { id: Some(id.clone()), ..NewTask::default() }).await;
    assert_eq!(engine.publish(&id, vec![plain(3)]).await.unwrap()[0].index, 0);
    engine.stop().await;
}

async fn a_task_can_be_deleted_and_created_again_many_times_while_somebody_publishes(open: Open) {
    let engine = engine_over(open());
    let id = TaskId::parse("again").unwrap();
    let (other, same) = (engine.clone(), id.clone());
    let publisher = tokio::spawn(async move {
        let mut written = 0u64;
        for n in 0..2000 {
            match other.publish(&same, vec![plain(n)]).await {
                Ok(_) => written += 1,
                Err(error) => assert_eq!(error, EngineError::NotFound),
            }
        }
        written
    });
    while !publisher.is_finished() {
        created(&engine, NewTask { id: Some(id.clone()), ..NewTask::default() }).await;
        let mine = engine.publish(&id, vec![plain(0), plain(1)]).await.unwrap();
        assert_eq!(mine[1].index, mine[0].index + 1);
        let read = history(&engine, &id, HistoryRequest::default()).await;
        assert!(read.iter().enumerate().all(|(place, event)| event.index == place as u64));
        engine.delete(&id).await.unwrap();
    }
    publisher.await.unwrap();
    engine.stop().await;
}

async fn importing_over_a_live_task_interrupts_its_streams(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    engine
        .publish(&id, vec![delta("s", "a"), delta("s", "b"), latest("p", 1), plain(5), latest("p", 2)])
        .await
        .unwrap();
    let archive = archive_of(&engine, &id).await;
    assert_eq!(archive.events.len(), 4);
    let mut viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    viewer.until(4).await;
    let behind = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    assert_eq!(engine.import(archive.clone(), false).await, Err(EngineError::Exists));
    assert_eq!(engine.import(archive, true).await, Ok(true));
    let (seen, ending) = viewer.finish().await;
    assert_eq!((seen.len(), ending), (4, Ending::Interrupted));
    let events = engine.publish(&id, vec![delta("s", "c")]).await.unwrap();
    assert_eq!(events[0].index, 4);
    assert_eq!(behind.finish().await, (Vec::new(), Ending::Interrupted), "nothing of the new log");
    complete(&engine, &id).await;
    let (seen, _) = read_all(&engine, &id, SubscribeRequest::default()).await;
    let texts: Vec<_> = seen.iter().filter_map(|shown| shown.data["delta"].as_str()).collect();
    assert_eq!(texts, ["abc"]);
    engine.stop().await;
}

async fn an_archived_task_comes_back_as_it_was(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 7, plain(1)), numbered("c", 8, latest("p", 1))]).await.unwrap();
    engine.publish(&id, vec![latest("p", 2), delta("s", "x")]).await.unwrap();
    let archive = archive_of(&engine, &id).await;
    engine.delete(&id).await.unwrap();
    assert_eq!(engine.import(archive.clone(), false).await, Ok(false));
    assert_eq!(archive_of(&engine, &id).await, archive);
    assert_eq!(engine.get(&id).await.unwrap().task, archive.task);
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(Some(8)));
    for event in &archive.events {
        let cursor = taskcast_actors::Cursor { id: Some(event.id.clone()), ..Default::default() };
        let mut viewer = Viewer::open(&engine, &id, SubscribeRequest { cursor, ..Default::default() }).await;
        let rest = archive.events.len() - event.index as usize - 1;
        assert_eq!(viewer.until(rest).await.seen.len(), rest);
    }
    engine.stop().await;
}

async fn a_finished_task_takes_nothing_more(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    complete(&engine, &id).await;
    let refused = engine.publish(&id, vec![plain(1)]).await;
    assert_eq!(refused, Err(EngineError::Rejected(Rejection::Terminal(TaskStatus::Completed))));
    assert_eq!(
        engine.publish(&id, Vec::new()).await,
        Err(EngineError::Rejected(Rejection::Terminal(TaskStatus::Completed)))
    );
    assert!(engine.transition(&id, Transition::to(TaskStatus::Completed)).await.is_err());
    assert_eq!(engine.resolve(&id, None).await, Err(EngineError::Rejected(Rejection::NotBlocked)));
    let (seen, ending) = read_all(&engine, &id, SubscribeRequest::default()).await;
    assert_eq!((seen.len(), ending), (2, Ending::Finished(TaskStatus::Completed)));
    engine.stop().await;
}

async fn a_stopping_engine_refuses_new_commands_and_ends_streams_without_a_status(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let mut viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    viewer.until(1).await;
    engine.stop().await;
    assert_eq!(engine.publish(&id, vec![plain(1)]).await, Err(EngineError::Stopping));
    let (seen, ending) = viewer.finish().await;
    assert_eq!((seen.len(), ending), (1, Ending::Interrupted));
}

engine_suite!(
    deleting_a_task_ends_its_streams_and_frees_its_id,
    a_task_can_be_deleted_and_created_again_many_times_while_somebody_publishes,
    importing_over_a_live_task_interrupts_its_streams,
    an_archived_task_comes_back_as_it_was,
    a_finished_task_takes_nothing_more,
    a_stopping_engine_refuses_new_commands_and_ends_streams_without_a_status,
);
