//! The load driver: drives a server as fast as it can, checks every answer, and says how fast that was.
//!
//! `taskcast bench` and `benches/load` share it; it is no part of the public API.
//!
//! - [`scenarios`]: what is measured, one scenario or family of them in a file.
//! - [`target`]: the server. [`http`], [`chunked`], [`sse`]: how it is spoken to, without the cost of a real client.
//! - [`closed_loop`]: many connections, each of which sends its request again as soon as it has the answer.
//! - [`cpu`], [`stats`], [`table`]: what is made of it.
//!
//! Deliberately absent: everything that starts programs, which is in `benches/load`.

pub mod chunked;
pub mod closed_loop;
pub mod cpu;
pub mod http;
pub mod scenarios;
pub mod sse;
pub mod stats;
pub mod table;
pub mod target;

use std::time::Duration;

use anyhow::Context as _;

pub use self::stats::Both;
use self::target::Target;

/// How long and how hard something is driven.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often each program has its turn.
    pub rounds: usize,
    /// The measured time of a turn.
    pub window: Duration,
    /// Publishing connections.
    pub connections: usize,
}

/// What is driven: a server, and perhaps something to compare it with.
pub trait Ground {
    /// Measures the baseline, if there is one, and the server in turn.
    fn in_turn<T>(
        &self,
        rounds: usize,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> impl Future<Output = anyhow::Result<Both<T>>>;

    /// Measures the server alone.
    fn alone<T>(
        &self,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> impl Future<Output = anyhow::Result<T>>;
}

/// A server that runs already is compared with nothing.
impl Ground for Target {
    async fn in_turn<T>(
        &self,
        rounds: usize,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> anyhow::Result<Both<T>> {
        let mut server = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            server.push(measure(self).await.context("the server")?);
        }
        Ok(Both { baseline: Vec::new(), server })
    }

    async fn alone<T>(&self, measure: impl AsyncFn(&Target) -> anyhow::Result<T>) -> anyhow::Result<T> {
        measure(self).await.context("the server")
    }
}
