//! Two instances on one Redis and, unless left out, one Postgres.

use std::time::Duration;

use anyhow::Context;

use taskcast::bench::cpu::cpu_time;
use taskcast::bench::http::Conn;

use crate::process::{Launcher, Running};
use crate::servers::{Postgres, Redis};
use taskcast::bench::target::Target;

/// The running programs; dropping it ends them, the instances first.
pub struct Cluster {
    instances: [Running; 2],
    /// The Redis of both.
    pub redis: Redis,
    /// The Postgres of both.
    pub postgres: Option<Postgres>,
}

/// CPU time that the programs have used.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Both instances.
    pub instances: Duration,
    /// Redis.
    pub redis: Duration,
    /// Postgres.
    pub postgres: Duration,
}

impl Cluster {
    /// Starts fresh servers and two instances on them.
    pub async fn start(launcher: &Launcher) -> anyhow::Result<Self> {
        Self::start_on(launcher, Some(Postgres::start().await?)).await
    }

    /// Starts a fresh Redis and two instances with nothing behind it.
    pub async fn without_archive(launcher: &Launcher) -> anyhow::Result<Self> {
        Self::start_on(launcher, None).await
    }

    async fn start_on(launcher: &Launcher, postgres: Option<Postgres>) -> anyhow::Result<Self> {
        let redis = Redis::start().await?;
        let mut env =
            vec![("TASKCAST_REDIS_URL", redis.url()), ("TASKCAST_REDIS_PREFIX", "bench".to_owned())];
        if let Some(postgres) = &postgres {
            env.push(("TASKCAST_POSTGRES_URL", postgres.url()));
            env.push(("TASKCAST_AUTO_MIGRATE", "true".to_owned()));
        }
        let instances = [launcher.start_instance(&env).await?, launcher.start_instance(&env).await?];
        Ok(Self { instances, redis, postgres })
    }

    /// The two instances.
    pub fn targets(&self) -> [&Target; 2] {
        self.instances.each_ref().map(|running| &running.target)
    }

    /// The Postgres of a cluster that was started with one.
    pub fn postgres(&mut self) -> anyhow::Result<&mut Postgres> {
        self.postgres.as_mut().context("this cluster has no Postgres")
    }

    /// CPU time that was used so far.
    pub fn used(&self) -> anyhow::Result<Used> {
        let mut instances = Duration::ZERO;
        for target in self.targets() {
            instances += cpu_time(target.pid.context("an instance without a process")?)?;
        }
        let postgres = self.postgres.as_ref().map(Postgres::cpu_time).transpose()?;
        Ok(Used { instances, redis: self.redis.cpu_time()?, postgres: postgres.unwrap_or_default() })
    }

    /// The largest value that the instances give for a metric.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut largest = f64::NEG_INFINITY;
        for target in self.targets() {
            let mut conn = Conn::open(target).await?;
            let text = conn.call(&target.request("GET", "/metrics", ""), 200).await?;
            let text = String::from_utf8_lossy(text);
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = value.with_context(|| format!("there is no metric {name}"))?;
            largest = largest.max(value.trim().parse().context("parsing a metric")?);
        }
        Ok(largest)
    }
}
