//! What this version does not have yet. A server that ignored these would be less safe or keep less than its operator
//! believes, so it does not start. Whoever adds a feature deletes its lines here.

use serde_json::Value;

use super::error::ConfigError;
use super::layers::Layers;

/// Which values of a setting ask for something that is not there.
#[derive(Debug, Clone, Copy)]
enum When {
    /// `true`.
    True,
}

const REFUSED: &[(&str, When)] = &[("workers.enabled", When::True)];

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
            Self::True => *value == Value::Bool(true),
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
        vec![(json!({"workers": {"enabled": true}}), "workers.enabled")]
    }

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
    fn no_line_of_the_list_is_untested() {
        let tested: BTreeSet<_> = refused().into_iter().map(|(_, path)| path).collect();
        assert_eq!(tested, REFUSED.iter().map(|(path, _)| *path).collect());
    }

    #[test]
    fn settings_that_ask_for_nothing_are_accepted_and_still_checked() {
        let accepted = [
            json!({"workers": {"enabled": false, "defaults": {"assignMode": "pull", "offerTimeoutMs": 1}}}),
            json!({"webhook": {}, "sentry": null}),
            json!({"adapters": {"broadcast": {"provider": "memory"}}}),
        ];
        for file in accepted {
            let vars = [("TASKCAST_AUTO_MIGRATE", "false")];
            assert!(resolved(file.clone(), &vars, &Flags::default()).is_ok(), "{file}");
        }
        let wrong = [
            (json!({"workers": {"enabled": false, "defaults": {"assignMode": "push"}}}), "config_bad_value"),
            (json!({"workers": {"enabled": "no"}}), "config_bad_value"),
            (json!({"sentry": {"dns": "x"}}), "config_unknown_key"),
            (json!({"webhook": {"endpoints": [{"secrt": "x"}]}}), "config_unknown_key"),
        ];
        for (file, code) in wrong {
            let error = resolved(file.clone(), &[], &Flags::default()).unwrap_err();
            assert_eq!(error.code(), code, "{file}");
        }
    }
}
