//! Which combinations of settings choose which storage, and which are refused.

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::config::resolve::testing::resolved;

const REDIS: (&str, &str) = ("TASKCAST_REDIS_URL", "redis://user:s3cret@r");
const POSTGRES: (&str, &str) = ("TASKCAST_POSTGRES_URL", "postgres://user:s3cret@p/db");

fn with(file: Value, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    resolved(file, vars, &Flags::default())
}

fn adapters(storage: Option<&str>, short: Option<&str>, long: Option<&str>) -> Value {
    json!({
        "storage": storage,
        "adapters": {"shortTermStore": {"provider": short}, "longTermStore": {"provider": long}},
    })
}

/// The storage, whether Redis is used, whether Postgres is used.
fn parts(config: &Config) -> (Storage, bool, bool) {
    (config.storage, config.redis.is_some(), config.postgres.is_some())
}

#[test]
fn the_first_setting_that_says_something_chooses_the_storage() {
    let storage = |word: &str| json!({"storage": word});
    let table = [
        (json!({}), vec![], (Storage::Sqlite, false, false)),
        (json!({}), vec![REDIS], (Storage::Redis, true, false)),
        (json!({}), vec![REDIS, POSTGRES], (Storage::Redis, true, true)),
        (storage("postgres"), vec![POSTGRES], (Storage::Postgres, false, true)),
        (storage("postgres"), vec![POSTGRES, REDIS], (Storage::Postgres, true, true)),
        (storage("redis"), vec![REDIS], (Storage::Redis, true, false)),
        (storage("memory"), vec![REDIS, POSTGRES], (Storage::Memory, false, false)),
        (storage("sqlite"), vec![REDIS], (Storage::Sqlite, false, false)),
        (storage("memory"), vec![("TASKCAST_STORAGE", "sqlite")], (Storage::Sqlite, false, false)),
        (storage("memory"), vec![("TASKCAST_STORAGE", "redis"), REDIS], (Storage::Redis, true, false)),
        (adapters(None, Some("memory"), None), vec![], (Storage::Memory, false, false)),
        (adapters(None, Some("memory"), Some("memory")), vec![], (Storage::Memory, false, false)),
        (adapters(None, None, Some("sqlite")), vec![], (Storage::Sqlite, false, false)),
        (
            adapters(None, Some("redis"), Some("postgres")),
            vec![REDIS, POSTGRES],
            (Storage::Redis, true, true),
        ),
        (adapters(None, Some("postgres"), None), vec![POSTGRES], (Storage::Postgres, false, true)),
    ];
    for (file, vars, expected) in table {
        let config = with(file.clone(), &vars).unwrap_or_else(|error| panic!("{file} {vars:?}: {error}"));
        assert_eq!(parts(&config), expected, "{file} {vars:?}");
    }
    let flags = Flags { storage: Some(Storage::Memory), ..Flags::default() };
    let config = resolved(storage("redis"), &[REDIS], &flags).unwrap();
    assert_eq!((parts(&config), config.unused.len()), ((Storage::Memory, false, false), 1));
}

#[test]
fn urls_may_stand_with_the_adapters_that_use_them() {
    let file = json!({"adapters": {
        "broadcast": {"provider": "redis", "url": "redis://bus"},
        "shortTermStore": {"provider": "redis", "url": "redis://store"},
        "longTermStore": {"provider": "postgres", "url": "postgres://archive"},
    }});
    let config = with(file.clone(), &[]).unwrap();
    let redis = config.redis.unwrap();
    assert_eq!((redis.url.0.as_str(), redis.bus_url.0.as_str()), ("redis://store", "redis://bus"));
    assert_eq!(config.postgres.unwrap().url.0, "postgres://archive");
    let config = with(file, &[REDIS, POSTGRES]).unwrap();
    assert_eq!(
        (config.redis.unwrap().url.0, config.postgres.unwrap().url.0),
        (REDIS.1.into(), POSTGRES.1.into())
    );
    let file = json!({
        "storage": "postgres", "postgres": {"url": "postgres://p", "poolSize": 3, "autoMigrate": true},
        "adapters": {"broadcast": {"url": "redis://bus"}}, "redis": {"prefix": "mine"},
    });
    let config = with(file, &[]).unwrap();
    let redis = config.redis.unwrap();
    assert_eq!((redis.url.0.as_str(), redis.prefix.as_str()), ("redis://bus", "mine"));
    let postgres = config.postgres.unwrap();
    assert_eq!((postgres.pool_size, postgres.auto_migrate), (3, true));
}

#[test]
fn a_storage_without_its_server_is_refused_with_what_to_set() {
    let table = [
        (json!({"storage": "redis"}), vec![], "redis.url", "TASKCAST_REDIS_URL"),
        (json!({"storage": "postgres"}), vec![REDIS], "postgres.url", "TASKCAST_POSTGRES_URL"),
        (
            adapters(Some("redis"), None, Some("postgres")),
            vec![REDIS],
            "postgres.url",
            "TASKCAST_POSTGRES_URL",
        ),
        (
            json!({"storage": "postgres", "adapters": {"broadcast": {"provider": "redis"}}}),
            vec![POSTGRES],
            "redis.url",
            "TASKCAST_REDIS_URL",
        ),
    ];
    for (file, vars, key, variable) in table {
        let error = with(file.clone(), &vars).unwrap_err();
        assert_eq!(error.code(), "config_missing", "{file}");
        let text = error.to_string();
        assert!(text.contains(&format!("set `{key}` or {variable}")), "{text}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_an_error_that_names_both() {
    let short = "`adapters.shortTermStore.provider` in config";
    let long = "`adapters.longTermStore.provider` in config";
    let bus = "`adapters.broadcast.provider` in config";
    let with_bus = |storage: Option<&str>, bus: &str| json!({"storage": storage, "adapters": {"broadcast": {"provider": bus}}});
    let table = [
        (adapters(Some("memory"), Some("sqlite"), None), vec![], "`storage` in config", short),
        (adapters(Some("sqlite"), None, Some("memory")), vec![], "`storage` in config", long),
        (adapters(None, Some("memory"), Some("sqlite")), vec![], short, long),
        (adapters(None, None, Some("memory")), vec![], "the default of `storage`", long),
        (adapters(None, Some("redis"), Some("sqlite")), vec![REDIS], short, long),
        (adapters(Some("postgres"), None, Some("redis")), vec![POSTGRES], "`storage` in config", long),
        (with_bus(None, "redis"), vec![], "the default of `storage`", bus),
        (with_bus(Some("memory"), "redis"), vec![REDIS], "`storage` in config", bus),
        (with_bus(None, "memory"), vec![REDIS], "environment variable `TASKCAST_REDIS_URL`", bus),
        (
            json!({}),
            vec![POSTGRES],
            "the default of `storage`",
            "environment variable `TASKCAST_POSTGRES_URL`",
        ),
        (
            json!({"storage": "memory", "redis": {"url": "redis://r"}}),
            vec![],
            "`storage` in config",
            "`redis.url` in config",
        ),
    ];
    for (file, vars, first, second) in table {
        let error = with(file.clone(), &vars).unwrap_err();
        let message = format!("{first} and {second} contradict each other, remove one or make them agree");
        assert_eq!(error.to_string(), message, "{file} {vars:?}");
    }
    let vars = [("TASKCAST_STORAGE", "sqlite")];
    let error = with(adapters(None, Some("memory"), None), &vars).unwrap_err();
    assert!(error.to_string().starts_with("environment variable `TASKCAST_STORAGE` and"), "{error}");
}

#[test]
fn releasing_tasks_needs_an_archive() {
    let file = json!({"storageLifecycle": {"releaseFinishedAfterMs": 5, "releaseIdleAfterMs": 6}});
    let config = with(file.clone(), &[REDIS, POSTGRES]).unwrap();
    let millis = Duration::from_millis;
    assert_eq!(config.release, ReleaseAfter { finished: Some(millis(5)), idle: Some(millis(6)) });
    for vars in [&[][..], &[REDIS]] {
        let error = with(file.clone(), vars).unwrap_err();
        assert_eq!(error.code(), "config_needs_archive");
    }
}

#[test]
fn addresses_are_shown_to_nobody() {
    let config = with(json!({}), &[REDIS, POSTGRES]).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    let error = with(json!({"storage": "postgres"}), &[REDIS]).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn an_empty_database_path_is_refused() {
    let flags = Flags { db_path: Some(PathBuf::new()), ..Flags::default() };
    assert_eq!(resolved(json!({}), &[], &flags).unwrap_err().code(), "config_bad_value");
    assert_eq!(with(json!({"dbPath": ""}), &[]).unwrap_err().code(), "config_bad_value");
}

#[test]
fn a_storage_is_read_from_its_own_word() {
    for storage in Storage::ALL {
        assert_eq!(storage.to_string().parse::<Storage>().unwrap(), storage);
    }
    assert_eq!("mongo".parse::<Storage>().unwrap_err().code(), "config_bad_value");
}
