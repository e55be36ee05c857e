//! Real servers that tests own: they may kill them, restart them and empty them.
//!
//! Where a Docker daemon answers they are containers, otherwise the installed programs; those with certificates and
//! those that tell others where they are, are always the installed programs. They end with the tests, however these end.

mod certificates;
mod docker;
mod postgres;
mod process;
mod redis;
mod sentinel;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Once;

use tempfile::TempDir;

pub(crate) use certificates::{Authority, Identity};
pub(crate) use postgres::{Database, Postgres};
pub(crate) use redis::Redis;
pub(crate) use sentinel::Guarded;

use self::docker::Container;
use self::process::Process;

/// A server that can be killed and started again with what it had stored.
enum Place {
    Process(Process),
    Container(Box<Container>),
}

impl Place {
    /// Ends it at once, as a crash would.
    async fn kill(&mut self) {
        match self {
            Self::Process(process) => process.kill(),
            Self::Container(container) => container.kill().await,
        }
    }

    /// Stops it in the middle of whatever it does: its connections stay, but it answers nobody.
    async fn freeze(&mut self) {
        match self {
            Self::Process(process) => process.freeze(),
            Self::Container(container) => container.freeze().await,
        }
    }

    /// Lets it go on.
    async fn thaw(&mut self) {
        match self {
            Self::Process(process) => process.thaw(),
            Self::Container(container) => container.thaw().await,
        }
    }

    /// Starts it again.
    async fn start(&mut self) {
        match self {
            Self::Process(process) => process.start(),
            Self::Container(container) => container.start().await,
        }
    }
}

/// A folder for one server. Folders of tests that were killed are removed by the next ones.
fn folder() -> TempDir {
    static CLEANED: Once = Once::new();
    let all = std::env::temp_dir().join("taskcast-tests");
    CLEANED.call_once(|| {
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            let pid = entry.file_name();
            if !Path::new("/proc").join(pid).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    });
    let own = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).expect("a folder can be made");
    TempDir::new_in(own).expect("a folder can be made")
}

/// A port of this machine that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port is free");
    listener.local_addr().expect("a listener has an address").port()
}
