//! Micro-benchmarks of the hot path: parse a publish, decide it, commit it, write it out, hand it to readers.
//!
//! Run with `cargo bench --bench micro`.

use std::sync::Arc;

use divan::{Bencher, black_box};
use taskcast::http::parse::events::{self, PublishLimits};
use taskcast_actors::domain::{
    Circumstances, Command, Entropy, EventFilter, Head, Json, NewEvent, NewTask, Ranks, SeriesMode, State,
    TaskEvent, TaskId, TaskStatus, Timestamp, Transition, decide,
};
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{NewLog, TaskStore};
use taskcast_actors::{Engine, SubscribeRequest};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 100;
const NOW: Timestamp = Timestamp(1_700_000_000_000);
const LIMITS: PublishLimits = PublishLimits { event_data_bytes: 1 << 20, batch_items: 1000 };

fn main() {
    divan::main();
}

fn around() -> Circumstances<'static> {
    Circumstances { now: NOW, entropy: Entropy::new(7), cleanup: &[], hooks: None }
}

fn delta(n: usize) -> NewEvent {
    let data = Json::parse(&format!("{{\"delta\":\"word {n} \"}}")).expect("a plain object");
    NewEvent::new("llm.delta", data).in_series("answer", SeriesMode::Accumulate)
}

fn plain(n: usize) -> NewEvent {
    NewEvent::new(
        "note",
        Json::parse(&format!("{{\"text\":\"word {n} of some text\"}}")).expect("a plain object"),
    )
}

fn running_state() -> State {
    let id = TaskId::parse("bench").expect("a plain id");
    let head = Head::of(NewTask::default().into_head(id, NOW).task);
    let mut state = State::before_log(Arc::new(head), 1, 0);
    let run = Command::Transition(Transition::to(TaskStatus::Running));
    let change = decide(&state, &run, around()).expect("pending may run");
    state.apply(&change);
    state
}

fn some_event() -> Arc<TaskEvent> {
    let command = Command::Publish(vec![plain(1)]);
    let change = decide(&running_state(), &command, around()).expect("a running task takes events");
    Arc::clone(&change.events[0])
}

#[divan::bench]
fn parse_one_small_event(bencher: Bencher<'_, '_>) {
    let body = br#"{"type":"note","data":{"text":"some thirty bytes of text"}}"#;
    bencher.bench(|| events::parse(black_box(body), &LIMITS));
}

#[divan::bench]
fn parse_a_batch_of_100(bencher: Bencher<'_, '_>) {
    let one = r#"{"type":"note","data":{"text":"some thirty bytes of text"}}"#;
    let body = format!("[{}]", [one; BATCH].join(","));
    bencher.bench(|| events::parse(black_box(body.as_bytes()), &LIMITS));
}

#[divan::bench]
fn decide_and_apply_a_batch_of_100(bencher: Bencher<'_, '_>) {
    let command = Command::Publish((0..BATCH).map(plain).collect());
    bencher.with_inputs(running_state).bench_values(|mut state| {
        let change = decide(&state, black_box(&command), around()).expect("a running task takes events");
        state.apply(&change);
        state
    });
}

#[divan::bench(args = [100, 10_000])]
fn append_one_delta_to_a_series_of(bencher: Bencher<'_, '_>, deltas: usize) {
    let mut state = running_state();
    for n in 0..deltas {
        let change = decide(&state, &Command::Publish(vec![delta(n)]), around()).expect("a delta is taken");
        state.apply(&change);
    }
    let command = Command::Publish(vec![delta(0)]);
    bencher.bench_local(|| {
        let change = decide(&state, black_box(&command), around()).expect("a delta is taken");
        state.apply(&change)
    });
}

#[divan::bench]
fn write_an_event_raw(bencher: Bencher<'_, '_>) {
    let event = some_event();
    let mut out = Vec::with_capacity(512);
    bencher.bench_local(|| {
        out.clear();
        black_box(&event).write_raw(&mut out);
    });
}

#[divan::bench]
fn write_an_envelope(bencher: Bencher<'_, '_>) {
    let event = some_event();
    let mut out = Vec::with_capacity(512);
    bencher.bench_local(|| {
        out.clear();
        black_box(&event).write_envelope_tail(&mut out);
    });
}

#[divan::bench(args = [10_000, 1_000_000])]
fn rank_near_the_end_of_a_log_of(bencher: Bencher<'_, '_>, events: usize) {
    let mut ranks = Ranks::default();
    let names: [Arc<str>; 2] = ["llm.delta".into(), "tool.call".into()];
    for n in 0..events {
        ranks.push(&names[usize::from(n % 7 == 0)], Default::default());
    }
    let filter = EventFilter {
        types: Some(vec![taskcast_actors::domain::TypePattern::parse("llm.*")]),
        ..EventFilter::default()
    };
    bencher.bench(|| ranks.rank(black_box(&filter), events as u64 - 10));
}

#[divan::bench]
fn commit_one_event_in_memory(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    let store = MemoryStore::new();
    let mut state = running_state();
    state.stamp.version = 0;
    state.ranks = Ranks::default();
    let log = NewLog {
        head: Arc::clone(&state.head),
        incarnation: 1,
        events: vec![],
        hidden: vec![],
        replace: false,
        fresh: false,
    };
    runtime.block_on(store.create(log)).expect("a fresh id");
    let command = Command::Publish(vec![plain(1)]);
    bencher.bench_local(|| {
        let change = Arc::new(decide(&state, &command, around()).expect("a running task takes events"));
        runtime.block_on(store.commit(Arc::clone(&change))).expect("nobody else writes");
        state.apply(&change);
    });
}

#[divan::bench(args = [1, 100])]
fn publish_through_the_actor_to_readers(bencher: Bencher<'_, '_>, readers: usize) {
    let runtime = Runtime::new().expect("a runtime");
    let engine = Engine::in_memory().expect("threads");
    let id = runtime.block_on(engine.create(NewTask::default())).expect("a fresh id").task.id.clone();
    runtime.block_on(engine.transition(&id, Transition::to(TaskStatus::Running))).expect("pending may run");
    let subscribe =
        |_| runtime.block_on(engine.subscribe(&id, SubscribeRequest::default())).expect("it exists");
    let mut readers: Vec<_> = (0..readers).map(subscribe).collect();
    bencher.bench_local(|| {
        runtime.block_on(async {
            engine.publish(&id, vec![plain(1)]).await.expect("a running task takes events");
            for reader in &mut readers {
                black_box(reader.next().await);
            }
        });
    });
    runtime.block_on(engine.stop());
}
