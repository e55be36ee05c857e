//! A proxy in front of a server, which may treat streams as proxies do that were not told about them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The end of a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What happens to a stream of events on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Nothing.
    Plain,
    /// It is held back until it is complete.
    Buffering,
    /// It is cut when nothing came for this long.
    Impatient(Duration),
}

/// See the module. It ends when it is dropped, and all connections with it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    _work: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let mut work = JoinSet::new();
        work.spawn(serve(listener, server, manner));
        Self { address, _work: work }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, manner: Manner) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(server).await else { continue };
        let (mut from_client, to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        connections.spawn(async move {
            // Whichever side ends takes the other along.
            tokio::select! {
                _ = copy(&mut from_client, &mut to_server) => {}
                _ = answers(from_server, to_client, manner) => {}
            }
        });
    }
}

async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    manner: Manner,
) -> std::io::Result<()> {
    let (mut held, mut streams) = (Vec::new(), false);
    loop {
        held.reserve(65_536);
        let read = match manner {
            Manner::Impatient(patience) if streams => timeout(patience, server.read_buf(&mut held)).await,
            _ => Ok(server.read_buf(&mut held).await),
        };
        let Ok(read) = read else { return Ok(()) };
        let over = read? == 0;
        streams |= memmem::find(&held, b"text/event-stream").is_some();
        let hold = matches!(manner, Manner::Buffering) && streams && !held.ends_with(LAST_CHUNK);
        if over || !hold {
            client.write_all(&held).await?;
            held.clear();
        }
        if over {
            return Ok(());
        }
    }
}
