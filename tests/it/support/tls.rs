//! A door with a certificate in front of a server that has none.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::servers::Identity;

/// See the module. It closes when it is dropped.
pub(crate) struct Door {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
    _work: JoinSet<()>,
}

impl Door {
    /// In front of `server`, with what proves who it is.
    pub(crate) async fn to(server: SocketAddr, identity: &Identity) -> Self {
        let certificate = CertificateDer::from_pem_slice(identity.certificate()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(identity.key()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("there are versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they belong together");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let heard: Arc<AtomicUsize> = Arc::default();
        let mut work = JoinSet::new();
        work.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), server, Arc::clone(&heard)));
        Self { address, heard, _work: work }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many pieces clients have said.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, server: SocketAddr, heard: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (acceptor, heard) = (acceptor.clone(), Arc::clone(&heard));
        connections.spawn(async move {
            let Ok(client) = acceptor.accept(client).await else { return };
            let Ok(server) = TcpStream::connect(server).await else { return };
            let (from_client, mut to_client) = tokio::io::split(client);
            let (mut from_server, mut to_server) = server.into_split();
            let asking = async {
                let mut from_client = from_client;
                while let Ok(piece) = piece(&mut from_client).await {
                    heard.fetch_add(1, Ordering::SeqCst);
                    if piece.is_empty() || to_server.write_all(&piece).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = asking => {}
                _ = copy(&mut from_server, &mut to_client) => {}
            }
        });
    }
}

async fn piece(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    from.read_buf(&mut piece).await?;
    Ok(piece)
}
