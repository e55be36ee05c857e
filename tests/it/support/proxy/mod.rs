//! Stands between a client and a server, and does to connections what networks do to them.
//!
//! Each connection has a [`Plan`]. Tests make them by hand, or have a seed make them: the same seed gives the n-th
//! connection of a proxy the same plan.

mod pipe;
mod plan;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::pipe::pump;
pub(crate) use self::plan::{Chaos, Fate, Gate, Plan};
use super::{wait_until, within};

/// What plans there are, by the number of the connection.
type Plans = Box<dyn Fn(usize) -> Plan + Send + Sync>;

/// See the module. It ends when it is dropped, and all connections with it.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _work: JoinSet<()>,
}

struct Shared {
    /// Where a connection goes, in turn.
    servers: Mutex<Vec<SocketAddr>>,
    plans: Plans,
    /// What clients have sent, by connection, and when it was opened.
    connections: Mutex<Vec<(Instant, Vec<u8>)>>,
    opened: watch::Sender<usize>,
    open: watch::Sender<usize>,
}

impl Proxy {
    /// In front of `servers`, which connections reach in turn.
    pub(crate) async fn start(
        servers: &[SocketAddr],
        plans: impl Fn(usize) -> Plan + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            servers: Mutex::new(servers.to_vec()),
            plans: Box::new(plans),
            connections: Mutex::default(),
            opened: watch::Sender::new(0),
            open: watch::Sender::new(0),
        });
        let mut work = JoinSet::new();
        work.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, _work: work }
    }

    /// The first connections have these plans, and all others are good.
    pub(crate) async fn planned(server: SocketAddr, fates: Vec<Fate>) -> Self {
        Self::start(&[server], move |number| fates.get(number).cloned().unwrap_or(Fate::Good).into()).await
    }

    /// A server that gives these answers, one on each connection, and the last one for ever.
    pub(crate) async fn answering(answers: &[&str]) -> Self {
        let answers: Vec<_> = answers.iter().map(|&answer| Fate::Answered(answer.to_owned())).collect();
        Self::start(&[], move |number| answers[number.min(answers.len() - 1)].clone().into()).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections go there from now on.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.shared.servers.lock() = vec![server];
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.opened.borrow()
    }

    /// When each connection was opened.
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.shared.connections.lock().iter().map(|(opened, _)| *opened).collect()
    }

    /// What clients have sent, by connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        let connections = self.shared.connections.lock();
        connections.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// Waits until there have been so many connections.
    pub(crate) async fn had(&self, connections: usize) {
        let mut opened = self.shared.opened.subscribe();
        within("a connection", opened.wait_for(|opened| *opened >= connections)).await.expect("it lives");
    }

    /// Waits until no connection is open.
    pub(crate) async fn idle(&self) {
        let mut open = self.shared.open.subscribe();
        within("all connections end", open.wait_for(|open| *open == 0)).await.expect("it lives");
    }

    /// Waits until clients have sent `text`.
    pub(crate) async fn was_asked(&self, text: &str) {
        wait_until(text, async || self.asked().iter().any(|asked| asked.contains(text)).then_some(())).await;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let number = {
            let mut all = shared.connections.lock();
            all.push((Instant::now(), Vec::new()));
            all.len() - 1
        };
        shared.open.send_modify(|open| *open += 1);
        shared.opened.send_modify(|opened| *opened += 1);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // What goes wrong between the two is what this is for.
            let _ended = connection(client, number, &shared).await;
            shared.open.send_modify(|open| *open -= 1);
        });
    }
}

async fn connection(mut client: TcpStream, number: usize, shared: &Shared) -> std::io::Result<()> {
    let Plan { fate, chaos, gate } = (shared.plans)(number);
    let record = |bytes: &[u8]| shared.connections.lock()[number].1.extend_from_slice(bytes);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    client.set_nodelay(true)?;
    match &fate {
        Fate::Refused => return client.set_zero_linger(),
        Fate::Answered(answer) => {
            record(&request(&mut client).await?);
            client.write_all(answer.as_bytes()).await?;
            return client.shutdown().await;
        }
        Fate::Silent => {
            record(&request(&mut client).await?);
            return client.read_u8().await.map(drop);
        }
        _ => {}
    }
    let server = {
        let servers = shared.servers.lock();
        servers[number % servers.len()]
    };
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.into_split();
    // Whichever side ends takes the other along.
    tokio::select! {
        ended = pump(from_client, to_server, fate.of_requests(), chaos.clone(), record) => ended?,
        ended = pump(from_server, to_client, fate.of_answers(), chaos, |_| {}) => ended?,
    }
    if matches!(fate, Fate::Reset(_)) { client.set_zero_linger() } else { Ok(()) }
}

/// A whole request.
async fn request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        if client.read_buf(&mut read).await? == 0 {
            return Ok(read);
        }
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
            if body.len() >= length {
                return Ok(read);
            }
        }
    }
}
