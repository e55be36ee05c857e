//! Stands between a client and Redis, and loses messages on request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use memchr::memmem;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::resp::end_of_reply;

/// How a message on a channel begins, and one on a channel that a pattern fits (Redis serialization protocol 3).
const MESSAGES: [&[u8]; 2] = [b">3\r\n$7\r\nmessage\r\n", b">4\r\n$8\r\npmessage\r\n"];

/// Which messages are lost, and how many were.
#[derive(Default)]
struct Losses {
    /// The end of the channel's name, as it is on the wire.
    channel: Option<Vec<u8>>,
    count: usize,
}

/// See the module. It ends when it is dropped, and all connections with it.
pub(crate) struct Relay {
    address: SocketAddr,
    losses: Arc<Mutex<Losses>>,
    _work: JoinSet<()>,
}

impl Relay {
    /// A way to the server at `url`.
    pub(crate) async fn to(url: &str) -> Self {
        let server: SocketAddr =
            url.trim_start_matches("redis://").parse().expect("our URLs have an address");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let losses: Arc<Mutex<Losses>> = Arc::default();
        let mut work = JoinSet::new();
        work.spawn(serve(listener, server, Arc::clone(&losses)));
        Self { address, losses, _work: work }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on messages about this task are lost, and no others.
    pub(crate) fn lose_messages_of(&self, task: &str) {
        self.losses.lock().channel = Some(format!(":{task}\r\n").into_bytes());
    }

    /// How many messages were lost.
    pub(crate) fn lost(&self) -> usize {
        self.losses.lock().count
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, losses: Arc<Mutex<Losses>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(server).await else { continue };
        let (mut from_client, to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        let losses = Arc::clone(&losses);
        connections.spawn(async move {
            // Whichever side ends takes the other along.
            tokio::select! {
                _ = copy(&mut from_client, &mut to_server) => {}
                _ = answers(from_server, to_client, &losses) => {}
            }
        });
    }
}

/// Hands on everything the server says but what is to be lost.
async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    losses: &Mutex<Losses>,
) -> std::io::Result<()> {
    let mut read = Vec::new();
    while server.read_buf(&mut read).await? > 0 {
        let mut handed_on = Vec::new();
        while let Some(end) = end_of_reply(&read) {
            let reply: Vec<u8> = read.drain(..end).collect();
            if !losses.lock().take(&reply) {
                handed_on.extend(reply);
            }
        }
        client.write_all(&handed_on).await?;
    }
    Ok(())
}

impl Losses {
    /// Whether this is to be lost.
    fn take(&mut self, reply: &[u8]) -> bool {
        let is_message = MESSAGES.iter().any(|begin| reply.starts_with(begin));
        let Some(channel) = self.channel.as_ref().filter(|_| is_message) else { return false };
        let lost = memmem::find(reply, channel).is_some();
        self.count += usize::from(lost);
        lost
    }
}

mod tests {
    use super::*;

    #[test]
    fn only_messages_of_the_task_are_lost() {
        let mut losses = Losses::default();
        let lost = b">3\r\n$7\r\nmessage\r\n$6\r\nbus:t1\r\n$1\r\nx\r\n";
        assert!(!losses.take(lost), "nothing is asked for");
        losses.channel = Some(b":t1\r\n".to_vec());
        assert!(losses.take(lost));
        let kept: [&[u8]; 3] = [
            b">3\r\n$9\r\nsubscribe\r\n$6\r\nbus:t1\r\n:1\r\n",
            b">3\r\n$7\r\nmessage\r\n$7\r\nbus:t10\r\n$1\r\nx\r\n",
            b"*2\r\n$6\r\nbus:t1\r\n$1\r\nx\r\n",
        ];
        assert!(!kept.into_iter().any(|reply| losses.take(reply)));
        assert_eq!(losses.count, 1);
    }
}
