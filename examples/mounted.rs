//! The complete Taskcast HTTP API under `/streams` of a server that has a route of its own.
//!
//! ```text
//! cargo run --example mounted
//! curl -X POST localhost:8080/reports        # the embedder's route: answers with the id of a running task
//! curl -N localhost:8080/streams/tasks/ID/events
//! ```

use actix_web::{App, HttpServer, error, web};
use taskcast::config::{Config, Storage};
use taskcast::http::{self, Service};
use taskcast::{app, telemetry};
use taskcast_actors::domain::{NewTask, TaskStatus, Transition};

/// The embedder's own route: it uses the engine that the mounted API shows.
async fn start_report(service: web::Data<Service>) -> actix_web::Result<String> {
    let new = NewTask { task_type: Some("report".into()), ..NewTask::default() };
    let created = service.engine.create(new).await.map_err(error::ErrorServiceUnavailable)?;
    let id = &created.task.id;
    let started = service.engine.transition(id, Transition::to(TaskStatus::Running)).await;
    started.map_err(error::ErrorServiceUnavailable)?;
    Ok(format!("{id}\n"))
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config = Config { storage: Storage::Memory, ..Config::default() };
    telemetry::start(config.log_level);
    let (engine, parts) = app::start_engine(&config).await?;
    let service = web::Data::new(Service::new(engine.clone(), parts, &config)?);

    let webhooks = app::start_webhooks(&config, &service)?;
    let shared = service.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/reports", web::post().to(start_report))
            .service(http::mount("/streams", shared.clone()))
    })
    .disable_signals()
    .bind(("127.0.0.1", 8080))?
    .run();

    let stopping = app::stop_on_signal(&server, &service);
    server.await?;
    stopping.abort();
    webhooks.stop().await;
    engine.stop().await;
    Ok(())
}
