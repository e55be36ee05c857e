//! Instances on servers that a test owns, or on those that tests share.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use nix::sys::signal::Signal;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::process::Command;

use crate::support::server::profile;
use crate::support::servers::{Postgres, Redis};
use crate::support::{Answer, Server, Setup, Store, wait_until, within};

/// Where the instances are that run at present.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    /// One of them, at random.
    pub(super) fn any(&self) -> SocketAddr {
        let addresses = self.0.lock();
        addresses[fastrand::usize(..addresses.len())]
    }
}

/// Several instances that share everything.
pub(super) struct Cluster {
    setup: Setup,
    pub(super) instances: Vec<Server>,
    pub(super) addresses: Addresses,
}

impl Cluster {
    /// `count` instances in a place of their own on the shared servers.
    pub(super) async fn start(store: Store, count: usize) -> Self {
        Self::start_with(Setup::new(store), count).await
    }

    pub(super) async fn start_with(setup: Setup, count: usize) -> Self {
        let mut cluster = Self { setup, instances: Vec::new(), addresses: Addresses::default() };
        for _ in 0..count {
            cluster.add().await;
        }
        cluster
    }

    /// Starts one more instance.
    pub(super) async fn add(&mut self) {
        self.add_server(self.setup.start().await);
    }

    /// Has a server that was started in another way serve as one more instance.
    pub(super) fn add_server(&mut self, server: Server) {
        self.instances.push(server);
        self.publish_addresses();
    }

    /// Kills the instance that has run longest.
    pub(super) async fn kill_oldest(&mut self) {
        let victim = self.instances.remove(0);
        self.publish_addresses();
        victim.killed().await;
    }

    /// Has an instance end as it does when it is told to.
    pub(super) async fn stop_oldest(&mut self) {
        let mut leaving = self.instances.remove(0);
        self.publish_addresses();
        leaving.signal(Signal::SIGTERM);
        assert!(leaving.ended().await.success(), "{}", leaving.logs());
    }

    fn publish_addresses(&self) {
        *self.addresses.0.lock() = self.instances.iter().map(|server| server.client.address).collect();
    }

    /// A connection to the instances' database.
    pub(super) async fn database(&self) -> tokio_postgres::Client {
        let url = self.setup.variable("TASKCAST_POSTGRES_URL");
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the database answers");
        tokio::spawn(connection);
        client
    }

    /// What every key of the instances begins with.
    pub(super) fn prefix(&self) -> &str {
        self.setup.variable("TASKCAST_REDIS_PREFIX")
    }

    /// Waits until the archive has everything that was acknowledged before.
    pub(super) async fn archived(&self) {
        let url = self.setup.variable("TASKCAST_REDIS_URL");
        wait_until("the archive has caught up", async || {
            for partition in 0..16 {
                let key = format!("{}:{{{partition}}}:ahead", self.prefix());
                if Redis::ask(url, &["ZCARD", &key]).await != ":0\r\n" {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Moves a finished task to the archive, in which its history must be the same bytes.
    pub(super) async fn release_unchanged(&self, id: &str) {
        let path = format!("/tasks/{id}/events/history");
        let hot = self.instances[0].get(&path).await;
        self.release(id).await.ok(200);
        for instance in &self.instances {
            assert_eq!(instance.get(&path).await.text(), hot.text(), "the archive has the same bytes");
        }
    }

    /// Moves a finished task to the archive.
    pub(super) async fn release(&self, id: &str) -> Answer {
        self.archived().await;
        let server = &self.instances[0];
        let history = server.history(id, "").await;
        let last = history.last().map_or(-1, |event| event["index"].as_i64().expect("an index"));
        let body = format!(r#"{{"expectedLastEventIndex":{last},"inactiveSince":9007199254740991}}"#);
        server.post(&format!("/tasks/{id}/storage/release"), &body).await
    }
}

/// Starts the program with these variables and arguments; what it says when it ends by itself.
pub(super) async fn refused(vars: &[(&str, &str)], arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskcast"));
    command.args(["start", "--port", "0"]).args(arguments).current_dir(folder.path());
    command.env_clear().envs(profile()).envs(vars.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output = within("it ends by itself", command.output()).await.expect("the program can be started");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("s3cret"), "{text}");
    text
}

/// The present value of a metric.
pub(super) async fn gauge(server: &Server, name: &str) -> f64 {
    let answer = server.get("/metrics").await;
    let line = answer.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {}", answer.text())).parse().expect("a number")
}

/// Servers of one test, which may kill them, and the variables that lead to them.
pub(super) struct Own {
    pub(super) redis: Redis,
    pub(super) postgres: Postgres,
    environment: Vec<(&'static str, String)>,
}

impl Own {
    pub(super) async fn start() -> Self {
        let (redis, postgres) = tokio::join!(Redis::start(), Postgres::start());
        let environment = vec![
            ("TASKCAST_REDIS_URL", redis.url()),
            ("TASKCAST_REDIS_PREFIX", Redis::prefix()),
            ("TASKCAST_POSTGRES_URL", postgres.database().await.url),
            ("TASKCAST_AUTO_MIGRATE", "true".to_owned()),
        ];
        Self { redis, postgres, environment }
    }

    /// `count` instances with Redis and the archive.
    pub(super) async fn cluster(&self, count: usize) -> Cluster {
        Cluster::start_with(self.setup(Store::Tiered), count).await
    }

    /// One more instance with Redis and the archive, which reaches Redis at `url`.
    pub(super) async fn instance_over(&self, url: String) -> Server {
        let mut environment = self.environment.clone();
        environment.retain(|(name, _)| *name != "TASKCAST_REDIS_URL");
        environment.push(("TASKCAST_REDIS_URL", url));
        Setup::new(Store::Tiered).environment(environment).start().await
    }

    /// A program on as many of these servers as `store` needs.
    pub(super) fn setup(&self, store: Store) -> Setup {
        let mut environment = self.environment.clone();
        if store == Store::Redis {
            environment.retain(|(name, _)| name.starts_with("TASKCAST_REDIS"));
        }
        Setup::new(store).environment(environment)
    }

    /// The value of a variable.
    pub(super) fn variable(&self, name: &str) -> &str {
        let found = self.environment.iter().find(|(known, _)| *known == name);
        &found.expect("it is set").1
    }
}

/// The events of `answer`, which is a history.
pub(super) fn events(answer: &Answer) -> Vec<Value> {
    answer.ok(200).as_array().expect("a history is a list").clone()
}
