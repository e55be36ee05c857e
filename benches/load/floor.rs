//! The floor: the least program that answers the routes the load driver uses.
//!
//! It parses the body, makes an id, wakes the readers of the task with one shared buffer, and
//! answers. It has no task semantics: nothing is stored, no status exists, an unknown task is as
//! good as a known one, and a reader that falls thousands of events behind is cut off. Each figure of
//! the server is read as a ratio to this program, on the same HTTP library and allocator.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::broadcast;
use ulid::Ulid;

/// How many frames a reader may be behind before it is cut off.
const RING: usize = 8192;
/// The largest accepted body, as in the server.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Serves the floor on `port` with two workers until the process is killed.
pub fn serve(port: u16) -> anyhow::Result<()> {
    let topics = Data::new(Topics::default());
    let served = HttpServer::new(move || {
        App::new()
            .app_data(topics.clone())
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .route("/tasks", web::post().to(create))
            .route("/tasks/{id}", web::get().to(get))
            .route("/tasks/{id}", web::delete().to(delete))
            .route("/tasks/{id}/events", web::post().to(publish))
            .route("/tasks/{id}/events", web::get().to(subscribe))
    })
    .workers(2)
    .tcp_nodelay(true)
    .h1_allow_half_closed(false)
    .bind(("127.0.0.1", port))?
    .run();
    Ok(actix_web::rt::System::new().block_on(served)?)
}

/// The tasks that have readers or events.
#[derive(Default)]
struct Topics(RwLock<HashMap<String, Arc<Topic>>>);

/// What is kept of a task: the next index, and its readers once there are any.
#[derive(Default)]
struct Topic {
    next: Mutex<u64>,
    readers: OnceLock<broadcast::Sender<Bytes>>,
}

impl Topics {
    /// The topic of a task, made on first use.
    fn topic(&self, task: &str) -> Arc<Topic> {
        let known = self.0.read().expect("no holder panics").get(task).cloned();
        known.unwrap_or_else(|| {
            let mut topics = self.0.write().expect("no holder panics");
            topics.entry(task.to_owned()).or_default().clone()
        })
    }
}

/// The parsed body of a creation.
#[derive(Deserialize)]
struct NewTask<'a> {
    id: Option<String>,
    r#type: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    ttl: Option<u64>,
}

/// The answer to a creation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Task<'a> {
    id: &'a str,
    status: &'a str,
    created_at: u64,
    updated_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
}

/// The severity of an event.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

/// One parsed event of a publish.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewEvent<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    level: Level,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    series_id: Option<String>,
    series_mode: Option<String>,
}

/// The answer to a publish: the event in its raw form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    id: &'a str,
    task_id: &'a str,
    index: u64,
    timestamp: u64,
    r#type: &'a str,
    level: Level,
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series_mode: Option<&'a str>,
}

/// What a reader gets: the event in its wrapped form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    filtered_index: u64,
    raw_index: u64,
    event_id: &'a str,
    task_id: &'a str,
    r#type: &'a str,
    timestamp: u64,
    level: Level,
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series_mode: Option<&'a str>,
}

/// `POST /tasks`
async fn create(body: Bytes) -> HttpResponse {
    let Ok(new) = serde_json::from_slice::<NewTask<'_>>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let now = now();
    let id = new.id.unwrap_or_else(|| new_id(now));
    created(&Task {
        id: &id,
        status: "pending",
        created_at: now,
        updated_at: now,
        r#type: new.r#type.as_deref(),
        params: new.params,
        ttl: new.ttl,
    })
}

/// `GET /tasks/{id}`
async fn get(id: Path<String>) -> HttpResponse {
    let now = now();
    HttpResponse::Ok().json(Task {
        id: &id,
        status: "pending",
        created_at: now,
        updated_at: now,
        r#type: None,
        params: None,
        ttl: None,
    })
}

/// `DELETE /tasks/{id}`
async fn delete(id: Path<String>, topics: Data<Topics>) -> HttpResponse {
    let removed = topics.0.write().expect("no holder panics").remove(&*id);
    drop(removed);
    HttpResponse::NoContent().finish()
}

/// `POST /tasks/{id}/events`
async fn publish(id: Path<String>, body: Bytes, topics: Data<Topics>) -> HttpResponse {
    match store(&topics.topic(&id), &id, &body) {
        Ok(json) => json_created(json),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

/// `GET /tasks/{id}/events`
async fn subscribe(id: Path<String>, topics: Data<Topics>) -> HttpResponse {
    let topic = topics.topic(&id);
    let frames = topic.readers.get_or_init(|| broadcast::Sender::new(RING)).subscribe();
    let live = stream::unfold(frames, |mut frames| async move {
        let frame = frames.recv().await.ok()?;
        Some((frame, frames))
    });
    let hello = stream::iter([Bytes::from_static(b":keepalive\n\n")]);
    HttpResponse::Ok()
        .insert_header(("content-type", "text/event-stream"))
        .insert_header(("cache-control", "no-cache, no-transform"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(("content-encoding", "identity"))
        .streaming(hello.chain(live).map(Ok::<_, Infallible>))
}

/// Appends the events of a body to the topic; the result is the JSON to answer with.
fn store(topic: &Topic, task: &str, body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(256 + 2 * body.len());
    if body.first() == Some(&b'[') {
        let events: Vec<NewEvent<'_>> = serde_json::from_slice(body)?;
        let mut appender = topic.appender(task);
        out.push(b'[');
        for (position, event) in events.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            appender.append(event, &mut out)?;
        }
        out.push(b']');
    } else {
        let event = serde_json::from_slice(body)?;
        topic.appender(task).append(&event, &mut out)?;
    }
    Ok(out)
}

/// Gives out the indexes of a topic; it holds the lock, so that frames leave in index order.
struct Appender<'a> {
    task: &'a str,
    next: MutexGuard<'a, u64>,
    readers: Option<&'a broadcast::Sender<Bytes>>,
}

impl Topic {
    fn appender<'a>(&'a self, task: &'a str) -> Appender<'a> {
        let next = self.next.lock().expect("no holder panics");
        let readers = self.readers.get().filter(|readers| readers.receiver_count() > 0);
        Appender { task, next, readers }
    }
}

impl Appender<'_> {
    /// Gives one event its id and index, writes it to `out`, and wakes the readers.
    fn append(&mut self, new: &NewEvent<'_>, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let timestamp = now();
        let event = Event {
            id: &new_id(timestamp),
            task_id: self.task,
            index: *self.next,
            timestamp,
            r#type: &new.r#type,
            level: new.level,
            data: new.data,
            series_id: new.series_id.as_deref(),
            series_mode: new.series_mode.as_deref(),
        };
        *self.next += 1;
        serde_json::to_writer(out, &event)?;
        if let Some(readers) = self.readers {
            // It fails when the last reader has gone in the meantime.
            let _ = readers.send(frame(&event)?);
        }
        Ok(())
    }
}

/// The frame of an event, shared by all readers.
fn frame(event: &Event<'_>) -> serde_json::Result<Bytes> {
    let mut frame = Vec::with_capacity(384);
    frame.extend_from_slice(b"event: taskcast.event\ndata: ");
    let envelope = Envelope {
        filtered_index: event.index,
        raw_index: event.index,
        event_id: event.id,
        task_id: event.task_id,
        r#type: event.r#type,
        timestamp: event.timestamp,
        level: event.level,
        data: event.data,
        series_id: event.series_id,
        series_mode: event.series_mode,
    };
    serde_json::to_writer(&mut frame, &envelope)?;
    frame.extend_from_slice(b"\nid: ");
    frame.extend_from_slice(event.id.as_bytes());
    frame.extend_from_slice(b"\n\n");
    Ok(frame.into())
}

/// A 201 with a value as JSON.
fn created(value: &impl Serialize) -> HttpResponse {
    json_created(serde_json::to_vec(value).expect("plain structs serialise"))
}

/// A 201 with a JSON text.
fn json_created(json: Vec<u8>) -> HttpResponse {
    HttpResponse::Created().content_type("application/json").body(json)
}

/// The time in milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A new ULID.
fn new_id(timestamp: u64) -> String {
    Ulid::from_parts(timestamp, fastrand::u128(..)).to_string()
}
