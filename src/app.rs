//! The composition root: puts store, engine and HTTP service together and takes them apart in order.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Extensions, Server};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use taskcast_actors::{Engine, Hooks, RingLimits, Settings, StartError};

use crate::auth::{AdminTokens, AuthSetupError};
use crate::config::Config;
use crate::http::parse::{BodyError, cleanup_rules, webhook_endpoints, webhook_retry};
use crate::http::{self, Service};
use crate::parts::Parts;
use crate::sentry::{self, Sentry};
use crate::storage;
use crate::webhook::{RetryPolicy, WebhookError, WebhookSettings, Webhooks};

/// A connection whose peer takes nothing for this long is given up: there is no other write timeout. It also counts
/// while a reader lives but does not read, which may well take a minute and costs nothing.
const SEND_TIMEOUT: Duration = Duration::from_secs(600);
/// Silence on a connection after which the peer is asked whether it is there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// What requests under way get once the streams have ended.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long Sentry gets to take the last reports.
const LAST_REPORTS: Duration = Duration::from_secs(2);
/// How often a stopping server looks whether its streams have ended.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// The server could not be started or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A cleanup rule or a webhook of the configuration breaks a rule of the protocol.
    #[error("in the configuration, {0}")]
    Rule(BodyError),
    /// The storage cannot be used.
    #[error(transparent)]
    Storage(#[from] storage::StorageError),
    /// It cannot be told who calls.
    #[error(transparent)]
    Auth(#[from] AuthSetupError),
    /// Nothing can be reported to Sentry.
    #[error(transparent)]
    Sentry(#[from] sentry::StartError),
    /// Webhooks cannot be delivered.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The engine's threads could not be started.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The HTTP server failed.
    #[error("the HTTP server failed: {0}")]
    Serve(#[from] io::Error),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When some part cannot be started.
pub fn run(config: &Config) -> Result<(), AppError> {
    actix_web::rt::System::new().block_on(async {
        let address = SocketAddr::new(config.host, config.port);
        let listener = listen(address).map_err(|error| AppError::Listen { address, error })?;
        let bound = listener.local_addr()?;
        let sentry = config.sentry.as_ref().map(Sentry::start).transpose()?;
        let hooks = sentry.as_ref().map(Sentry::hooks).unwrap_or_default();
        let (engine, parts) = start_engine_with(config, hooks).await?;
        let (mode, survives) = (parts.mode(), parts.survives);
        let service = web::Data::new(Service::new(engine.clone(), parts, config)?);
        tell_admin_token(&service);
        let webhooks = start_webhooks(config, &service)?;
        if service.auth.is_open() && !bound.ip().is_loopback() {
            tracing::warn!("nobody is asked who they are: whoever reaches {bound} may do everything");
        }
        let server = serve(config, listener, service.clone())?;
        tracing::info!(
            storage = mode,
            survives,
            "taskcast {} listens on http://{bound}",
            env!("CARGO_PKG_VERSION"),
        );
        for setting in &config.unused {
            tracing::warn!("{setting} is not used by storage {}", config.storage);
        }
        let stopped = stop_on_signal(&server, &service);
        let served = server.await;
        stopped.abort();
        webhooks.stop().await;
        engine.stop().await;
        if sentry.is_some_and(|sentry| !sentry.stop(LAST_REPORTS)) {
            tracing::warn!("Sentry did not take the last reports in time");
        }
        tracing::info!("stopped");
        Ok(served?)
    })
}

/// Shows whoever started the server the admin token that was made up: on standard output, which unlike the logs is not
/// kept.
fn tell_admin_token(service: &Service) {
    if let Some(token) = service.auth.admin().and_then(AdminTokens::generated) {
        println!("admin token: {token}");
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

/// Starts the engine over the storage that `config` names, and says what that is made of. Nobody is told what goes on.
///
/// # Errors
/// When the storage cannot be opened or the engine's threads cannot be started.
pub async fn start_engine(config: &Config) -> Result<(Engine, Parts), AppError> {
    start_engine_with(config, Hooks::default()).await
}

/// As [`start_engine`], with somebody who is told what goes on: for instance [`crate::sentry::SentryHooks`].
///
/// # Errors
/// When the storage cannot be opened or the engine's threads cannot be started.
pub async fn start_engine_with(
    config: &Config,
    hooks: impl Into<Hooks>,
) -> Result<(Engine, Parts), AppError> {
    let hooks = hooks.into();
    let settings = Settings {
        arbiters: config.engine.arbiters,
        idle: config.engine.idle,
        queue_commands: config.engine.queue_commands,
        queue_bytes: config.engine.queue_bytes,
        total_commands: config.engine.total_commands,
        total_bytes: config.engine.total_bytes,
        ring: RingLimits { items: config.engine.ring_events, bytes: config.engine.ring_bytes },
        sweep: config.engine.sweep,
        seq_hold: config.limits.seq_hold_timeout,
        cleanup: cleanup_rules(&config.cleanup_rules).map_err(AppError::Rule)?,
        ..Settings::default()
    };
    let webhooks = webhook_settings(config)?;
    let opened = storage::open(config, &hooks).await?;
    let mut builder = Engine::builder(opened.store).settings(settings).hooks(hooks).actors_at_home(true);
    builder = builder.webhooks(webhooks.global_hooks());
    if let Some(bus) = opened.bus {
        builder = builder.bus(bus);
    }
    if let Some(cold) = opened.cold {
        builder = builder.cold_tier(cold);
    }
    Ok((builder.start()?, opened.parts))
}

/// Starts to deliver to webhooks, on the runtime this is called in, what the tasks of `service` owe. Its engine has to
/// come from [`start_engine`] with the same `config`.
///
/// # Errors
/// When an endpoint breaks a rule of the protocol, or the HTTP client cannot be built.
pub fn start_webhooks(config: &Config, service: &Service) -> Result<Webhooks, AppError> {
    let attempts = service.metrics.webhook_attempts();
    Ok(Webhooks::start(service.engine.clone(), &webhook_settings(config)?, attempts)?)
}

fn webhook_settings(config: &Config) -> Result<WebhookSettings, AppError> {
    let retry = config.webhook.default_retry.as_ref().map(webhook_retry).transpose();
    Ok(WebhookSettings {
        endpoints: webhook_endpoints(&config.webhook.endpoints).map_err(AppError::Rule)?,
        retry: RetryPolicy::default().overridden(retry.map_err(AppError::Rule)?.as_ref()),
        allow_private: config.webhook.allow_private,
    })
}

fn serve(config: &Config, listener: TcpListener, service: web::Data<Service>) -> io::Result<Server> {
    let limits = config.limits;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(service.clone())
            .wrap(from_fn(http::observe))
            .configure(|routes| http::routes(routes, &limits))
    })
    .workers(config.http_workers)
    .tcp_nodelay(true)
    .h1_allow_half_closed(false)
    .on_connect(prepare_connection)
    .shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs())
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn prepare_connection(connection: &dyn Any, _: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = socket2::SockRef::from(stream);
    let keepalive = socket2::TcpKeepalive::new().with_time(TCP_KEEPALIVE);
    let prepared = socket.set_tcp_user_timeout(Some(SEND_TIMEOUT)).and(socket.set_tcp_keepalive(&keepalive));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection could not be prepared");
    }
}

/// Stops `server`, which must not listen to signals itself, on SIGTERM or SIGINT. On the first one streams begin to end;
/// once they have, or the window is over, the server stops. A second signal ends it at once.
pub fn stop_on_signal(server: &Server, service: &web::Data<Service>) -> tokio::task::JoinHandle<()> {
    let handle = server.handle();
    let service = service.clone();
    actix_web::rt::spawn(async move {
        signal().await;
        tracing::info!(streams = service.metrics.open_streams(), "stopping: open streams end first");
        service.drain.start();
        let graceful = async {
            let window = service.drain.window();
            let drained = async {
                while service.metrics.open_streams() > 0 {
                    tokio::time::sleep(DRAIN_POLL).await;
                }
            };
            if tokio::time::timeout(window, drained).await.is_err() {
                tracing::warn!(
                    streams = service.metrics.open_streams(),
                    "streams are still open: cutting them"
                );
            }
            service.engine.stop_holding();
            handle.stop(true).await;
        };
        tokio::select! {
            () = graceful => {}
            () = signal() => {
                tracing::warn!("told to stop again: stopping at once");
                handle.stop(false).await;
            }
        }
    })
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received: the server can only be killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
