//! What may be chosen about Redis.

use std::fmt;
use std::time::Duration;

/// What may be chosen about a [`super::RedisStore`] and a [`super::RedisBus`]. The default suits a server nearby.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://`, `rediss://`, `redis-sentinel://` or `rediss-sentinel://`, with user, password and database. It
    /// holds secrets: neither errors nor `Debug` show it.
    pub url: String,
    /// What every key and channel begins with. It may not hold braces, which say where a cluster keeps a key.
    pub prefix: String,
    /// Whether an archive stands behind this store: then it notes what the archive does not have yet.
    pub archived: bool,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a command may take, the wait for its turn included.
    pub command_timeout: Duration,
    /// Longest pause between two attempts to connect again.
    pub reconnect_delay: Duration,
    /// Commands on their way at the same time; more of them wait.
    pub in_flight: usize,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".to_owned(),
            prefix: "taskcast".to_owned(),
            archived: false,
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(5),
            reconnect_delay: Duration::from_secs(1),
            in_flight: 8192,
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("url", &"[secret]")
            .field("prefix", &self.prefix)
            .field("archived", &self.archived)
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("reconnect_delay", &self.reconnect_delay)
            .field("in_flight", &self.in_flight)
            .finish()
    }
}
