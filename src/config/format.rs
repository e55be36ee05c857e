//! YAML, TOML and JSON as one kind of tree. Repeated keys are errors in all three, and no error quotes a value.

use serde_json::{Map, Number, Value};

use super::unique::Unique;

/// A parser of one format; the error says what is wrong and where.
pub(super) type Parse = fn(&str) -> Result<Value, String>;

/// YAML; `null` for an empty document.
pub(super) fn yaml(text: &str) -> Result<Value, String> {
    let tree: serde_norway::Value = serde_norway::from_str(text).map_err(|error| {
        let at = error.location().map_or_else(String::new, |at| position(at.line(), at.column()));
        // A message about a scalar quotes it, and it may be a secret.
        match error.to_string() {
            message if message.contains("invalid ") => format!("a value does not fit its tag{at}"),
            message => message,
        }
    })?;
    from_yaml(tree)
}

fn from_yaml(tree: serde_norway::Value) -> Result<Value, String> {
    use serde_norway::Value as Yaml;
    Ok(match tree {
        Yaml::Null => Value::Null,
        Yaml::Bool(on) => Value::Bool(on),
        Yaml::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => fraction(number.as_f64().unwrap_or(f64::NAN))?,
        },
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(from_yaml).collect::<Result<_, _>>()?),
        Yaml::Mapping(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| match name {
                    Yaml::String(name) => Ok((name, from_yaml(value)?)),
                    _ => Err("a key is not a string, put it in quotes".to_owned()),
                })
                .collect::<Result<Map<_, _>, String>>()?,
        ),
        Yaml::Tagged(_) => return Err("tags are not supported, remove them".to_owned()),
    })
}

/// TOML.
pub(super) fn toml(text: &str) -> Result<Value, String> {
    let tree: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own text quotes the line, which may hold a secret.
        let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let at = position(before.matches('\n').count() + 1, column + 1);
        format!("{}{at}", error.message())
    })?;
    from_toml(toml::Value::Table(tree))
}

fn from_toml(tree: toml::Value) -> Result<Value, String> {
    use toml::Value as Toml;
    Ok(match tree {
        Toml::String(text) => Value::String(text),
        Toml::Integer(number) => Value::from(number),
        Toml::Float(number) => fraction(number)?,
        Toml::Boolean(on) => Value::Bool(on),
        Toml::Datetime(_) => return Err("a date is not a setting, put it in quotes".to_owned()),
        Toml::Array(items) => Value::Array(items.into_iter().map(from_toml).collect::<Result<_, _>>()?),
        Toml::Table(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| Ok((name, from_toml(value)?)))
                .collect::<Result<Map<_, _>, String>>()?,
        ),
    })
}

/// JSON.
pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Unique>(text).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn fraction(number: f64) -> Result<Value, String> {
    let number = Number::from_f64(number).ok_or("a number is not finite, correct it")?;
    Ok(Value::Number(number))
}

fn position(line: usize, column: usize) -> String {
    format!(" at line {line} column {column}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_formats_give_the_same_tree() {
        let in_yaml = "
# a comment
port: 8080
dbPath: \"${HOME}/a.db\"
metrics: {auth: false}
cors:
  origins: [https://a.example]
cleanup:
  rules:
    - {trigger: {afterMs: 5}, target: all}
";
        let in_toml = r#"
# a comment
port = 8080
dbPath = "${HOME}/a.db"
metrics.auth = false
[cors]
origins = ["https://a.example"]
[[cleanup.rules]]
trigger = { afterMs = 5 }
target = "all"
"#;
        let in_json = r#"{
            "port": 8080, "dbPath": "${HOME}/a.db", "metrics": {"auth": false},
            "cors": {"origins": ["https://a.example"]},
            "cleanup": {"rules": [{"trigger": {"afterMs": 5}, "target": "all"}]}
        }"#;
        let tree = json(in_json).unwrap();
        assert_eq!(yaml(in_yaml).unwrap(), tree);
        assert_eq!(toml(in_toml).unwrap(), tree);
    }

    #[test]
    fn an_empty_document_is_nothing() {
        assert_eq!(yaml("").unwrap(), Value::Null);
        assert_eq!(yaml("# only a comment\n").unwrap(), Value::Null);
        assert_eq!(toml("").unwrap(), json!({}));
        assert_eq!(json("{}").unwrap(), json!({}));
    }

    #[test]
    fn numbers_keep_their_kind() {
        let whole = json!([1, -1, 9_007_199_254_740_993_u64]);
        assert_eq!(yaml("[1, -1, 9007199254740993]").unwrap(), whole);
        assert_eq!(toml("a = [1, -1, 9007199254740993]").unwrap()["a"], whole);
        assert_eq!(json("[1, -1, 9007199254740993]").unwrap(), whole);
        assert!(!yaml("1.0").unwrap().is_u64());
        assert!(!toml("a = 1.0").unwrap()["a"].is_u64());
        assert!(!json("1.0").unwrap().is_u64());
    }

    #[test]
    fn what_has_no_place_in_a_tree_is_refused_without_quoting_it() {
        let parsers: [(Parse, &[&str]); 3] = [
            (
                yaml,
                &[
                    "a: 1\na: s3cret\n",
                    "1: s3cret",
                    "a: !x s3cret",
                    "a: !!int s3cret",
                    "a: .nan",
                    "a: s3cret\n---\nb: 1",
                    "a: *s3cret",
                    "a: 's3cret",
                    "a: [s3cret",
                    "a: \"\\q s3cret\"",
                ],
            ),
            (
                toml,
                &[
                    "a = 1\na = \"s3cret\"",
                    "a = \"s3cret",
                    "a = s3cret",
                    "a = nan",
                    "a = 2020-01-01",
                    "a = \"\\q s3cret\"",
                    "a = [\"s3cret\"",
                    "a = 'x' s3cret",
                ],
            ),
            (
                json,
                &[
                    r#"{"a": 1, "a": "s3cret"}"#,
                    r#"{"b": [{"a": 1, "a": "s3cret"}]}"#,
                    r#"{"a": "s3cret"#,
                    r#"{"a": s3cret}"#,
                    r#"{"a": "s3cret",}"#,
                    r#"{"a": NaN}"#,
                    r#"{"a": "\q s3cret"}"#,
                ],
            ),
        ];
        for (parse, texts) in parsers {
            for text in texts {
                let reason = parse(text).expect_err(text);
                assert!(!reason.contains("s3cret"), "{text}: {reason}");
                assert!(!reason.is_empty() && !reason.contains('\n'), "{text}: {reason}");
            }
        }
    }

    #[test]
    fn a_mistake_is_located() {
        let table = [
            (yaml("a: 1\nb: [\n"), "line 3"),
            (toml("a = 1\nb = [\n"), "line "),
            (toml("a = 1\nb = é x\n"), "line 2 column 5"),
            (json("{\n\"a\": }"), "line 2 column 6"),
            (json("{\n\"a\": 1, \"a\": 2}"), "line 2"),
        ];
        for (parsed, place) in table {
            let reason = parsed.unwrap_err();
            assert!(reason.contains(place), "{reason}");
        }
    }
}
