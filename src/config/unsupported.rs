//! What this version does not have yet. A server that ignored these would be less safe or keep less than its operator
//! believes, so it does not start. Whoever adds a feature deletes its lines here.

use serde_json::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// Which values of a setting ask for something that is not there.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Any at all, an empty section included.
    Set,
    /// `true`.
    True,
    /// A list with something in it.
    NotEmpty,
    /// One of these words.
    Is(&'static [&'static str]),
}

const REFUSED: &[(&str, When)] = &[
    ("auth.mode", When::Is(&["jwt"])),
    ("auth.jwt", When::Set),
    ("auth.queryToken", When::True),
    ("trustedServices", When::NotEmpty),
    ("adminApi", When::True),
    ("adminToken", When::Set),
    ("sentry", When::Set),
    ("workers.enabled", When::True),
    ("metrics.auth", When::True),
];

/// Refuses the first setting that asks for something this version does not have.
pub(super) fn refuse(layers: &Layers) -> Result<(), ConfigError> {
    let asked =
        |(path, when): &&(&str, When)| layers.explicit(path).is_some_and(|found| when.matches(&found.value));
    match REFUSED.iter().find(asked) {
        Some((path, _)) => Err(ConfigError::Unsupported { setting: layers.describe(path) }),
        None => Ok(()),
    }
}

impl When {
    fn matches(self, value: &Value) -> bool {
        match self {
            Self::Set => true,
            Self::True => *value == Value::Bool(true),
            Self::NotEmpty => value.as_array().is_some_and(|items| !items.is_empty()),
            Self::Is(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::config::Flags;
    use crate::config::resolve::testing::resolved;

    fn refused() -> Vec<(Value, &'static str)> {
        vec![
            (json!({"auth": {"mode": "jwt"}}), "auth.mode"),
            (json!({"auth": {"jwt": {}}}), "auth.jwt"),
            (json!({"auth": {"jwt": {"requireExp": false}}}), "auth.jwt"),
            (json!({"auth": {"queryToken": true}}), "auth.queryToken"),
            (json!({"trustedServices": [{"name": "a", "key": "s3cret", "scope": ["*"]}]}), "trustedServices"),
            (json!({"adminApi": true}), "adminApi"),
            (json!({"adminToken": "s3cret"}), "adminToken"),
            (json!({"sentry": {}}), "sentry"),
            (json!({"sentry": {"dsn": "s3cret"}}), "sentry"),
            (json!({"workers": {"enabled": true}}), "workers.enabled"),
            (json!({"metrics": {"auth": true}}), "metrics.auth"),
        ]
    }

    const VARIABLES: [(&str, &str, &str); 5] = [
        ("TASKCAST_AUTH_MODE", "jwt", "auth.mode"),
        ("TASKCAST_JWT_SECRET", "s3cret", "auth.jwt"),
        ("TASKCAST_JWT_PUBLIC_KEY_FILE", "s3cret", "auth.jwt"),
        ("TASKCAST_ADMIN_TOKEN", "s3cret", "adminToken"),
        ("SENTRY_DSN", "s3cret", "sentry"),
    ];

    #[test]
    fn each_setting_without_a_feature_keeps_the_server_from_starting() {
        for (file, path) in refused() {
            let error = resolved(file.clone(), &[], &Flags::default()).unwrap_err();
            let message = format!(
                "cannot start with `{path}` in config: this version does not support it yet, remove it"
            );
            assert_eq!(error.to_string(), message, "{file}");
            assert_eq!(error.code(), "config_unsupported");
        }
    }

    #[test]
    fn each_variable_without_a_feature_keeps_the_server_from_starting() {
        for (name, text, _) in VARIABLES {
            let error = resolved(json!({}), &[(name, text)], &Flags::default()).unwrap_err();
            let message = format!(
                "cannot start with environment variable `{name}`: this version does not support it yet, remove it"
            );
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn no_line_of_the_list_is_untested() {
        let mut tested: BTreeSet<_> = refused().into_iter().map(|(_, path)| path).collect();
        tested.extend(VARIABLES.map(|(_, _, path)| path));
        assert_eq!(tested, REFUSED.iter().map(|(path, _)| *path).collect());
    }

    #[test]
    fn settings_that_ask_for_nothing_are_accepted_and_still_checked() {
        let accepted = [
            json!({"auth": {"mode": "none", "queryToken": false}, "trustedServices": [], "adminApi": false}),
            json!({"workers": {"enabled": false, "defaults": {"assignMode": "pull", "offerTimeoutMs": 1}}}),
            json!({"metrics": {"auth": false}, "webhook": {}, "sentry": null}),
            json!({"adapters": {"broadcast": {"provider": "memory"}}}),
        ];
        for file in accepted {
            let vars = [("TASKCAST_AUTO_MIGRATE", "false"), ("TASKCAST_AUTH_MODE", "none")];
            assert!(resolved(file.clone(), &vars, &Flags::default()).is_ok(), "{file}");
        }
        let wrong = [
            (json!({"workers": {"enabled": false, "defaults": {"assignMode": "push"}}}), "config_bad_value"),
            (json!({"workers": {"enabled": "no"}}), "config_bad_value"),
            (json!({"auth": {"mode": "custom"}}), "config_bad_value"),
            (json!({"sentry": {"dns": "x"}}), "config_unknown_key"),
            (json!({"auth": {"jwt": {"sekret": "x"}}}), "config_unknown_key"),
            (json!({"webhook": {"endpoints": [{"secrt": "x"}]}}), "config_unknown_key"),
            (json!({"trustedServices": [{"nam": "x"}]}), "config_unknown_key"),
        ];
        for (file, code) in wrong {
            let error = resolved(file.clone(), &[], &Flags::default()).unwrap_err();
            assert_eq!(error.code(), code, "{file}");
        }
    }
}
