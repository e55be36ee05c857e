//! A Redis server.

use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::certificates::Identity;
use super::docker::{self, Container, Image};
use super::process::{self, Process};
use super::{Place, folder, free_port};
use crate::support::resp::end_of_reply;
use crate::support::wait_until;

const ADVICE: &str =
    "no Redis to test with: start a Docker daemon or install one (Debian: apt-get install redis-server)";

/// What makes it remember across a kill: it syncs its append-only file on every write.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// See the module.
pub(crate) struct Redis {
    port: u16,
    url: String,
    place: Place,
    _folder: TempDir,
}

impl Redis {
    /// A server of the test's own, which remembers across a kill.
    pub(crate) async fn start() -> Self {
        Self::start_with(&DURABLE).await
    }

    async fn start_with(options: &[&str]) -> Self {
        let (port, folder) = (free_port(), folder());
        let place = if docker::answers() {
            container(port, options).await
        } else {
            installed(port, folder.path(), options)
        };
        Self::ready(port, url_of(port), place, folder).await
    }

    /// The same with TLS, always the installed program: files and ports of its own would be all over a container. Its
    /// URL leads to the encrypted port; the test itself speaks to the other one.
    pub(crate) async fn start_encrypted(identity: &Identity) -> Self {
        let (port, encrypted, folder) = (free_port(), free_port(), folder());
        let [certificate, key] = identity.write_into(folder.path()).map(|path| path.display().to_string());
        let encrypted = encrypted.to_string();
        let tls = ["--tls-auth-clients", "no", "--tls-cert-file", &certificate, "--tls-key-file", &key];
        let options = [&DURABLE[..], &["--tls-port", &encrypted], &tls].concat();
        let place = installed(port, folder.path(), &options);
        Self::ready(port, format!("rediss://127.0.0.1:{encrypted}"), place, folder).await
    }

    /// A server that may be a primary or the replica of another one, always the installed program: others are told its
    /// address.
    pub(super) async fn start_replicated(primary: Option<&Self>) -> Self {
        let (port, folder) = (free_port(), folder());
        let of = primary.map(|primary| primary.port.to_string());
        let of = of.as_ref().map(|port| ["--replicaof", "127.0.0.1", port]);
        let prompt = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let options = [&DURABLE[..], &prompt, of.as_ref().map_or(&[], |of| of)].concat();
        let place = installed(port, folder.path(), &options);
        Self::ready(port, url_of(port), place, folder).await
    }

    async fn ready(port: u16, url: String, place: Place, folder: TempDir) -> Self {
        let server = Self { port, url, place, _folder: folder };
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
        self.url.clone()
    }

    /// Where the test itself speaks to it.
    pub(crate) fn url_unencrypted(&self) -> String {
        url_of(self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.place.kill().await;
    }

    /// Stops it in the middle of whatever it does: its connections stay, but it answers nobody.
    pub(crate) async fn freeze(&mut self) {
        self.place.freeze().await;
    }

    /// Lets it go on.
    pub(crate) async fn thaw(&mut self) {
        self.place.thaw().await;
        self.until_ready().await;
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

fn url_of(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

async fn container(port: u16, options: &[&str]) -> Place {
    let options = options.iter().map(|&option| option.to_owned());
    let image = Image {
        name: "redis",
        tag: "7-alpine",
        ready: "Ready to accept connections",
        port: 6379,
        env: &[],
        command: ["redis-server".to_owned(), "--save".into(), String::new()]
            .into_iter()
            .chain(options)
            .collect(),
    };
    Place::Container(Box::new(Container::start_new(image, port).await))
}

fn installed(port: u16, folder: &Path, options: &[&str]) -> Place {
    let mut command: Vec<OsString> = vec![program().into(), "--port".into(), port.to_string().into()];
    command.extend(["--bind", "127.0.0.1", "--save", "", "--dir"].map(OsString::from));
    command.push(folder.into());
    command.extend(options.iter().map(OsString::from));
    Place::Process(Process::start_new(command))
}

/// The installed server.
pub(super) fn program() -> PathBuf {
    process::find("redis-server", []).expect(ADVICE)
}

pub(super) async fn try_command(port: u16, words: &[&str]) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while end_of_reply(&answer).is_none() {
        if socket.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    // So that the server does not count this connection any more.
    socket.shutdown().await?;
    let _ = socket.read(&mut [0]).await;
    String::from_utf8(answer).map_err(Error::other)
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
