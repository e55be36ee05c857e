//! The rules of a single task, its `authConfig` (PROTOCOL §4.5). Pure.

use serde::Deserialize;
use taskcast_actors::domain::Json;

use super::Scope;

#[derive(Deserialize)]
struct AuthConfig {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "match")]
    applies: Match,
    require: Require,
}

#[derive(Deserialize)]
struct Match {
    scope: Vec<String>,
}

#[derive(Deserialize)]
struct Require {
    #[serde(default)]
    claims: Option<Json>,
    #[serde(default)]
    sub: Option<Vec<String>>,
}

/// Whether every rule that is about `scope` holds for somebody with this subject and these claims. Rules that cannot be
/// read hold for nobody.
pub(super) fn hold(auth_config: &Json, scope: Scope, sub: Option<&str>, claims: Option<&Json>) -> bool {
    let Ok(config) = serde_json::from_str::<AuthConfig>(auth_config.as_str()) else { return false };
    config.rules.iter().filter(|rule| rule.is_about(scope)).all(|rule| rule.require.is_met(sub, claims))
}

impl Rule {
    fn is_about(&self, scope: Scope) -> bool {
        self.applies.scope.iter().any(|name| name == scope.as_str() || name == Scope::Every.as_str())
    }
}

impl Require {
    fn is_met(&self, sub: Option<&str>, claims: Option<&Json>) -> bool {
        let listed = |subs: &Vec<String>| sub.is_some_and(|sub| subs.iter().any(|one| one == sub));
        let nobody = Json::empty_object();
        self.sub.as_ref().is_none_or(listed)
            && self.claims.as_ref().is_none_or(|wanted| claims.unwrap_or(&nobody).covers(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Json {
        Json::parse(&format!("{{\"rules\":[{text}]}}")).unwrap()
    }

    /// The rule for publishing and deleting.
    fn rule(require: &str) -> Json {
        rules(&format!(r#"{{"match":{{"scope":["event:publish","task:manage"]}},"require":{require}}}"#))
    }

    #[test]
    fn a_rule_asks_for_subjects_and_for_claims() {
        let claims =
            Json::parse(r#"{"sub":"ann","org":{"id":7,"units":["a","b"]},"n":12345678901234567890}"#);
        let claims = claims.unwrap();
        let table = [
            ("{}", true),
            (r#"{"sub":["bob","ann"]}"#, true),
            (r#"{"sub":["bob"]}"#, false),
            (r#"{"sub":[]}"#, false),
            (r#"{"sub":["Ann"]}"#, false),
            (r#"{"claims":{}}"#, true),
            (r#"{"claims":{"sub":"ann"}}"#, true),
            (r#"{"claims":{"org":{"units":["a","b"],"id":7}}}"#, true),
            (r#"{"claims":{"org":{"id":7}}}"#, false),
            (r#"{"claims":{"org":{"units":["b","a"],"id":7}}}"#, false),
            (r#"{"claims":{"n":12345678901234567890}}"#, true),
            (r#"{"claims":{"n":12345678901234567891}}"#, false),
            (r#"{"claims":{"n":"12345678901234567890"}}"#, false),
            (r#"{"claims":{"missing":null}}"#, false),
            (r#"{"sub":["ann"],"claims":{"org":{"units":["a","b"],"id":7.0}}}"#, true),
            (r#"{"sub":["ann"],"claims":{"org":1}}"#, false),
            (r#"{"sub":["bob"],"claims":{"sub":"ann"}}"#, false),
        ];
        for (require, holds) in table {
            assert_eq!(
                hold(&rule(require), Scope::EventPublish, Some("ann"), Some(&claims)),
                holds,
                "{require}"
            );
        }
    }

    #[test]
    fn a_rule_is_about_its_scopes_only_and_a_star_is_about_all() {
        let nobody = r#"{"sub":[]}"#;
        for scope in Scope::ALL {
            let about = matches!(scope, Scope::EventPublish | Scope::TaskManage);
            assert_eq!(hold(&rule(nobody), scope, Some("ann"), None), !about, "{scope:?}");
            let all = rules(&format!(r#"{{"match":{{"scope":["*"]}},"require":{nobody}}}"#));
            assert!(!hold(&all, scope, Some("ann"), None), "{scope:?}");
            let none = rules(&format!(r#"{{"match":{{"scope":[]}},"require":{nobody}}}"#));
            assert!(hold(&none, scope, Some("ann"), None), "{scope:?}");
        }
    }

    #[test]
    fn every_rule_has_to_hold() {
        let one = |sub| format!(r#"{{"match":{{"scope":["*"]}},"require":{{"sub":["{sub}"]}}}}"#);
        let both = rules(&format!("{},{}", one("ann"), one("bob")));
        assert!(!hold(&both, Scope::TaskManage, Some("ann"), None));
        assert!(hold(
            &rules(&format!("{},{}", one("ann"), one("ann"))),
            Scope::TaskManage,
            Some("ann"),
            None
        ));
        assert!(hold(&rules(""), Scope::TaskManage, None, None));
    }

    #[test]
    fn who_has_no_subject_or_claims_meets_no_rule_about_them() {
        assert!(!hold(&rule(r#"{"sub":["ann"]}"#), Scope::TaskManage, None, None));
        assert!(!hold(&rule(r#"{"claims":{"a":1}}"#), Scope::TaskManage, Some("svc:x"), None));
        assert!(hold(&rule(r#"{"sub":["svc:x"]}"#), Scope::TaskManage, Some("svc:x"), None));
    }

    #[test]
    fn rules_that_cannot_be_read_hold_for_nobody() {
        for text in ["{}", "[]", "1", r#"{"rules":{}}"#, r#"{"rules":[{"require":{}}]}"#, r#"{"rules":[1]}"#]
        {
            assert!(!hold(&Json::parse(text).unwrap(), Scope::TaskManage, Some("ann"), None), "{text}");
        }
    }
}
