//! The pool: connections for reads and for writes that take long.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use taskcast_actors::ports::{ErrorKind, StoreError};
use tokio_postgres::Row;

use super::connect::Connector;
use super::error::{Failure, OpenError, of_pool, timed_out, unavailable};
use super::head_row::Param;
use super::writer::GRACE;
use crate::stores::link::LinkState;

/// Gives connections, and answers questions of one statement.
pub(super) struct Readers {
    pool: Pool,
    link: Arc<LinkState>,
    /// How long an answer may take.
    pub(super) limit: Duration,
}

impl Readers {
    pub(super) fn new(connector: &Connector) -> Result<Self, OpenError> {
        let settings = &connector.settings;
        let manager = Manager::from_connect(
            connector.config.clone(),
            connector.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.pool_size.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.wait_timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.connect_timeout))
            .build();
        let unusable = |error: deadpool_postgres::BuildError| OpenError::Unreachable {
            place: connector.place(),
            error: unavailable(ErrorKind::Unavailable, error.to_string()),
        };
        let limit = settings.statement_timeout + GRACE;
        Ok(Self { pool: pool.map_err(unusable)?, link: Arc::clone(&connector.link), limit })
    }

    /// A connection.
    pub(super) async fn connection(&self) -> Result<Client, StoreError> {
        let client = self.pool.get().await.map_err(|error| of_pool(&error));
        if let Err(error) = &client {
            self.note(error);
        }
        client
    }

    /// The rows that one statement gives, which is prepared once for each connection. A connection that was lost
    /// unnoticed is replaced by another one, since a question may be asked twice.
    pub(super) async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut answer = self.ask(sql, params).await;
        if answer.as_ref().is_err_and(Failure::is_of_connection) {
            answer = self.ask(sql, params).await;
        }
        match answer {
            Ok(rows) => {
                self.link.connected();
                Ok(rows)
            }
            Err(failure) => {
                let lost = failure.is_of_connection();
                let error = failure.into();
                if lost {
                    self.note(&error);
                }
                Err(error)
            }
        }
    }

    async fn ask(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        let client = self.connection().await?;
        let asking = async { client.query(&client.prepare_cached(sql).await?, params).await };
        let answer = tokio::time::timeout(self.limit, asking).await;
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                discard(client);
                Err(timed_out("a read").into())
            }
        }
    }

    /// Notes that the server could not be reached.
    pub(super) fn note(&self, error: &StoreError) {
        if let StoreError::Unavailable { kind, .. } = error {
            self.link.failed(*kind);
        }
    }
}

/// Ends a connection that may not be used again, and whatever is under way on it.
pub(super) fn discard(client: Client) {
    drop(Object::take(client));
}
