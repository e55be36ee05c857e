//! Publishing: order, indexes, batches, and callers that go away.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use taskcast_actors::domain::{Json, NewEvent, NewTask, Rejection, TaskId, TaskStatus, Transition};
use taskcast_actors::{Ending, EngineError, HistoryRequest, Publish, SubscribeRequest};

use crate::support::engine::*;

async fn fifty_subscribers_all_receive_two_hundred_events_in_order(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let mut viewers = Vec::new();
    for _ in 0..50 {
        viewers.push(Viewer::open(&engine, &id, SubscribeRequest::default()).await);
    }
    assert_eq!(engine.readers(&id), 50);
    let reading: Vec<_> = viewers.into_iter().map(|viewer| tokio::spawn(viewer.finish())).collect();
    for n in 0..200 {
        engine.publish(&id, vec![plain(n)]).await.unwrap();
    }
    complete(&engine, &id).await;
    for reader in reading {
        let (seen, ending) = reader.await.unwrap();
        assert_eq!(indexes(&seen), (0..202).collect::<Vec<_>>());
        assert_eq!(seen.iter().map(|shown| shown.rank).collect::<Vec<_>>(), (0..202).collect::<Vec<_>>());
        let numbers: Vec<_> = seen.iter().filter_map(|shown| number(&shown.data)).collect();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
        assert_eq!(ending, Ending::Finished(TaskStatus::Completed));
    }
    wait_until("all readers have left", || async { engine.readers(&id) == 0 }).await;
    engine.stop().await;
}

async fn fifty_concurrent_publishes_get_consecutive_unique_indexes(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    let answers = join_all((0..50).map(|n| engine.publish(&id, vec![plain(n)]))).await;
    let mut got: Vec<_> = answers.into_iter().map(|events| events.unwrap()[0].index).collect();
    got.sort_unstable();
    assert_eq!(got, (0..50).collect::<Vec<_>>());
    let history = history(&engine, &id, HistoryRequest::default()).await;
    assert_eq!(history.iter().map(|event| event.index).collect::<Vec<_>>(), got);
    engine.stop().await;
}

async fn a_hundred_tasks_created_at_once_have_a_hundred_ids(open: Open) {
    let engine = engine_over(open());
    let heads = join_all((0..100).map(|_| engine.create(NewTask::default()))).await;
    let ids: HashSet<_> = heads.into_iter().map(|head| head.unwrap().task.id.clone()).collect();
    assert_eq!(ids.len(), 100);
    engine.stop().await;
}

async fn of_many_creations_of_one_id_one_succeeds(open: Open) {
    let engine = engine_over(open());
    let task = NewTask { id: Some(TaskId::parse("mine").unwrap()), ..NewTask::default() };
    let made = join_all((0..20).map(|_| engine.create(task.clone()))).await;
    assert_eq!(made.iter().filter(|head| head.is_ok()).count(), 1);
    assert_eq!(made.iter().filter(|head| **head == Err(EngineError::Exists)).count(), 19);
    engine.stop().await;
}

async fn a_batch_is_all_or_nothing_and_contiguous(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    let batches = (0..20u64).map(|writer| {
        let events = (0..10).map(|n| plain(writer * 10 + n)).collect();
        engine.publish(&id, events)
    });
    for events in join_all(batches).await {
        let events = events.unwrap();
        let first = events[0].index;
        assert!(events.iter().enumerate().all(|(place, event)| event.index == first + place as u64));
    }
    let bad = vec![plain(1), NewEvent::new("taskcast:status", Json::null()), plain(2)];
    let refused = engine.publish(&id, bad).await;
    assert_eq!(refused, Err(EngineError::Rejected(Rejection::ReservedType("taskcast:status".into()))));
    assert_eq!(history(&engine, &id, HistoryRequest::default()).await.len(), 200);
    assert_eq!(engine.publish(&id, Vec::new()).await.unwrap().len(), 0);
    engine.stop().await;
}

async fn a_rejected_command_in_the_middle_rejects_itself_only(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let good = |n| engine.publish(&id, vec![plain(n)]);
    let bad = engine.publish(&id, vec![NewEvent::new("taskcast:x", Json::null())]);
    let (one, refused, two) = tokio::join!(good(1), bad, good(2));
    assert!(refused.is_err());
    assert_eq!((one.unwrap()[0].index, two.unwrap()[0].index), (1, 2));
    engine.stop().await;
}

async fn a_caller_that_goes_away_never_tears_a_write(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    for round in 0..200u64 {
        let events = (0..5).map(|n| plain(round * 5 + n)).collect();
        let publish = engine.publish(&id, events);
        let patience = Duration::from_micros(round % 40 * 5);
        let _gone = tokio::time::timeout(patience, publish).await;
    }
    engine.publish(&id, vec![plain(1_000)]).await.unwrap();
    let written = history(&engine, &id, HistoryRequest::default()).await;
    let numbers: Vec<_> =
        written.iter().filter_map(|event| number(&taskcast_actors::testing::model::data_of(event))).collect();
    assert_eq!(numbers.len() % 5, 1);
    for batch in numbers[..numbers.len() - 1].chunks(5) {
        assert_eq!(batch, (batch[0]..batch[0] + 5).collect::<Vec<_>>());
        assert_eq!(batch[0] % 5, 0);
    }
    let unique: HashSet<_> = numbers.iter().collect();
    assert_eq!(unique.len(), numbers.len());
    engine.stop().await;
}

async fn the_messages_are_a_public_interface(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    let address = engine.task(&id).await.unwrap();
    let moved = address.send(taskcast_actors::Transition::new(Transition::to(TaskStatus::Running)));
    assert_eq!(moved.await.unwrap().unwrap().task.status, TaskStatus::Running);
    assert_eq!(address.send(Publish::new(vec![plain(1)])).await.unwrap().unwrap()[0].index, 1);
    assert_eq!(address.send(taskcast_actors::Delete::default()).await.unwrap(), Ok(()));
    assert_eq!(engine.get(&id).await, Err(EngineError::NotFound));
    engine.stop().await;
}

async fn nothing_can_be_asked_of_a_task_that_is_not_there(open: Open) {
    let engine = engine_over(open());
    let id = TaskId::parse("nobody").unwrap();
    assert_eq!(engine.publish(&id, vec![plain(1)]).await, Err(EngineError::NotFound));
    assert_eq!(engine.delete(&id).await, Err(EngineError::NotFound));
    assert_eq!(engine.expected_seq(&id, "c").await, Err(EngineError::NotFound));
    assert!(
        engine.subscribe(&id, SubscribeRequest::default()).await.is_err_and(|e| e == EngineError::NotFound)
    );
    engine.stop().await;
}

engine_suite!(
    fifty_subscribers_all_receive_two_hundred_events_in_order,
    fifty_concurrent_publishes_get_consecutive_unique_indexes,
    a_hundred_tasks_created_at_once_have_a_hundred_ids,
    of_many_creations_of_one_id_one_succeeds,
    a_batch_is_all_or_nothing_and_contiguous,
    a_rejected_command_in_the_middle_rejects_itself_only,
    a_caller_that_goes_away_never_tears_a_write,
    the_messages_are_a_public_interface,
    nothing_can_be_asked_of_a_task_that_is_not_there,
);
