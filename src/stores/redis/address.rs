//! From settings to what the client wants to know.

use std::sync::Arc;
use std::time::Duration;

use fred::rustls::ClientConfig;
use fred::rustls::crypto::ring;
use fred::socket2::TcpKeepalive;
use fred::types::RespVersion;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, TcpConfig, TlsConnector,
    UnresponsiveConfig,
};

use super::error::ConnectError;
use super::settings::RedisSettings;
use crate::stores::authorities::authorities;

/// First pause before a lost connection is tried again, and what is added at random so that instances do not all
/// come at once; in milliseconds.
const FIRST_PAUSE: u32 = 20;
const JITTER: u32 = 60;

/// After this long without a sign of life the system asks the other side for one.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Commands that may wait in the client. It ends when its buffer is full while a connection is lost, so nothing may
/// ever fill it: [`super::link::Link`] lets far fewer in.
const BUFFER: usize = 1 << 20;

/// Commands written at once.
const FEED: u64 = 1000;

/// Where the server is and who we are, from the URL.
pub(super) fn config(settings: &RedisSettings) -> Result<Config, ConnectError> {
    let bad = |what: &str| ConnectError::Settings(what.to_owned());
    let (scheme, rest) = settings.url.split_once("://").ok_or_else(|| bad("the URL has no scheme"))?;
    let (plain, tls) = match scheme {
        "redis" => ("redis", false),
        "rediss" => ("redis", true),
        "redis-sentinel" => ("redis-sentinel", false),
        "rediss-sentinel" => ("redis-sentinel", true),
        _ => return Err(bad("the URL must begin with redis, rediss, redis-sentinel or rediss-sentinel")),
    };
    let url = format!("{plain}://{rest}");
    let mut config = Config::from_url(&url).map_err(|error| ConnectError::Settings(error.to_string()))?;
    if tls {
        config.tls = Some(TlsConnector::from(tls_config()?).into());
    }
    // The first attempt is reported to whoever asked for it; later ones follow the policy.
    config.fail_fast = true;
    Ok(config)
}

fn tls_config() -> Result<ClientConfig, ConnectError> {
    let bad = |error: String| ConnectError::Settings(format!("TLS cannot be set up: {error}"));
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?;
    Ok(config.with_root_certificates(authorities().map_err(bad)?).with_no_client_auth())
}

/// The same for a connection that messages come in on: there, answers and messages must be told apart.
pub(super) fn pubsub_config(settings: &RedisSettings) -> Result<Config, ConnectError> {
    let mut config = config(settings)?;
    config.version = RespVersion::RESP3;
    Ok(config)
}

/// A connection that is tried again for ever, but a command only once: what became of it is for the engine to find
/// out.
pub(super) fn connection(settings: &RedisSettings) -> ConnectionConfig {
    ConnectionConfig {
        connection_timeout: settings.connect_timeout,
        internal_command_timeout: settings.connect_timeout,
        max_command_attempts: 1,
        max_command_buffer_len: BUFFER,
        unresponsive: UnresponsiveConfig {
            max_timeout: Some(settings.command_timeout),
            interval: Duration::from_secs(1),
        },
        tcp: TcpConfig {
            nodelay: Some(true),
            keepalive: Some(TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3)),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    }
}

/// The policy for connecting again.
pub(super) fn policy(settings: &RedisSettings) -> ReconnectPolicy {
    let longest = u32::try_from(settings.reconnect_delay.as_millis()).unwrap_or(u32::MAX);
    let mut policy = ReconnectPolicy::new_exponential(0, FIRST_PAUSE, longest.max(FIRST_PAUSE), 2);
    policy.set_jitter(JITTER);
    policy
}

/// How many messages and events may wait inside the client.
pub(super) fn performance(settings: &RedisSettings, messages: usize) -> PerformanceConfig {
    PerformanceConfig {
        default_command_timeout: settings.command_timeout,
        max_feed_count: FEED,
        broadcast_channel_capacity: messages,
    }
}

/// A command fails at once while there is no connection, and is written at most once.
pub(super) fn options(settings: &RedisSettings) -> Options {
    Options {
        max_attempts: Some(1),
        timeout: Some(settings.command_timeout),
        fail_fast: true,
        ..Options::default()
    }
}

/// Host and port, for people.
pub(super) fn name(config: &Config) -> String {
    config.server.hosts().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Config, ConnectError> {
        config(&RedisSettings { url: url.to_owned(), ..RedisSettings::default() })
    }

    #[test]
    fn a_url_says_server_user_database_and_encryption() {
        let plain = of("redis://somebody:s3cret@example.org:7000/3").unwrap();
        assert_eq!(name(&plain), "example.org:7000");
        assert_eq!((plain.username.as_deref(), plain.database), (Some("somebody"), Some(3)));
        assert!(plain.tls.is_none());
        assert!(of("rediss://example.org").unwrap().tls.is_some());
        let sentinel =
            of("rediss-sentinel://:s3cret@one:26379?node=two:26379&sentinelServiceName=main").unwrap();
        assert!(sentinel.server.is_sentinel() && sentinel.tls.is_some());
    }

    #[test]
    fn a_url_that_makes_no_sense_is_refused_without_being_shown() {
        for url in ["localhost:6379", "http://u:s3cret@a/", "redis://u:s3cret@a:b/", "redis://u:s3cret@a/x/y"]
        {
            let error = of(url).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        let settings = RedisSettings { url: "redis://:s3cret@a".to_owned(), ..RedisSettings::default() };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
