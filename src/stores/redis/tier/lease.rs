//! Who works for a partition.

use std::time::Duration;

use fred::types::Value;
use taskcast_actors::ports::StoreError;

use crate::stores::redis::RedisStore;
use crate::stores::redis::reply::integer;
use crate::stores::redis::scripts::Script;
use crate::stores::redis::write::number;

impl RedisStore {
    /// Takes the lease of a partition, or keeps it, for `lifetime` from now on. Says whether `holder` has it. It only
    /// spares two instances the same work: nothing is wrong when both believe they have it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn lease(&self, partition: u8, holder: &str, lifetime: Duration) -> Result<bool, StoreError> {
        let args = vec![Value::from(holder), number(lifetime.as_millis().max(1))];
        Ok(integer(&self.link.run(Script::Lease, self.lease_key(partition), args).await?)? == 1)
    }

    /// Gives the lease of a partition back, if `holder` has it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn unlease(&self, partition: u8, holder: &str) -> Result<(), StoreError> {
        self.link.run(Script::Unlease, self.lease_key(partition), vec![Value::from(holder)]).await?;
        Ok(())
    }

    fn lease_key(&self, partition: u8) -> String {
        format!("{}lease", self.keys.root(partition))
    }
}
