//! What every endpoint may use.

use std::time::{Duration, Instant};

use taskcast_actors::Engine;

use super::parse::events::PublishLimits;
use super::rate_limit::RateLimiter;
use super::stream::Drain;
use crate::auth::{AuthSetupError, Authenticator};
use crate::config::{Config, CorsOrigins, Limits};
use crate::metrics::Metrics;
use crate::parts::Parts;

/// Settings of the HTTP service.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Sizes beyond which requests are refused.
    pub limits: Limits,
    /// How often a stream without events says that it is alive.
    pub keepalive: Duration,
    /// Who may read answers in a browser.
    pub cors: CorsOrigins,
    /// The authentication mode, for `/health/detail`.
    pub auth_mode: &'static str,
    /// Whether a token may be in the query of an event stream.
    pub query_token: bool,
    /// Whether metrics need a credential with every scope.
    pub metrics_auth: bool,
}

impl ServiceSettings {
    /// What bounds a publish.
    pub fn publish_limits(&self) -> PublishLimits {
        PublishLimits { event_data_bytes: self.limits.event_data_bytes, batch_items: self.limits.batch_items }
    }
}

/// What every endpoint may use; one for all workers.
pub struct Service {
    /// The engine.
    pub engine: Engine,
    /// What the engine stands on.
    pub parts: Parts,
    /// Who may call.
    pub auth: Authenticator,
    /// How many requests callers may make.
    pub rate_limiter: RateLimiter,
    /// Settings.
    pub settings: ServiceSettings,
    /// Says when streams have to end.
    pub drain: Drain,
    /// When the server started.
    pub started: Instant,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}

impl Service {
    /// The service over `engine`, which stands on `parts`, with what `config` says about HTTP and about who may call.
    ///
    /// # Errors
    /// When a key to verify tokens with cannot be read, or is none for the configured algorithm.
    pub fn new(engine: Engine, parts: Parts, config: &Config) -> Result<Self, AuthSetupError> {
        Ok(Self {
            engine,
            parts,
            auth: Authenticator::new(&config.auth)?,
            rate_limiter: RateLimiter::new(&config.rate_limits),
            settings: ServiceSettings {
                limits: config.limits,
                keepalive: config.sse_keepalive,
                cors: config.cors_origins.clone(),
                auth_mode: config.auth.mode(),
                query_token: config.auth.query_token,
                metrics_auth: config.auth.metrics,
            },
            drain: Drain::new(config.shutdown_drain),
            started: Instant::now(),
            metrics: Metrics::default(),
        })
    }
}
