//! A Redis server.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::docker::{self, Container, Image};
use super::process::{self, Process};
use super::{Place, folder, free_port};
use crate::support::wait_until;

const ADVICE: &str =
    "no Redis to test with: start a Docker daemon or install one (Debian: apt-get install redis-server)";

/// See the module.
pub(crate) struct Redis {
    port: u16,
    place: Place,
    _folder: TempDir,
}

impl Redis {
    /// A server of the test's own. It syncs its append-only file on every write, so that it remembers across a kill.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await
    }

    async fn start_with(options: &[&str]) -> Self {
        let (port, folder) = (free_port(), folder());
        let place = if docker::answers() {
            let mut command = vec!["redis-server".to_owned(), "--save".into(), String::new()];
            command.extend(options.iter().map(|&option| option.to_owned()));
            let image = Image {
                name: "redis",
                tag: "7-alpine",
                ready: "Ready to accept connections",
                port: 6379,
                env: &[],
                command,
            };
            Place::Container(Box::new(Container::start_new(image, port).await))
        } else {
            let program = process::find("redis-server", []).expect(ADVICE);
            let mut command: Vec<OsString> = vec![program.into(), "--port".into(), port.to_string().into()];
            command.extend(["--bind", "127.0.0.1", "--save", "", "--dir"].map(OsString::from));
            command.push(folder.path().into());
            command.extend(options.iter().map(OsString::from));
            Place::Process(Process::start_new(command))
        };
        let server = Self { port, place, _folder: folder };
        server.until_ready().await;
        server
    }

    /// The server of all tests that leave it alone; they keep apart by [`Redis::prefix`].
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Redis> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start_with(&["--appendonly", "no"])).await
    }

    /// A key prefix nobody else uses.
    pub(crate) fn prefix() -> String {
        static USED: AtomicUsize = AtomicUsize::new(0);
        format!("t{}", USED.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.place.kill().await;
    }

    /// Starts it again, with what it had stored.
    pub(crate) async fn restart(&mut self) {
        self.place.start().await;
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        wait_until("redis answers", async || {
            let answer = self.try_command(&["PING"]).await;
            answer.is_ok_and(|text| text.starts_with("+PONG")).then_some(())
        })
        .await;
    }

    /// What the server answers to a command, in the form of its protocol.
    pub(crate) async fn command(&self, words: &[&str]) -> String {
        self.try_command(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// What the server at `url`, which is one of ours, answers to a command.
    pub(crate) async fn ask(url: &str, words: &[&str]) -> String {
        let (_, port) = url.rsplit_once(':').expect("our URLs end with a port");
        let port = port.parse().expect("a port is a number");
        try_command(port, words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    async fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        try_command(self.port, words).await
    }
}

async fn try_command(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    request.push_str("*1\r\n$4\r\nQUIT\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.trim_end_matches("+OK\r\n").to_owned())
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn a_redis_of_a_test_remembers_across_a_kill() {
        let mut redis = Redis::start().await;
        redis.command(&["SET", "key", "value"]).await;
        redis.kill().await;
        redis.restart().await;
        assert_eq!(redis.command(&["GET", "key"]).await, "$5\r\nvalue\r\n");
    }

    #[tokio::test]
    async fn tests_that_share_a_redis_keep_apart_by_prefix() {
        let (one, other) = (Redis::prefix(), Redis::prefix());
        assert_ne!(one, other);
        let redis = Redis::shared().await;
        assert!(redis.url().starts_with("redis://127.0.0.1:"));
        redis.command(&["SET", &one, "value"]).await;
        assert_eq!(redis.command(&["GET", &other]).await, "$-1\r\n");
    }
}
