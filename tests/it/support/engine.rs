//! Engines over any store, and what tests do with them again and again.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use taskcast::stores::postgres::{PostgresSettings, PostgresStore};
use taskcast::stores::redis::{RedisSettings, RedisStore};
use taskcast::stores::sqlite::{SqliteSettings, SqliteStore};
use taskcast_actors::domain::{
    ClientSeq, Json, NewEvent, NewTask, SeriesMode, TaskEvent, TaskId, TaskStatus, Transition,
};
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{Range, Slot, TaskStore};
use taskcast_actors::testing::ManualClock;
use taskcast_actors::testing::model::{self, Log, Shown};
use taskcast_actors::{
    Batch, Ending, Engine, EngineBuilder, HistoryRequest, RingLimits, Settings, SubscribeRequest,
    Subscription,
};

use super::servers::{Postgres, Redis};

/// How long a condition may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens an empty store.
pub type Open = fn() -> Arc<dyn TaskStore>;

/// A store in memory.
pub fn memory() -> Arc<dyn TaskStore> {
    Arc::new(MemoryStore::new())
}

/// A store in a fresh SQLite file. The files of one test have its name, so a later run begins by removing them.
pub fn sqlite() -> Arc<dyn TaskStore> {
    static OPENED: AtomicUsize = AtomicUsize::new(0);
    let test = std::thread::current().name().unwrap_or("unnamed").replace("::", "-");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{test}-{}.db", OPENED.fetch_add(1, Ordering::Relaxed)));
    for ending in ["", "-wal", "-shm", "-lock"] {
        let mut name = file.clone().into_os_string();
        name.push(ending);
        match std::fs::remove_file(name) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("an old file stays: {error}"),
            _ => {}
        }
    }
    Arc::new(SqliteStore::open(&file, SqliteSettings::default()).unwrap())
}

/// A store in Redis.
pub fn redis() -> Arc<dyn TaskStore> {
    at_once(async {
        let settings = RedisSettings {
            url: Redis::shared().await.url(),
            prefix: Redis::prefix(),
            ..RedisSettings::default()
        };
        Arc::new(RedisStore::connect(settings).await.unwrap())
    })
}

/// A store in a fresh Postgres database.
pub fn postgres() -> Arc<dyn TaskStore> {
    at_once(async {
        let database = Postgres::shared().await.database().await;
        let settings =
            PostgresSettings { pool_size: 4, auto_migrate: true, ..PostgresSettings::new(database.url) };
        Arc::new(PostgresStore::open(settings).await.unwrap())
    })
}

/// Redis with Postgres behind it.
pub fn tiered() -> Arc<dyn TaskStore> {
    at_once(async { Arc::new(crate::stores::tiered::open().await) })
}

fn at_once<S: TaskStore>(opening: impl Future<Output = Arc<S>>) -> Arc<dyn TaskStore> {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(opening))
}

/// Runs tests, each an `async fn(Open)`, once over every kind of store.
macro_rules! engine_suite {
    ($($name:ident),+ $(,)?) => {
        engine_suite!(@over memory, $crate::support::engine::memory, $($name),+);
        engine_suite!(@over sqlite, $crate::support::engine::sqlite, $($name),+);
        engine_suite!(@over redis, $crate::support::engine::redis, $($name),+);
        engine_suite!(@over postgres, $crate::support::engine::postgres, $($name),+);
        engine_suite!(@over tiered, $crate::support::engine::tiered, $($name),+);
    };
    (@over $store:ident, $open:path, $($name:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::support::engine::be_quiet_about_intended_panics();
                    super::$name($open).await;
                }
            )+
        }
    };
}

/// Keeps panics that tests ask for out of the output.
pub fn be_quiet_about_intended_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let fixed = payload.downcast_ref::<&str>().copied();
            let text = fixed.or(payload.downcast_ref::<String>().map(String::as_str));
            if !text.is_some_and(|text| text.contains("panics on purpose")) {
                usual(info);
            }
        }));
    });
}

/// An engine over `store` with default settings.
pub fn engine_over(store: Arc<dyn TaskStore>) -> Engine {
    Engine::builder(store).start().unwrap()
}

/// An engine over `store` with some settings changed.
pub fn engine_with(store: Arc<dyn TaskStore>, change: impl FnOnce(&mut Settings)) -> Engine {
    builder_with(store, change).start().unwrap()
}

/// As [`engine_with`], not started.
pub fn builder_with(store: Arc<dyn TaskStore>, change: impl FnOnce(&mut Settings)) -> EngineBuilder {
    let mut settings = Settings::default();
    change(&mut settings);
    Engine::builder(store).settings(settings)
}

/// An engine that asks its store for nothing on its own, once it has started: what a test lets fail next is the test's.
pub fn undisturbed(store: Arc<dyn TaskStore>) -> EngineBuilder {
    builder_with(store, |settings| settings.sweep = Duration::from_secs(3600))
}

/// An engine whose time a test turns by hand.
pub fn engine_by_hand(
    store: Arc<dyn TaskStore>,
    change: impl FnOnce(&mut Settings),
) -> (Engine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let engine = builder_with(store, |settings| {
        settings.sweep = Duration::from_secs(3600);
        change(settings);
    });
    (engine.clock(Arc::clone(&clock) as _).start().unwrap(), clock)
}

/// Stops every actor nobody needs; they have to be allowed to be idle for no time at all.
pub async fn passivate(engine: &Engine) {
    let actors = || engine.stats().active_actors.load(std::sync::atomic::Ordering::Relaxed);
    wait_until("all actors have stopped", || async {
        engine.passivate_idle().await;
        actors() == 0
    })
    .await;
}

/// A window of a few events, so that readers fall off it.
pub const SMALL_RING: RingLimits = RingLimits { items: 8, bytes: 1 << 20 };

/// A pending task.
pub async fn pending(engine: &Engine) -> TaskId {
    created(engine, NewTask::default()).await
}

/// A task made from `task`.
pub async fn created(engine: &Engine, task: NewTask) -> TaskId {
    engine.create(task).await.unwrap().task.id.clone()
}

/// A running task; its log holds one event.
pub async fn running(engine: &Engine) -> TaskId {
    let id = pending(engine).await;
    engine.transition(&id, Transition::to(TaskStatus::Running)).await.unwrap();
    id
}

/// Completes the task.
pub async fn complete(engine: &Engine, id: &TaskId) {
    engine.transition(id, Transition::to(TaskStatus::Completed)).await.unwrap();
}

/// A plain event that carries `n`.
pub fn plain(n: u64) -> NewEvent {
    NewEvent::new("note", json(&format!(r#"{{"n":{n}}}"#)))
}

/// A delta of the series `id`.
pub fn delta(id: &str, text: &str) -> NewEvent {
    NewEvent::new("text", json(&format!(r#"{{"delta":"{text}"}}"#))).in_series(id, SeriesMode::Accumulate)
}

/// A newest value of the series `id`.
pub fn latest(id: &str, n: u64) -> NewEvent {
    NewEvent::new("progress", json(&format!(r#"{{"n":{n}}}"#))).in_series(id, SeriesMode::Latest)
}

/// `event` as number `seq` of `client`.
pub fn numbered(client: &str, seq: u64, event: NewEvent) -> NewEvent {
    NewEvent { client: Some(Box::new(ClientSeq { id: client.into(), seq })), ..event }
}

/// JSON that is known to be good.
pub fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// Waits until `condition` holds.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let poll = async {
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while !condition().await {
            tick.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// `future`, which must not take for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Lets `future` run until it has been asked so often, if that is said, and gives it up then.
pub async fn given_up<T>(times: Option<usize>, future: impl Future<Output = T>) -> Option<T> {
    let Some(times) = times else { return Some(future.await) };
    let mut future = std::pin::pin!(future);
    for _ in 0..times {
        if let Poll::Ready(answer) = futures_util::poll!(future.as_mut()) {
            return Some(answer);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// What a reader is shown, in the terms of the model.
pub fn shown(rank: u64, event: &TaskEvent) -> Shown {
    Shown { rank, index: event.index, data: model::data_of(event), snapshot: event.snapshot }
}

/// A reader that writes down all it sees.
pub struct Viewer {
    reader: Subscription,
    pub seen: Vec<Shown>,
    pub ids: Vec<taskcast_actors::domain::EventId>,
    pub ending: Option<Ending>,
}

impl Viewer {
    pub async fn open(engine: &Engine, id: &TaskId, request: SubscribeRequest) -> Self {
        let reader = engine.subscribe(id, request).await.unwrap();
        Self { reader, seen: Vec::new(), ids: Vec::new(), ending: None }
    }

    /// Reads once.
    pub async fn step(&mut self) {
        match soon("the next events of a stream", self.reader.next()).await {
            Batch::End(ending) => self.ending = Some(ending),
            batch => {
                let events = batch.events();
                assert!(!events.is_empty(), "a batch holds at least one event");
                for (rank, event) in events {
                    self.ids.push(event.id.clone());
                    self.seen.push(shown(rank, &event));
                }
            }
        }
    }

    /// Reads until it has seen `count` events.
    pub async fn until(&mut self, count: usize) -> &mut Self {
        while self.seen.len() < count && self.ending.is_none() {
            self.step().await;
        }
        self
    }

    /// Reads to the end.
    pub async fn finish(mut self) -> (Vec<Shown>, Ending) {
        loop {
            match self.ending {
                Some(ending) => return (self.seen, ending),
                None => self.step().await,
            }
        }
    }
}

/// Everything a reader sees from the moment it joins to the end.
pub async fn read_all(engine: &Engine, id: &TaskId, request: SubscribeRequest) -> (Vec<Shown>, Ending) {
    Viewer::open(engine, id, request).await.finish().await
}

/// The indexes of `seen`.
pub fn indexes(seen: &[Shown]) -> Vec<u64> {
    seen.iter().map(|shown| shown.index).collect()
}

/// The history, as a whole.
pub async fn history(engine: &Engine, id: &TaskId, request: HistoryRequest) -> Vec<Arc<TaskEvent>> {
    let mut reading = engine.history(id, request).await.unwrap();
    let mut events = Vec::new();
    while let Some(page) = reading.next_page().await.unwrap() {
        events.extend(page);
    }
    events
}

/// Types and payloads of everything the store still has of a task.
pub async fn stored(store: &Arc<dyn TaskStore>, id: &TaskId) -> Vec<Slot> {
    let range = Range { max_slots: usize::MAX, max_bytes: usize::MAX, ..Range::new(0, 1 << 40) };
    store.events(id, range).await.unwrap().slots
}

/// How many status events with a terminal status a log holds.
pub async fn terminal_events(store: &Arc<dyn TaskStore>, id: &TaskId) -> usize {
    let ends = |event: &TaskEvent| {
        let status = model::data_of(event)["status"].as_str().and_then(TaskStatus::parse);
        &*event.event_type == "taskcast:status" && status.is_some_and(TaskStatus::is_terminal)
    };
    let slots = stored(store, id).await;
    slots.iter().filter(|slot| matches!(slot, Slot::Visible(event) if ends(event))).count()
}

/// The events of `published`, all at once a log for the model.
pub fn log_of(published: impl IntoIterator<Item = Arc<TaskEvent>>) -> Log {
    let mut events: Vec<_> = published.into_iter().collect();
    events.sort_by_key(|event| event.index);
    Log { events, ..Log::default() }
}

/// The number a plain event carries.
pub fn number(data: &Value) -> Option<u64> {
    data.get("n")?.as_u64()
}
