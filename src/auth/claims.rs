//! What a verified token says (PROTOCOL §4.3). Pure.

use serde::de::DeserializeOwned;
use taskcast_actors::domain::Json;

use super::{Identity, Scopes};
use crate::config::JwtConfig;

/// Who the bearer of a token with these claims is at `now_ms`, or `None` when the token is not good: a claim of a wrong
/// type, not yet or no longer valid, from or for somebody else.
pub(super) fn read(text: &str, terms: &JwtConfig, now_ms: u64) -> Option<Identity> {
    let claims = Claims(Json::parse(text).ok().filter(Json::is_object)?);
    let now = now_ms as f64;
    let leeway = terms.leeway.as_secs_f64() * 1000.0;
    let valid_until = claims.date("exp")?.map(|exp| exp + leeway);
    let begun = claims.date("nbf")?.is_none_or(|nbf| nbf <= now + leeway);
    let ended = valid_until.map_or(terms.require_exp, |until| now >= until);
    claims.date("iat")?;
    if !begun || ended || !claims.is_from(&terms.issuers)? || !claims.is_for(&terms.audiences)? {
        return None;
    }
    Some(Identity {
        sub: claims.get("sub")?,
        scopes: claims.scopes()?,
        tasks: claims.tasks()?.map(|ids| ids.into_iter().collect()),
        worker_id: claims.get("workerId")?,
        // The cast cuts off what is beyond all time.
        valid_until: valid_until.map(|until| until as u64),
        claims: Some(claims.0),
    })
}

/// An object whose members are claims. Every reader has an outer `None` for a claim of a wrong type, `null` included.
struct Claims(Json);

impl Claims {
    fn get<T: DeserializeOwned>(&self, name: &str) -> Option<Option<T>> {
        match self.0.member(name) {
            None => Some(None),
            Some("null") => None,
            Some(raw) => serde_json::from_str(raw).ok().map(Some),
        }
    }

    /// A time of RFC 7519 (§2, NumericDate), in milliseconds.
    fn date(&self, name: &str) -> Option<Option<f64>> {
        let Some(raw) = self.0.member(name) else { return Some(None) };
        let number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let seconds = number.then(|| raw.parse::<f64>().ok()).flatten()?;
        seconds.is_finite().then_some(Some(seconds * 1000.0))
    }

    /// A list of texts, or one text, which is then `alone`.
    fn texts(&self, name: &str, alone: impl Fn(String) -> Vec<String>) -> Option<Option<Vec<String>>> {
        match self.0.member(name) {
            Some(raw) if raw.starts_with('"') => Some(self.get(name)?.map(alone)),
            _ => self.get(name),
        }
    }

    fn scopes(&self) -> Option<Scopes> {
        let words = |text: String| text.split(' ').map(str::to_owned).collect();
        let names = self.texts("scope", words)?.unwrap_or_default();
        Some(Scopes::named(names.iter().map(String::as_str)))
    }

    /// The only tasks the bearer may touch; the inner `None` is all of them.
    fn tasks(&self) -> Option<Option<Vec<String>>> {
        match self.0.member("taskIds") {
            Some("\"*\"") => Some(None),
            _ => self.texts("taskIds", |id| vec![id]),
        }
    }

    fn is_from(&self, issuers: &[String]) -> Option<bool> {
        let issuer: Option<String> = self.get("iss")?;
        Some(issuers.is_empty() || issuer.is_some_and(|issuer| issuers.contains(&issuer)))
    }

    fn is_for(&self, audiences: &[String]) -> Option<bool> {
        let named = self.texts("aud", |one| vec![one])?.unwrap_or_default();
        Some(audiences.is_empty() || named.iter().any(|audience| audiences.contains(audience)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::{Principal, Scope};
    use crate::config::{Algorithm, KeySource, Secret};

    const NOW: u64 = 1_700_000_000_500;

    fn terms() -> JwtConfig {
        JwtConfig {
            algorithm: Algorithm::HS256,
            key: KeySource::Secret(Secret("s".into())),
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway: Duration::ZERO,
            require_exp: false,
        }
    }

    fn good(text: &str) -> bool {
        read(text, &terms(), NOW).is_some()
    }

    #[test]
    fn a_token_that_says_nothing_may_do_nothing_to_any_task() {
        let identity = read("{}", &terms(), NOW).unwrap();
        assert_eq!(
            (identity.sub.as_ref(), identity.tasks.as_ref(), identity.valid_until),
            (None, None, None)
        );
        assert!(Scope::ALL.into_iter().all(|scope| !identity.scopes.allow(scope)));
    }

    #[test]
    fn scopes_and_tasks_are_lists_or_texts() {
        let scopes = |text: &str| read(&format!("{{\"scope\":{text}}}"), &terms(), NOW).map(|it| it.scopes);
        let both = Some(Scopes::named(["task:create", "event:publish"]));
        assert_eq!(scopes(r#"["task:create","event:publish","x"]"#), both);
        assert_eq!(scopes(r#""task:create event:publish x""#), both);
        assert_eq!(scopes(r#""""#), Some(Scopes::default()));
        assert_eq!(scopes(r#""\u002a""#), Some(Scopes::named(["*"])));
        let may = |ids: &str, id: &str| {
            let identity = read(&format!("{{\"taskIds\":{ids}}}"), &terms(), NOW).unwrap();
            Principal::Known(identity.into()).require_task(Some(id)).is_ok()
        };
        let table = [
            (r#""*""#, "a", true),
            (r#"["a","b"]"#, "a", true),
            (r#"["a","b"]"#, "c", false),
            (r#""a""#, "a", true),
            (r#""a""#, "b", false),
            (r#""a b""#, "a", false),
            ("[]", "a", false),
            (r#"["*"]"#, "a", false),
            (r#"["*"]"#, "*", true),
            (r#""""#, "a", false),
        ];
        for (ids, id, permitted) in table {
            assert_eq!(may(ids, id), permitted, "{ids} {id}");
        }
    }

    #[test]
    fn a_claim_of_a_wrong_type_spoils_the_token() {
        for name in ["sub", "workerId", "iss"] {
            for value in ["1", "true", "null", "[]", "{}", r#"["a"]"#] {
                assert!(!good(&format!("{{\"{name}\":{value}}}")), "{name} {value}");
            }
            assert!(good(&format!("{{\"{name}\":\"a\"}}")), "{name}");
        }
        for name in ["exp", "nbf", "iat"] {
            for value in [r#""1800000000""#, "true", "null", "[1800000000]", "{}", "1e999"] {
                assert!(!good(&format!("{{\"{name}\":{value}}}")), "{name} {value}");
            }
        }
        for name in ["scope", "taskIds", "aud"] {
            for value in ["1", "null", "{}", "[1]", r#"["a",null]"#, "false"] {
                assert!(!good(&format!("{{\"{name}\":{value}}}")), "{name} {value}");
            }
        }
        for text in ["", "1", "[]", "null", "\"a\"", "{", r#"{"a":"\u0000"}"#, r#"{"a":"\ud800"}"#, "{}{}"] {
            assert!(!good(text), "{text}");
        }
        assert!(good(r#"{"own":{"anything":[1,null]},"iat":1.5,"exp":1e18,"nbf":-5}"#));
    }

    #[test]
    fn a_token_is_good_before_its_end_and_not_at_it() {
        let at = |now_ms, leeway| {
            let terms = JwtConfig { leeway: Duration::from_secs(leeway), ..terms() };
            read(r#"{"exp":1000}"#, &terms, now_ms).map(|identity| identity.valid_until)
        };
        assert_eq!(at(999_999, 0), Some(Some(1_000_000)));
        assert_eq!(at(1_000_000, 0), None);
        assert_eq!(at(1_000_000, 5), Some(Some(1_005_000)));
        assert_eq!(at(1_004_999, 5), Some(Some(1_005_000)));
        assert_eq!(at(1_005_000, 5), None);
        let demanding = JwtConfig { require_exp: true, ..terms() };
        assert!(read("{}", &demanding, NOW).is_none());
        assert!(read(r#"{"exp":1700000001}"#, &demanding, NOW).is_some());
        assert!(!good(r#"{"exp":-1}"#) && !good(r#"{"exp":0}"#));
    }

    #[test]
    fn a_token_is_not_good_before_its_beginning() {
        let at = |now_ms, leeway| {
            let terms = JwtConfig { leeway: Duration::from_secs(leeway), ..terms() };
            read(r#"{"nbf":1000}"#, &terms, now_ms).is_some()
        };
        assert!(!at(999_999, 0) && at(1_000_000, 0) && at(999_000, 1) && !at(998_999, 1));
    }

    #[test]
    fn who_issued_a_token_and_for_whom_has_to_match_when_configured() {
        let terms =
            JwtConfig { issuers: vec!["one".into(), "two".into()], audiences: vec!["us".into()], ..terms() };
        let table = [
            (r#"{"iss":"one","aud":"us"}"#, true),
            (r#"{"iss":"two","aud":["them","us"]}"#, true),
            (r#"{"iss":"three","aud":"us"}"#, false),
            (r#"{"iss":"one","aud":"them"}"#, false),
            (r#"{"iss":"one","aud":[]}"#, false),
            (r#"{"iss":"one"}"#, false),
            (r#"{"aud":"us"}"#, false),
            (r#"{"iss":"one","aud":"US"}"#, false),
        ];
        for (text, good) in table {
            assert_eq!(read(text, &terms, NOW).is_some(), good, "{text}");
        }
        assert!(super::read(r#"{"iss":"any","aud":"any"}"#, &self::terms(), NOW).is_some());
    }
}
