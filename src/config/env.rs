//! The environment. Which variable sets which key is in the schema; this file reads them.

use std::path::PathBuf;

use super::error::ConfigError;
use super::kind::found;
use super::layers::Layer;
use super::schema;

/// Names the file, so it is read before there is a file.
const CONFIG: &str = "TASKCAST_CONFIG";

/// Looks a variable up in the environment of this process, for [`Config::load`](super::Config::load).
///
/// A value that is not UTF-8 is not dropped: it comes with replacement characters, so that it is refused, not ignored.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// The value of a variable that is set and not empty.
pub(super) fn set(name: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// The path of the file, if a variable names it.
pub(super) fn config_path(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    set(CONFIG, env).map(PathBuf::from)
}

/// What the environment sets, read as the kinds of its keys.
pub(super) fn layer(env: &dyn Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    let mut layer = Layer::new();
    for key in schema::keys() {
        let Some((name, text)) = key.variable.and_then(|name| Some((name, env(name)?))) else {
            continue;
        };
        let value = key.kind.read(&text);
        if !key.kind.accepts(&value) {
            return Err(ConfigError::BadValue {
                setting: format!("environment variable `{name}`"),
                expected: key.kind.expected(),
                found: found(&value),
            });
        }
        layer.insert(key.path, value);
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_variable_sets_its_key() {
        let table = [
            ("TASKCAST_PORT", "8080", "port", json!(8080)),
            ("TASKCAST_HOST", "0.0.0.0", "host", json!("0.0.0.0")),
            ("TASKCAST_STORAGE", "memory", "storage", json!("memory")),
            ("TASKCAST_DB_PATH", "a.db", "dbPath", json!("a.db")),
            ("TASKCAST_LOG_LEVEL", "warn", "logLevel", json!("warn")),
            ("TASKCAST_AUTH_MODE", "jwt", "auth.mode", json!("jwt")),
            ("TASKCAST_JWT_SECRET", "s", "auth.jwt.secret", json!("s")),
            ("TASKCAST_JWT_PUBLIC_KEY_FILE", "k", "auth.jwt.publicKeyFile", json!("k")),
            ("TASKCAST_ADMIN_TOKEN", "t", "adminToken", json!("t")),
            ("SENTRY_DSN", "https://k@h/1", "sentry.dsn", json!("https://k@h/1")),
            ("SENTRY_ENVIRONMENT", "e", "sentry.environment", json!("e")),
            ("SENTRY_RELEASE", "r", "sentry.release", json!("r")),
            ("TASKCAST_REDIS_PREFIX", "x", "redis.prefix", json!("x")),
            ("TASKCAST_REDIS_URL", "r", "redis.url", json!("r")),
            ("TASKCAST_POSTGRES_URL", "p", "postgres.url", json!("p")),
            ("TASKCAST_AUTO_MIGRATE", "1", "postgres.autoMigrate", json!(true)),
        ];
        for (name, text, path, value) in table {
            let env = |asked: &str| (asked == name).then(|| text.to_owned());
            assert_eq!(layer(&env).unwrap(), Layer::from([(path, value)]), "{name}");
        }
    }

    #[test]
    fn text_that_is_no_value_is_an_error_that_names_the_variable_only() {
        let table = [
            ("TASKCAST_PORT", "hidden-text"),
            ("TASKCAST_PORT", "65536"),
            ("TASKCAST_PORT", "-1"),
            ("TASKCAST_HOST", "localhost"),
            ("TASKCAST_STORAGE", "floppy"),
            ("TASKCAST_LOG_LEVEL", "loud"),
            ("TASKCAST_AUTH_MODE", "custom"),
            ("TASKCAST_AUTO_MIGRATE", "perhaps"),
        ];
        for (name, text) in table {
            let env = |asked: &str| (asked == name).then(|| text.to_owned());
            let error = layer(&env).unwrap_err();
            assert_eq!(error.code(), "config_bad_value", "{name}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}
