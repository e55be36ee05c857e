//! Defaults < file < environment < flags, without IO.

use serde_json::Value;

use super::error::ConfigError;
use super::layers::Layers;
use super::{
    Config, EngineSettings, Flags, Limits, auth, check, cleanup, cors, env, rate_limit, sentry, server,
    shutdown, sse, storage, unsupported, webhook,
};

/// Makes the configuration from a parsed file (`null` for none), a look-up of variables, the flags, and the number of
/// cores.
pub(super) fn resolve(
    file: Value,
    env: &dyn Fn(&str) -> Option<String>,
    flags: &Flags,
    cores: usize,
) -> Result<Config, ConfigError> {
    let env = |name: &str| env::set(name, env);
    let layers = Layers { file: check::check(file, &env)?, env: env::layer(&env)?, flags: flags.layer() };
    unsupported::refuse(&layers)?;
    let chosen = storage::choose(&layers)?;
    Ok(Config {
        source: None,
        host: server::host(&layers),
        port: server::port(&layers),
        log_level: server::log_level(&layers),
        http_workers: server::http_workers(&layers, cores),
        storage: chosen.storage,
        db_path: storage::db_path(&layers, flags)?,
        redis: chosen.redis,
        postgres: chosen.postgres,
        release: chosen.release,
        unused: chosen.unused,
        auth: auth::auth(&layers)?,
        limits: Limits::new(&layers),
        rate_limits: rate_limit::limits(&layers)?,
        sse_keepalive: sse::keepalive(&layers),
        shutdown_drain: shutdown::drain(&layers),
        cors_origins: cors::origins(&layers),
        cleanup_rules: cleanup::rules(&layers),
        sentry: sentry::config(&layers),
        webhook: webhook::WebhookConfig::new(&layers),
        engine: EngineSettings::new(&layers),
    })
}

/// What tests of this folder resolve with.
#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Resolves `file` with these variables on a machine with three cores.
    pub(in super::super) fn resolved(
        file: Value,
        vars: &[(&str, &str)],
        flags: &Flags,
    ) -> Result<Config, ConfigError> {
        let env =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        resolve(file, &env, flags, 3)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::PathBuf;
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::testing::resolved;
    use super::*;
    use crate::config::{
        AuthConfig, CorsOrigins, LogLevel, RateLimits, ReleaseAfter, Storage, WebhookConfig, schema,
    };

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let config = resolved(Value::Null, &[], &Flags::default()).unwrap();
        let expected = Config {
            source: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 3721,
            log_level: LogLevel::Info,
            http_workers: 3,
            storage: Storage::Sqlite,
            db_path: "./taskcast.db".into(),
            redis: None,
            postgres: None,
            release: ReleaseAfter::default(),
            unused: Vec::new(),
            auth: AuthConfig::default(),
            rate_limits: RateLimits::default(),
            limits: Limits {
                body_bytes: 8_388_608,
                import_bytes: 268_435_456,
                event_data_bytes: 1_048_576,
                batch_items: 1000,
                seq_hold_timeout: Duration::from_secs(30),
            },
            sse_keepalive: Duration::from_secs(15),
            shutdown_drain: Duration::from_secs(20),
            cors_origins: CorsOrigins::Any,
            cleanup_rules: Vec::new(),
            sentry: None,
            webhook: WebhookConfig::default(),
            engine: EngineSettings {
                arbiters: 1,
                idle: Duration::from_secs(30),
                queue_commands: 10_000,
                queue_bytes: 67_108_864,
                total_commands: 100_000,
                total_bytes: 536_870_912,
                ring_events: 1024,
                ring_bytes: 1_048_576,
                sweep: Duration::from_millis(250),
            },
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn each_layer_wins_over_the_weaker_ones() {
        let file = json!({"port": 1, "host": "10.0.0.1", "storage": "sqlite", "dbPath": "file.db", "logLevel": "warn"});
        let vars = [
            ("TASKCAST_PORT", "2"),
            ("TASKCAST_HOST", "10.0.0.2"),
            ("TASKCAST_STORAGE", "memory"),
            ("TASKCAST_DB_PATH", "env.db"),
            ("TASKCAST_LOG_LEVEL", "error"),
        ];
        let flags = Flags {
            port: Some(3),
            host: Some(Ipv4Addr::new(10, 0, 0, 3).into()),
            config: None,
            storage: Some(Storage::Sqlite),
            db_path: Some("flag.db".into()),
            verbose: true,
        };
        let none = Flags::default();
        let (sqlite, memory) = (Storage::Sqlite, Storage::Memory);
        let table = [
            (json!({}), &vars[..0], &none, (3721, "127.0.0.1", sqlite, "./taskcast.db", LogLevel::Info)),
            (file.clone(), &vars[..0], &none, (1, "10.0.0.1", sqlite, "file.db", LogLevel::Warn)),
            (file.clone(), &vars[..], &none, (2, "10.0.0.2", memory, "env.db", LogLevel::Error)),
            (file, &vars[..], &flags, (3, "10.0.0.3", sqlite, "flag.db", LogLevel::Debug)),
        ];
        for (file, vars, flags, (port, host, storage, db_path, log_level)) in table {
            let config = resolved(file, vars, flags).unwrap();
            assert_eq!(config.port, port);
            assert_eq!(config.host.to_string(), host);
            assert_eq!(config.storage, storage);
            assert_eq!(config.db_path, PathBuf::from(db_path));
            assert_eq!(config.log_level, log_level);
        }
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let vars = [("TASKCAST_PORT", ""), ("TASKCAST_REDIS_URL", ""), ("EMPTY", "")];
        let config = resolved(json!({"port": 5}), &vars, &Flags::default()).unwrap();
        assert_eq!(config.port, 5);
        let error = resolved(json!({"dbPath": "${EMPTY}"}), &vars, &Flags::default()).unwrap_err();
        assert_eq!(error.code(), "config_unset_variable");
    }

    #[test]
    fn every_supported_key_of_the_file_arrives() {
        let rules = json!([{"match": {"status": ["failed"]}, "trigger": {"afterMs": 0}, "target": "events"}]);
        let file = json!({
            "http": {"workers": 7},
            "limits": {"bodyBytes": 1, "importBytes": 2, "eventDataBytes": 3, "batchItems": 4},
            "publish": {"seqHoldTimeoutMs": 5},
            "sse": {"keepaliveMs": 6},
            "shutdown": {"drainMs": 0},
            "cors": {"origins": ["https://A.example"]},
            "cleanup": {"rules": rules},
            "engine": {
                "arbiters": 2, "idleMs": 3, "queueCommands": 4, "queueBytes": 5, "totalCommands": 6,
                "totalBytes": 7, "ringEvents": 8, "ringBytes": 9, "sweepMs": 10,
            },
        });
        let config = resolved(file, &[], &Flags::default()).unwrap();
        assert_eq!(config.http_workers, 7);
        let millis = Duration::from_millis;
        let limits = Limits {
            body_bytes: 1,
            import_bytes: 2,
            event_data_bytes: 3,
            batch_items: 4,
            seq_hold_timeout: millis(5),
        };
        assert_eq!(config.limits, limits);
        assert_eq!((config.sse_keepalive, config.shutdown_drain), (millis(6), millis(0)));
        assert_eq!(config.cors_origins, CorsOrigins::Only(vec!["https://a.example".to_owned()]));
        assert_eq!(Value::Array(config.cleanup_rules), rules);
        let engine = config.engine;
        assert_eq!((engine.arbiters, engine.idle, engine.queue_commands), (2, millis(3), 4));
        assert_eq!((engine.queue_bytes, engine.total_commands, engine.total_bytes), (5, 6, 7));
        assert_eq!((engine.ring_events, engine.ring_bytes, engine.sweep), (8, 9, millis(10)));
    }

    #[test]
    fn integers_out_of_range_are_refused() {
        let table = [
            json!({"port": 65536}),
            json!({"port": -1}),
            json!({"port": 1.0}),
            json!({"http": {"workers": 0}}),
            json!({"limits": {"bodyBytes": 0}}),
            json!({"limits": {"batchItems": 9_007_199_254_740_993_u64}}),
            json!({"sse": {"keepaliveMs": 0}}),
            json!({"shutdown": {"drainMs": 2_147_483_648_u64}}),
            json!({"engine": {"arbiters": 0}}),
            json!({"engine": {"sweepMs": 1001}}),
            json!({"cleanup": {"rules": [{"trigger": {"afterMs": -1}}]}}),
        ];
        for file in table {
            let error = resolved(file.clone(), &[], &Flags::default()).unwrap_err();
            assert_eq!(error.code(), "config_bad_value", "{file}");
        }
    }

    /// Names that lead deep into the schema as often as not.
    fn names() -> impl Strategy<Value = String> {
        let known: Vec<_> = schema::keys()
            .flat_map(|key| key.path.split('.'))
            .map(|name| name.trim_end_matches("[]").to_owned())
            .collect();
        prop_oneof![4 => proptest::sample::select(known), 1 => any::<String>()]
    }

    fn trees() -> impl Strategy<Value = Value> {
        let words = ["memory", "sqlite", "redis", "none", "jwt", "*", "${A}", "x ${A}", "${", "::1"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0_u64..2000).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            proptest::sample::select(words.to_vec()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array);
            let members = proptest::collection::vec((names(), inner), 0..4);
            let map = members.prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![1 => list, 3 => map]
        })
    }

    /// A tree that has `value` at the path of one known key.
    fn planted() -> impl Strategy<Value = Value> {
        let paths: Vec<_> = schema::keys().map(|key| key.path).collect();
        (proptest::sample::select(paths), trees()).prop_map(|(path, value)| {
            path.rsplit('.').fold(value, |value, name| {
                let plain = name.trim_end_matches("[]").to_owned();
                let value = if name.ends_with("[]") { json!([value]) } else { value };
                Value::Object(Map::from_iter([(plain, value)]))
            })
        })
    }

    proptest! {
        #[test]
        fn no_tree_makes_it_panic(
            file in prop_oneof![trees(), planted()],
            text in any::<Option<String>>(),
        ) {
            let env = |_: &str| text.clone();
            for flags in [Flags::default(), Flags { verbose: true, ..Flags::default() }] {
                let _ = resolve(file.clone(), &env, &flags, 1);
                let _ = resolve(file.clone(), &|_| None, &flags, 1);
            }
        }
    }
}
