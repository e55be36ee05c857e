//! A Redis server, its replica, and sentinels that make the replica the primary when they miss the primary.
//!
//! They are always the installed program: all of them tell each other and their clients where they are.

use std::ffi::OsString;

use tempfile::TempDir;

use super::process::Process;
use super::redis::{program, try_command};
use super::{Redis, folder, free_port};
use crate::support::wait_until;

/// What the sentinels call the pair.
const NAME: &str = "main";

/// See the module.
pub(crate) struct Guarded {
    servers: [Redis; 2],
    sentinels: Vec<Sentinel>,
}

struct Sentinel {
    port: u16,
    process: Process,
    _folder: TempDir,
}

impl Guarded {
    /// Two servers with as many sentinels, all of which know each other.
    pub(crate) async fn start(sentinels: usize) -> Self {
        let primary = Redis::start_replicated(None).await;
        let replica = Redis::start_replicated(Some(&primary)).await;
        // A sentinel that sees the replica at its first look need not wait for the next one, ten seconds later.
        wait_until("the replica is up to date", async || are_equal(&primary, &replica).await).await;
        let sentinels = (0..sentinels).map(|_| Sentinel::start(primary.port(), sentinels)).collect();
        let guarded = Self { servers: [primary, replica], sentinels };
        guarded.until_complete().await;
        guarded
    }

    /// Leads to the primary by way of the sentinels.
    pub(crate) fn url(&self) -> String {
        self.url_of(NAME)
    }

    /// The same for a service that may not exist.
    pub(crate) fn url_of(&self, service: &str) -> String {
        let (first, others) = self.sentinels.split_first().expect("there is a sentinel");
        let nodes: String = others.iter().map(|other| format!("&node=127.0.0.1:{}", other.port)).collect();
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={service}{nodes}", first.port)
    }

    /// Waits until the sentinels know the replica and each other, and the replica has all that the primary has.
    pub(crate) async fn until_complete(&self) {
        wait_until("the replica is known and up to date", async || {
            for sentinel in &self.sentinels {
                let replicas = sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).await?;
                let others = sentinel.ask(&["SENTINEL", "SENTINELS", NAME]).await?;
                let well = |text: &str, kind| text.matches(&flags(kind)).count();
                if well(&replicas, "slave") != 1 || well(&others, "sentinel") + 1 != self.sentinels.len() {
                    return None;
                }
            }
            let primary = self.primary().await?;
            are_equal(&self.servers[primary], &self.servers[1 - primary]).await
        })
        .await;
    }

    /// Kills the primary and waits until the other server has taken its place; gives the one that is gone.
    pub(crate) async fn kill_primary(&mut self) -> &mut Redis {
        let primary = self.primary().await.expect("the sentinels know it");
        self.servers[primary].kill().await;
        self.until_replaced(primary).await;
        &mut self.servers[primary]
    }

    /// The same with a primary that only does nothing any more, so that no connection breaks.
    pub(crate) async fn freeze_primary(&mut self) -> &mut Redis {
        let primary = self.primary().await.expect("the sentinels know it");
        self.servers[primary].freeze().await;
        self.until_replaced(primary).await;
        &mut self.servers[primary]
    }

    /// Kills a sentinel.
    pub(crate) fn kill_sentinel(&mut self, place: usize) {
        self.sentinels[place].process.kill();
    }

    /// Starts it again.
    pub(crate) fn restart_sentinel(&mut self, place: usize) {
        self.sentinels[place].process.start();
    }

    /// Has the primary close every connection of its clients.
    pub(crate) async fn disconnect_clients(&self) {
        let primary = wait_until("a sentinel knows the primary", async || self.primary().await).await;
        for kind in ["normal", "pubsub"] {
            self.servers[primary].command(&["CLIENT", "KILL", "TYPE", kind]).await;
        }
    }

    async fn until_replaced(&self, primary: usize) {
        wait_until("the replica is promoted", async || {
            let now = self.primary().await?;
            (now != primary && self.servers[now].command(&["ROLE"]).await.contains("master")).then_some(())
        })
        .await;
    }

    /// Which of the servers the first living sentinel calls the primary.
    async fn primary(&self) -> Option<usize> {
        for sentinel in &self.sentinels {
            if let Some(answer) = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).await {
                let is_it = |server: &Redis| answer.contains(&format!("\r\n{}\r\n", server.port()));
                return self.servers.iter().position(is_it);
            }
        }
        None
    }
}

impl Sentinel {
    /// One that watches the server at this port; most of `count` sentinels have to agree that it is gone.
    fn start(primary: u16, count: usize) -> Self {
        let (port, folder) = (free_port(), folder());
        let file = folder.path().join("sentinel.conf");
        let most = count / 2 + 1;
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor {NAME} 127.0.0.1 {primary} {most}\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 5000\n",
            folder.path().display()
        );
        std::fs::write(&file, settings).expect("a file can be written");
        let command: Vec<OsString> = vec![program().into(), file.into(), "--sentinel".into()];
        Self { port, process: Process::start_new(command), _folder: folder }
    }

    async fn ask(&self, words: &[&str]) -> Option<String> {
        try_command(self.port, words).await.ok()
    }
}

/// What a sentinel says of a server with which nothing is wrong.
fn flags(kind: &str) -> String {
    format!("$5\r\nflags\r\n${}\r\n{kind}\r\n", kind.len())
}

/// That the replica is connected and has everything.
async fn are_equal(primary: &Redis, replica: &Redis) -> Option<()> {
    let ahead = primary.command(&["INFO", "replication"]).await;
    let behind = replica.command(&["INFO", "replication"]).await;
    let connected = field(&behind, "master_link_status")? == "up";
    let equal = field(&behind, "slave_repl_offset")? == field(&ahead, "master_repl_offset")?;
    (connected && equal).then_some(())
}

/// The value behind `name` in what a server says of itself.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
