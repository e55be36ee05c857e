//! Time to live, resuming, cleanup, and clocks that go backwards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use taskcast_actors::domain::retention::{
    Cleanup, CleanupEvents, CleanupMatch, CleanupRule, CleanupTarget, CleanupTrigger,
};
use taskcast_actors::domain::{Json, NewEvent, NewTask, SeriesMode, TaskId, TaskStatus, Transition};
use taskcast_actors::testing::model;
use taskcast_actors::{Ending, Engine, EngineError, HistoryRequest, SubscribeRequest};

use crate::support::engine::*;

async fn status(engine: &Engine, id: &TaskId) -> TaskStatus {
    engine.get(id).await.unwrap().task.status
}

async fn go(engine: &Engine, id: &TaskId, to: TaskStatus) {
    engine.transition(id, Transition::to(to)).await.unwrap();
}

fn with_ttl(seconds: u32) -> NewTask {
    NewTask { ttl: Some(seconds), ..NewTask::default() }
}

async fn a_task_runs_out_of_time_once_and_its_streams_end(open: Open) {
    let store = open();
    let (engine, clock) = engine_by_hand(Arc::clone(&store), |_| {});
    let id = created(&engine, with_ttl(10)).await;
    let blocked = Transition { reason: Some("wait".into()), ..Transition::to(TaskStatus::Blocked) };
    go(&engine, &id, TaskStatus::Running).await;
    engine.transition(&id, blocked).await.unwrap();
    let viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(engine.sweep().await, Ok(0));
    assert_eq!(status(&engine, &id).await, TaskStatus::Blocked);
    clock.advance(Duration::from_millis(1));
    assert_eq!(engine.sweep().await, Ok(1));
    assert_eq!(engine.sweep().await, Ok(0));
    let task = engine.get(&id).await.unwrap().task.clone();
    assert_eq!((task.status, task.reason), (TaskStatus::Timeout, None));
    assert_eq!(task.completed_at, Some(engine.now()));
    let (seen, ending) = viewer.finish().await;
    assert_eq!(seen.last().unwrap().data.to_string(), r#"{"status":"timeout"}"#);
    assert_eq!(ending, Ending::Finished(TaskStatus::Timeout));
    assert_eq!(terminal_events(&store, &id).await, 1);
    engine.stop().await;
}

async fn pausing_stops_the_clock_and_leaving_restarts_the_whole_time(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |settings| settings.idle = Duration::ZERO);
    let id = created(&engine, with_ttl(10)).await;
    go(&engine, &id, TaskStatus::Running).await;
    clock.advance(Duration::from_secs(9));
    go(&engine, &id, TaskStatus::Paused).await;
    clock.advance(Duration::from_secs(3600));
    assert_eq!(engine.sweep().await, Ok(0));
    passivate(&engine).await;
    go(&engine, &id, TaskStatus::Running).await;
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(engine.sweep().await, Ok(0));
    clock.advance(Duration::from_millis(1));
    engine.sweep().await.unwrap();
    assert_eq!(status(&engine, &id).await, TaskStatus::Timeout);
    engine.stop().await;
}

async fn a_blocked_task_resumes_by_itself(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |_| {});
    let id = running(&engine).await;
    let wait = Transition { resume_after_ms: Some(500), ..Transition::to(TaskStatus::Blocked) };
    engine.transition(&id, wait).await.unwrap();
    clock.advance(Duration::from_millis(499));
    assert_eq!(engine.sweep().await, Ok(0));
    go(&engine, &id, TaskStatus::Paused).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(engine.sweep().await, Ok(0), "not while paused");
    go(&engine, &id, TaskStatus::Blocked).await;
    engine.sweep().await.unwrap();
    let task = engine.get(&id).await.unwrap().task.clone();
    assert_eq!((task.status, task.resume_at), (TaskStatus::Running, None));
    engine.stop().await;
}

async fn timers_fire_in_real_time_hot_or_cold(open: Open) {
    let engine = engine_with(open(), |settings| {
        settings.sweep = Duration::from_millis(50);
        settings.idle = Duration::ZERO;
    });
    let (hot, cold) = (created(&engine, with_ttl(1)).await, created(&engine, with_ttl(1)).await);
    let began = Instant::now();
    let viewer = Viewer::open(&engine, &hot, SubscribeRequest::default()).await;
    let (_, ending) = viewer.finish().await;
    assert_eq!(ending, Ending::Finished(TaskStatus::Timeout));
    wait_until("the cold one is over", || async { status(&engine, &cold).await == TaskStatus::Timeout })
        .await;
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_millis(5000), "{took:?}");
    engine.stop().await;
}

async fn overdue_timers_fire_after_a_restart(open: Open) {
    let store = open();
    let (engine, clock) = engine_by_hand(Arc::clone(&store), |_| {});
    let id = created(&engine, with_ttl(10)).await;
    engine.stop().await;
    clock.advance(Duration::from_secs(60));
    let again = builder_with(store, |_| {}).clock(Arc::clone(&clock) as _).start().unwrap();
    wait_until("it is over", || async { status(&again, &id).await == TaskStatus::Timeout }).await;
    again.stop().await;
}

async fn timestamps_never_decrease_when_the_clock_goes_back(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |settings| settings.idle = Duration::ZERO);
    let id = running(&engine).await;
    for n in 0..20 {
        clock.turn_back(Duration::from_secs(n));
        engine.publish(&id, vec![plain(n)]).await.unwrap();
        passivate(&engine).await;
        clock.advance(Duration::from_millis(n));
    }
    complete(&engine, &id).await;
    let events = history(&engine, &id, HistoryRequest::default()).await;
    assert!(events.windows(2).all(|pair| pair[0].timestamp <= pair[1].timestamp));
    assert_eq!(engine.get(&id).await.unwrap().task.completed_at, Some(events[21].timestamp));
    engine.stop().await;
}

fn rule(target: CleanupTarget, after_ms: u64) -> CleanupRule {
    let trigger = CleanupTrigger { after_ms: Some(after_ms) };
    CleanupRule { name: None, matches: None, trigger, target, event_filter: None }
}

fn cleaned_by(rules: Vec<CleanupRule>) -> NewTask {
    NewTask { cleanup: Some(Cleanup { rules }), ..NewTask::default() }
}

async fn a_rule_for_the_task_removes_it_when_its_time_has_come(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |_| {});
    let id = created(&engine, cleaned_by(vec![rule(CleanupTarget::Task, 1000)])).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(engine.sweep().await, Ok(0), "it lives");
    go(&engine, &id, TaskStatus::Cancelled).await;
    clock.advance(Duration::from_millis(999));
    engine.sweep().await.unwrap();
    assert!(engine.get(&id).await.is_ok());
    clock.advance(Duration::from_millis(1));
    engine.sweep().await.unwrap();
    assert_eq!(engine.get(&id).await, Err(EngineError::NotFound));
    engine.stop().await;
}

/// Removes deltas and notes of the task's first half; what is left is computed from what remains.
async fn a_rule_for_events_removes_them_from_every_view(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |settings| settings.idle = Duration::ZERO);
    let filter = CleanupEvents {
        types: Some(vec!["text".into()]),
        levels: None,
        older_than_ms: Some(5_000),
        series_mode: Some(vec![SeriesMode::Accumulate]),
    };
    let events = CleanupRule { event_filter: Some(filter), ..rule(CleanupTarget::Events, 0) };
    let id = created(&engine, cleaned_by(vec![events])).await;
    go(&engine, &id, TaskStatus::Running).await;
    engine.publish(&id, vec![delta("s", "old"), plain(1), delta("gone", "x")]).await.unwrap();
    clock.advance(Duration::from_secs(6));
    engine.publish(&id, vec![delta("s", "new"), delta("s", "er")]).await.unwrap();
    complete(&engine, &id).await;
    let erased = history(&engine, &id, HistoryRequest::default()).await[1].id.clone();
    engine.sweep().await.unwrap();
    assert_eq!(engine.sweep().await, Ok(0), "a rule is executed once");
    for passivated in [false, true] {
        if passivated {
            passivate(&engine).await;
        }
        let (seen, _) = read_all(&engine, &id, SubscribeRequest::default()).await;
        let shown: Vec<_> = seen.iter().map(|shown| (shown.index, shown.rank, shown.snapshot)).collect();
        assert_eq!(shown, [(0, 0, false), (2, 2, false), (5, 5, true), (6, 6, false)]);
        assert_eq!(seen[2].data["delta"], "newer");
        let cursor = taskcast_actors::Cursor { id: Some(erased.clone()), ..Default::default() };
        let request = SubscribeRequest { cursor, accumulated: true, ..SubscribeRequest::default() };
        let (seen, _) = read_all(&engine, &id, request).await;
        assert_eq!(indexes(&seen), [2, 4, 5, 6]);
        assert_eq!(seen[2].data["delta"], "newer");
        let read = history(&engine, &id, HistoryRequest::default()).await;
        assert_eq!(read.iter().map(|event| event.index).collect::<Vec<_>>(), [0, 2, 4, 5, 6]);
    }
    let archived = engine.export(&id).await.unwrap().1;
    let data: Vec<_> = archived.iter().map(|event| model::data_of(event)["delta"].clone()).collect();
    assert_eq!(data[2], "newer");
    assert_eq!(archived.len(), 4);
    engine.stop().await;
}

async fn erasing_a_long_log_leaves_no_checkpoint_of_what_was_there(open: Open) {
    let store = open();
    let (engine, _) = engine_by_hand(Arc::clone(&store), |_| {});
    let id = running(&engine).await;
    let long = "x".repeat(1000);
    for _ in 0..20 {
        engine.publish(&id, vec![delta("s", &long)]).await.unwrap();
    }
    let filler = || NewEvent::new("filler", Json::parse(&format!("\"{long}\"")).unwrap());
    engine.publish(&id, (0..400).map(|_| filler()).collect()).await.unwrap();
    complete(&engine, &id).await;
    let (head, events) = engine.export(&id).await.unwrap();
    engine.delete(&id).await.unwrap();
    let mut events = events;
    let text = model::data_of(&events[1])["delta"].as_str().unwrap().to_owned();
    assert_eq!(text.len(), 20_000);
    events[1].data = Json::parse(&format!(r#"{{"delta":"{text}"}}"#)).unwrap();
    let archive = taskcast_actors::domain::archive::Archive {
        task: head.task.clone(),
        events: events.into_iter().map(Arc::new).collect(),
    };
    engine.import(archive, false).await.unwrap();
    engine.stop().await;
    let filter = CleanupEvents {
        types: Some(vec!["text".into()]),
        levels: None,
        older_than_ms: None,
        series_mode: None,
    };
    let global = CleanupRule { event_filter: Some(filter), ..rule(CleanupTarget::Events, 0) };
    let again = engine_with(store, |settings| settings.cleanup = vec![global]);
    wait_until("the rule was executed", || async {
        history(&again, &id, HistoryRequest::default()).await.len() == 402
    })
    .await;
    let (seen, _) = read_all(&again, &id, SubscribeRequest::default()).await;
    let expected: Vec<u64> = std::iter::once(0).chain(2..403).collect();
    assert_eq!(indexes(&seen), expected);
    again.stop().await;
}

async fn rules_for_all_tasks_apply_to_those_that_match_even_if_they_ended_before(open: Open) {
    let store = open();
    let (engine, clock) = engine_by_hand(Arc::clone(&store), |_| {});
    let named = |name: &str| NewTask { task_type: Some(name.into()), ..NewTask::default() };
    let (job, other) = (created(&engine, named("job.a")).await, created(&engine, named("other")).await);
    let alive = created(&engine, named("job.b")).await;
    for id in [&job, &other] {
        go(&engine, id, TaskStatus::Cancelled).await;
    }
    engine.stop().await;
    let matches =
        CleanupMatch { task_types: Some(vec!["job.*".into()]), status: Some(vec![TaskStatus::Cancelled]) };
    let global = CleanupRule { matches: Some(matches), ..rule(CleanupTarget::All, 0) };
    let again = builder_with(store, |settings| settings.cleanup = vec![global]).clock(clock).start().unwrap();
    wait_until("it is gone", || async { again.get(&job).await == Err(EngineError::NotFound) }).await;
    assert!(again.get(&other).await.is_ok() && again.get(&alive).await.is_ok());
    again.stop().await;
}

engine_suite!(
    a_task_runs_out_of_time_once_and_its_streams_end,
    pausing_stops_the_clock_and_leaving_restarts_the_whole_time,
    a_blocked_task_resumes_by_itself,
    timers_fire_in_real_time_hot_or_cold,
    overdue_timers_fire_after_a_restart,
    timestamps_never_decrease_when_the_clock_goes_back,
    a_rule_for_the_task_removes_it_when_its_time_has_come,
    a_rule_for_events_removes_them_from_every_view,
    erasing_a_long_log_leaves_no_checkpoint_of_what_was_there,
    rules_for_all_tasks_apply_to_those_that_match_even_if_they_ended_before,
);
