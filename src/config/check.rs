//! A parsed file against the schema: known keys only, variables filled in, right types.

use serde_json::{Map, Value};

use super::error::ConfigError;
use super::interpolate::{Unfilled, fill};
use super::kind::{Kind, found};
use super::schema;

/// Where a value is in the file.
struct Place {
    /// As the schema writes it: `webhook.endpoints[].url`.
    pattern: String,
    /// As people read it: `webhook.endpoints[0].url`.
    shown: String,
}

/// The file as one tree with only known keys and values that fit. A `null` counts as absent.
pub(super) fn check(
    tree: Value,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Map<String, Value>, ConfigError> {
    let root = Place { pattern: String::new(), shown: String::new() };
    match tree {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => section(map, &root, env),
        other => Err(ConfigError::BadValue {
            setting: "the config file".to_owned(),
            expected: "a map of keys".to_owned(),
            found: found(&other),
        }),
    }
}

fn section(
    map: Map<String, Value>,
    place: &Place,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Map<String, Value>, ConfigError> {
    let mut checked = Map::new();
    for (name, value) in map {
        let place = place.field(&name);
        let key = schema::find(&place.pattern);
        if key.is_none() && !schema::is_section(&place.pattern) {
            return Err(place.unknown());
        }
        let value = match (key, value) {
            (_, Value::Null) => continue,
            (Some(key), value) => leaf(key.kind, value, &place, env)?,
            (None, Value::Object(map)) => Value::Object(section(map, &place, env)?),
            (None, other) => return Err(place.unfit("a map of keys".to_owned(), &other)),
        };
        checked.insert(name, value);
    }
    Ok(checked)
}

fn leaf(
    kind: Kind,
    value: Value,
    place: &Place,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, ConfigError> {
    let value = match (kind, value) {
        (Kind::Maps, Value::Array(items)) => return maps(items, place, env),
        (_, value) => filled(kind, value, place, env)?,
    };
    let items = kind.item().zip(value.as_array());
    let unfit = items.and_then(|(kind, items)| {
        let (index, item) = items.iter().enumerate().find(|(_, item)| !kind.accepts(item))?;
        Some(place.item(index).unfit(kind.expected(), item))
    });
    match unfit {
        Some(error) => Err(error),
        None if kind.accepts(&value) => Ok(value),
        None => Err(place.unfit(kind.expected(), &value)),
    }
}

fn maps(
    items: Vec<Value>,
    place: &Place,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, ConfigError> {
    let checked = items.into_iter().enumerate().map(|(index, item)| {
        let place = place.item(index);
        match item {
            Value::Object(map) => section(map, &place, env).map(Value::Object),
            other => Err(place.unfit("a map of keys".to_owned(), &other)),
        }
    });
    checked.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// The value with every variable in its texts filled in.
fn filled(
    kind: Kind,
    value: Value,
    place: &Place,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, ConfigError> {
    match value {
        Value::String(text) => {
            let filled = fill(&text, env).map_err(|error| place.unfilled(error))?;
            Ok(if filled.alone { kind.read(&filled.text) } else { Value::String(filled.text) })
        }
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| filled(Kind::Text, item, &place.item(index), env))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, item)| {
                let item = filled(Kind::Text, item, &place.field(&name), env)?;
                Ok((name, item))
            })
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other),
    }
}

impl Place {
    /// A name in the map at this place. One that contains path characters is quoted, so that it is no path.
    fn field(&self, name: &str) -> Self {
        let odd = name.is_empty() || name.contains(['.', '[', ']', '"']);
        let name = if odd { format!("{name:?}") } else { name.escape_debug().to_string() };
        let dot = if self.pattern.is_empty() { "" } else { "." };
        Self { pattern: format!("{}{dot}{name}", self.pattern), shown: format!("{}{dot}{name}", self.shown) }
    }

    fn item(&self, index: usize) -> Self {
        Self { pattern: format!("{}[]", self.pattern), shown: format!("{}[{index}]", self.shown) }
    }

    fn unknown(self) -> ConfigError {
        ConfigError::UnknownKey { nearest: schema::nearest(&self.pattern), key: self.shown }
    }

    fn unfit(&self, expected: String, value: &Value) -> ConfigError {
        let setting = format!("`{}` in config", self.shown);
        ConfigError::BadValue { setting, expected, found: found(value) }
    }

    fn unfilled(&self, error: Unfilled) -> ConfigError {
        let key = self.shown.clone();
        match error {
            Unfilled::Unset(variable) => ConfigError::UnsetVariable { key, variable },
            Unfilled::Malformed => ConfigError::BadPlaceholder { key },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn env(name: &str) -> Option<String> {
        let known =
            [("NUMBER", "42"), ("YES", "true"), ("NO", "false"), ("WORD", "hidden"), ("TARGET", "all")];
        known.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_variable_alone_takes_the_type_of_its_key() {
        let tree = json!({
            "port": "${NUMBER}",
            "dbPath": "${NUMBER}",
            "metrics": {"auth": "${YES}"},
            "cors": {"origins": "${NO}"},
            "cleanup": {"rules": [{"trigger": {"afterMs": "${NUMBER}"}, "target": "${TARGET}"}]},
        });
        let expected = json!({
            "port": 42,
            "dbPath": "42",
            "metrics": {"auth": true},
            "cors": {"origins": false},
            "cleanup": {"rules": [{"trigger": {"afterMs": 42}, "target": "all"}]},
        });
        assert_eq!(Value::Object(check(tree, &env).unwrap()), expected);
    }

    #[test]
    fn variables_are_filled_in_wherever_a_text_is() {
        let tree = json!({
            "dbPath": "/data/${WORD}.db",
            "auth": {"jwt": {"audience": ["${WORD}", "$${WORD}"]}},
            "cleanup": {"rules": [{"match": {"status": ["${WORD}"]}}]},
        });
        let expected = json!({
            "dbPath": "/data/hidden.db",
            "auth": {"jwt": {"audience": ["hidden", "${WORD}"]}},
            "cleanup": {"rules": [{"match": {"status": ["hidden"]}}]},
        });
        assert_eq!(Value::Object(check(tree, &env).unwrap()), expected);
    }

    #[test]
    fn a_null_counts_as_absent_but_only_for_known_keys() {
        let tree = json!({"port": null, "cors": null, "sse": {"keepaliveMs": null}});
        assert_eq!(Value::Object(check(tree, &env).unwrap()), json!({"sse": {}}));
        assert_eq!(check(json!({"prot": null}), &env).unwrap_err().code(), "config_unknown_key");
    }

    fn assert_refused(table: &[(Value, &str)]) {
        for (tree, message) in table {
            assert_eq!(check(tree.clone(), &env).unwrap_err().to_string(), *message, "{tree}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let table = [
            (
                json!({"cors": {"orgins": "*"}}),
                "unknown key `cors.orgins` in config, did you mean `cors.origins`?",
            ),
            (json!({"zebra": 1}), "unknown key `zebra` in config, remove it"),
            (json!({"TASKCAST_REDIS_URL": "x"}), "unknown key `TASKCAST_REDIS_URL` in config, remove it"),
            (
                json!({"cors.origins": "*"}),
                "unknown key `\"cors.origins\"` in config, did you mean `cors.origins`?",
            ),
            (
                json!({"webhook": {"endpoints": [{}, {"urll": "x"}]}}),
                "unknown key `webhook.endpoints[1].urll` in config, did you mean `webhook.endpoints[].url`?",
            ),
        ];
        assert_refused(&table);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_full_path_and_without_its_value() {
        let table = [
            (json!([]), "cannot use the config file: expected a map of keys, found a list"),
            (
                json!({"port": "3721"}),
                "cannot use `port` in config: expected an integer from 0 to 65535, found text that does not fit",
            ),
            (
                json!({"port": "1${NUMBER}"}),
                "cannot use `port` in config: expected an integer from 0 to 65535, found text that does not fit",
            ),
            (
                json!({"sse": {"keepaliveMs": {"a": 1}}}),
                "cannot use `sse.keepaliveMs` in config: expected an integer from 1 to 2147483647, found a map",
            ),
            (
                json!({"auth": "none"}),
                "cannot use `auth` in config: expected a map of keys, found text that does not fit",
            ),
            (
                json!({"cleanup": {"rules": [1]}}),
                "cannot use `cleanup.rules[0]` in config: expected a map of keys, found an integer",
            ),
            (
                json!({"cleanup": {"rules": {}}}),
                "cannot use `cleanup.rules` in config: expected a list of maps, found a map",
            ),
            (
                json!({"cors": {"origins": ["https://a.example", "https://b.example/"]}}),
                "cannot use `cors.origins[1]` in config: expected an origin such as https://app.example, found text that does not fit",
            ),
            (
                json!({"auth": {"jwt": {"secret": "${GONE}"}}}),
                "cannot fill in `auth.jwt.secret` in config: environment variable `GONE` is not set, set it or remove the key",
            ),
            (
                json!({"dbPath": "${oops"}),
                "cannot fill in `dbPath` in config: write `${NAME}` for a variable or `$${` for a literal `${`",
            ),
        ];
        assert_refused(&table);
    }
}
