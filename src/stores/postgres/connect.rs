//! Connections, set up for what they are used for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Connect;
use taskcast_actors::ports::StoreError;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{OpenError, kind_of, of_postgres, timed_out};
use super::settings::PostgresSettings;
use super::tls;
use crate::stores::link::LinkState;

/// How long a transaction may lie idle: what an instance that was suspended holds is given free.
const IDLE_IN_TRANSACTION_MS: u32 = 60_000;

/// Makes connections. They live in the runtime the store was opened in, whoever asks for them.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) settings: PostgresSettings,
    pub(super) link: Arc<LinkState>,
    tls: MakeRustlsConnect,
    runtime: Handle,
    setup: Arc<str>,
}

impl Connector {
    pub(super) fn new(settings: PostgresSettings) -> Result<Self, OpenError> {
        let config = settings.config()?;
        let tls = tls::connector(config.get_ssl_mode())?;
        let setup = setup(&settings).into();
        Ok(Self { config, settings, link: Arc::default(), tls, runtime: Handle::current(), setup })
    }

    /// Where the database is, without credentials.
    pub(super) fn place(&self) -> String {
        self.settings.place().unwrap_or_default()
    }

    /// A connection of one's own, within the time that settings give.
    pub(super) async fn connect_in_time(&self) -> Result<(Client, JoinHandle<()>), StoreError> {
        let connected = tokio::time::timeout(self.settings.connect_timeout, self.dial()).await;
        connected.map_err(|_| timed_out("connecting"))?.map_err(|error| of_postgres(&error))
    }

    async fn dial(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let here = self.clone();
        match self.runtime.spawn(async move { here.dial_here().await }).await {
            Ok(connected) => connected,
            // That runtime is ending.
            Err(_) => self.dial_here().await,
        }
    }

    async fn dial_here(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let link = Arc::clone(&self.link);
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                link.failed(kind_of(&error));
            }
        });
        client.batch_execute(&self.setup).await?;
        Ok((client, driver))
    }
}

impl Connect for Connector {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(self.dial())
    }
}

/// What every connection is told first. All statements are look-ups along indexes, and a plan made while a table was
/// small must not read it as a whole when it has become large.
fn setup(settings: &PostgresSettings) -> String {
    let milliseconds = |time: Duration| time.as_millis().clamp(1, i32::MAX as u128);
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS}; \
         SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan; \
         SET default_transaction_isolation = 'read committed'",
        milliseconds(settings.statement_timeout),
        milliseconds(settings.wait_timeout),
    )
}
