//! A connection that nobody else gets while it is in a transaction.

use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::Client;
use taskcast_actors::ports::StoreError;

use crate::stores::postgres::readers::{Readers, discard};

/// A connection of the pool. It goes back only when it says so; dropped before that, it is closed, and what its
/// transaction wrote is undone.
pub(super) struct Exclusive(Option<Client>);

impl Exclusive {
    pub(super) async fn take(readers: &Readers) -> Result<Self, StoreError> {
        Ok(Self(Some(readers.connection().await?)))
    }

    /// Gives it back, with no transaction left.
    pub(super) fn release(mut self) {
        self.0 = None;
    }

    /// Undoes the transaction and gives the connection back if that works.
    pub(super) async fn abandon(self, limit: Duration) {
        if let Ok(Ok(())) = tokio::time::timeout(limit, self.batch_execute("ROLLBACK")).await {
            self.release();
        }
    }
}

impl Deref for Exclusive {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.0.as_ref().expect("it has a connection until it is released")
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            discard(client);
        }
    }
}
