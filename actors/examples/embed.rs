//! The engine inside somebody's own actix-web service.
//!
//! The service keeps its own routes and gives its tasks a small API of its own under `/tasks-api`. Task actors live on
//! the server's own threads, so that a request usually reaches its task without waking another thread.
//!
//! ```text
//! cargo run -p taskcast-actors --example embed
//! curl -X POST localhost:8080/tasks-api/tasks                     # {"id":"01…","status":"running",…}
//! curl -N localhost:8080/tasks-api/tasks/ID/stream                # in a second terminal
//! curl -d '{"text":"hello"}' localhost:8080/tasks-api/tasks/ID/publish/note
//! curl -X POST localhost:8080/tasks-api/tasks/ID/complete
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use actix::MailboxError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, ResponseError};
use futures_util::stream;
use taskcast_actors::domain::{
    EventId, InvalidId, Json, JsonError, NewEvent, NewTask, Task, TaskEvent, TaskId, TaskStatus, Transition,
};
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::{Batch, Cursor, Ending, Engine, EngineError, Publish, SubscribeRequest};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::builder(Arc::new(MemoryStore::new())).actors_at_home(true).start()?;
    let shared = web::Data::new(engine.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/", web::get().to(home))
            .service(web::scope("/tasks-api").configure(tasks_api))
    })
    .disable_signals()
    .bind(("127.0.0.1", 8080))?
    .run();
    println!("listening on http://127.0.0.1:8080");

    let handle = server.handle();
    let served = actix_web::rt::spawn(server);
    actix_web::rt::signal::ctrl_c().await?;
    println!("stopping: accepted writes are finished, streams end");
    let requests_end = handle.stop(true);
    engine.stop().await;
    requests_end.await;
    served.await??;
    println!("stopped");
    Ok(())
}

/// A route of the service that has nothing to do with tasks.
async fn home() -> &'static str {
    "a service with tasks inside: see /tasks-api\n"
}

/// What the service lets its users do with tasks.
fn tasks_api(config: &mut web::ServiceConfig) {
    config
        .route("/tasks", web::post().to(create))
        .route("/tasks/{id}/publish/{type}", web::post().to(publish))
        .route("/tasks/{id}/complete", web::post().to(complete))
        .route("/tasks/{id}/stream", web::get().to(follow));
}

/// Creates a task and starts it.
async fn create(engine: web::Data<Engine>) -> Result<web::Json<Task>, Failure> {
    let id = engine.create(NewTask::default()).await?.task.id.clone();
    let started = engine.transition(&id, Transition::to(TaskStatus::Running)).await?;
    Ok(web::Json(started.task.clone()))
}

/// Appends the body as an event: a typed message to the task's actor, answered after the commit.
async fn publish(
    engine: web::Data<Engine>,
    path: web::Path<(String, String)>,
    body: String,
) -> Result<String, Failure> {
    let (id, event_type) = path.into_inner();
    let event = NewEvent::new(&event_type, Json::parse(&body)?);
    let actor = engine.task(&TaskId::parse(&id)?).await?;
    let stored = actor.send(Publish::new(vec![event])).await??;
    Ok(format!("stored at index {}\n", stored[0].index))
}

/// Completes the task. The engine's verb sends a message as well, with admission control, and again if the actor ends.
async fn complete(engine: web::Data<Engine>, id: web::Path<String>) -> Result<web::Json<Task>, Failure> {
    let wish = Transition::to(TaskStatus::Completed);
    let completed = engine.transition(&TaskId::parse(&id)?, wish).await?;
    Ok(web::Json(completed.task.clone()))
}

/// Streams the task from its beginning, or from where the client's last connection was cut.
async fn follow(
    engine: web::Data<Engine>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let cursor = Cursor { id: last.map(EventId::from_text), ..Cursor::default() };
    let wish = SubscribeRequest { cursor, ..SubscribeRequest::default() };
    let reader = engine.subscribe(&TaskId::parse(&id)?, wish).await?;
    let body = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        let (bytes, next) = match reader.next().await {
            Batch::End(Ending::Finished(status)) => (end_frame(status.as_str()), None),
            Batch::End(Ending::Deleted) => (end_frame("deleted"), None),
            // The engine stops: without an end frame clients come back, and resume.
            Batch::End(Ending::Interrupted) => return None,
            batch => (batch.events().iter().map(|(_, event)| event_frame(event)).collect(), Some(reader)),
        };
        Some((Ok::<_, Infallible>(Bytes::from(bytes)), next))
    });
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/event-stream")).insert_header((CACHE_CONTROL, "no-cache"));
    Ok(response.streaming(body))
}

/// An event in this service's own form: its type, its payload, its id to resume from.
fn event_frame(event: &TaskEvent) -> String {
    let name = event.event_type.replace(['\r', '\n'], " ");
    format!("event: {name}\ndata: {}\nid: {}\n\n", event.data.as_str(), event.id)
}

fn end_frame(reason: &str) -> String {
    format!("event: end\ndata: \"{reason}\"\n\n")
}

/// How the service says no: a status and a text.
#[derive(Debug)]
struct Failure(StatusCode, String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.1)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.0
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let status = match &error {
            EngineError::NotFound => StatusCode::NOT_FOUND,
            EngineError::Exists | EngineError::Rejected(_) => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, error.to_string())
    }
}

/// The actor ended before it answered: whether the event was stored is not known.
impl From<MailboxError> for Failure {
    fn from(error: MailboxError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<InvalidId> for Failure {
    fn from(_: InvalidId) -> Self {
        EngineError::NotFound.into()
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}
