//! What the service is made of, as far as health reports and metrics show it. Who puts the parts together fills it.

use futures_util::future::BoxFuture;
use taskcast_actors::domain::Timestamp;

/// Everything the service is made of.
pub struct Parts {
    /// What carries announcements between instances: `memory` or `redis`.
    pub broadcast: &'static str,
    /// Where tasks are written.
    pub short_term: &'static str,
    /// Where they stay, if they outlive the process.
    pub long_term: Option<&'static str>,
    /// What a success answer to a write survives, as a sentence.
    pub survives: &'static str,
    /// Whether tasks can be moved to a cold tier.
    pub releases: bool,
    /// The servers that this one needs.
    pub dependencies: Vec<Dependency>,
    /// Numbers of the parts, for `/metrics`.
    pub gauges: Vec<Gauge>,
}

impl Parts {
    /// The name of the storage mode: the store, and the archive behind it if there is one.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match (self.short_term, self.long_term) {
            ("redis", Some("postgres")) => "redis+postgres",
            (store, _) => store,
        }
    }
}

/// A number that some part keeps.
pub struct Gauge {
    /// Its full name, beginning with `taskcast_`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// `gauge` or `counter`.
    pub kind: &'static str,
    /// Its value now.
    pub value: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// What a check found wrong, in the words of PROTOCOL §3.
pub type Failure = &'static str;

/// A server that this one needs.
pub struct Dependency {
    /// Its name in PROTOCOL §16.1.
    pub name: &'static str,
    /// Whether requests cannot be served without it.
    pub essential: bool,
    /// Asks it.
    pub check: Box<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>,
    /// What is known without asking.
    pub state: Box<dyn Fn() -> DependencyState + Send + Sync>,
}

/// What is known of a server without asking it.
#[derive(Clone, Debug)]
pub struct DependencyState {
    /// `starting`, `healthy`, `reconnecting` or `unhealthy`.
    pub state: &'static str,
    /// When it became that.
    pub since: Timestamp,
    /// Failures since it last worked.
    pub failures: u64,
    /// What went wrong last, if anything ever did.
    pub last_error: Option<Failure>,
    /// Connections made again since the start.
    pub reconnects: u64,
}
