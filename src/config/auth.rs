//! Who may call, and how they prove who they are (PROTOCOL §4).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

pub use jsonwebtoken::Algorithm;
use jsonwebtoken::AlgorithmFamily;
use serde_json::Value;

use super::error::ConfigError;
use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, MAX_MILLIS, Preset};
use super::secret::Secret;

const ALGORITHMS: Kind = Kind::Word(&[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA",
]);

const MODE: &str = "auth.mode";
const ALGORITHM: &str = "auth.jwt.algorithm";
const SECRET: &str = "auth.jwt.secret";
const PUBLIC_KEY: &str = "auth.jwt.publicKey";
const PUBLIC_KEY_FILE: &str = "auth.jwt.publicKeyFile";
const JWKS_URL: &str = "auth.jwt.jwksUrl";
const SERVICES: &str = "trustedServices";
const METRICS: &str = "metrics.auth";

/// The places a key may come from.
const SOURCES: [&str; 4] = [SECRET, PUBLIC_KEY, PUBLIC_KEY_FILE, JWKS_URL];

/// The names of scopes (PROTOCOL §1).
pub const SCOPES: &[&str] = &[
    "task:create",
    "task:manage",
    "task:resolve",
    "task:signal",
    "event:publish",
    "event:subscribe",
    "event:history",
    "webhook:create",
    "worker:connect",
    "worker:manage",
    "*",
];

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new(MODE, Kind::Word(&["none", "jwt"])).or(Preset::Text("none")).variable("TASKCAST_AUTH_MODE"),
    Key::new("auth.queryToken", Kind::Bool).or(Preset::Bool(false)),
    Key::new(ALGORITHM, ALGORITHMS).or(Preset::Text("HS256")).variable("TASKCAST_JWT_ALGORITHM"),
    Key::new(SECRET, Kind::Text).variable("TASKCAST_JWT_SECRET"),
    Key::new(PUBLIC_KEY, Kind::Text),
    Key::new(PUBLIC_KEY_FILE, Kind::Text).variable("TASKCAST_JWT_PUBLIC_KEY_FILE"),
    Key::new(JWKS_URL, Kind::Text).variable("TASKCAST_JWKS_URL"),
    Key::millis("auth.jwt.jwksRefetchMs", 1, 60_000),
    Key::millis("auth.jwt.jwksMaxAgeMs", 1, 3_600_000),
    Key::new("auth.jwt.issuer", Kind::TextOrTexts),
    Key::new("auth.jwt.audience", Kind::TextOrTexts),
    Key::int("auth.jwt.leewaySeconds", 0, MAX_MILLIS / 1000, 0),
    Key::new("auth.jwt.requireExp", Kind::Bool).or(Preset::Bool(false)),
    Key::new(SERVICES, Kind::Maps),
    Key::new("trustedServices[].name", Kind::Text),
    Key::new("trustedServices[].key", Kind::Text),
    Key::new("trustedServices[].taskIds", Kind::TextOrTexts),
    Key::new("trustedServices[].scope", Kind::WordOrWords(SCOPES)),
    Key::new("adminApi", Kind::Bool).or(Preset::Bool(false)),
    Key::new("adminToken", Kind::Text).variable("TASKCAST_ADMIN_TOKEN"),
];

/// Who may call, and how they prove who they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuthConfig {
    /// How tokens are verified; `None` is mode `none`, in which everybody may do everything.
    pub jwt: Option<JwtConfig>,
    /// Whether a token may be in the query of an event stream.
    pub query_token: bool,
    /// Who may call with a key instead of a token.
    pub services: Vec<TrustedService>,
    /// The endpoint that gives tokens to administrators, if it is on.
    pub admin: Option<AdminConfig>,
    /// Whether metrics need a credential with every scope.
    pub metrics: bool,
}

impl AuthConfig {
    /// The word for the mode in configuration.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.jwt.is_some() { "jwt" } else { "none" }
    }
}

/// How tokens are verified.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtConfig {
    /// The only algorithm that is accepted.
    pub algorithm: Algorithm,
    /// Where its key is.
    pub key: KeySource,
    /// Who must have issued a token, any of these; empty for anybody.
    pub issuers: Vec<String>,
    /// For whom a token must be, any of these; empty for anybody.
    pub audiences: Vec<String>,
    /// How long a token is good after its end, and before its beginning.
    pub leeway: Duration,
    /// Whether a token without an end is refused.
    pub require_exp: bool,
}

/// Where the key to verify tokens is.
#[derive(Debug, Clone, PartialEq)]
pub enum KeySource {
    /// A secret that is shared with who signs.
    Secret(Secret),
    /// A public key as PEM.
    PublicKey(String),
    /// A file with a public key as PEM.
    PublicKeyFile(PathBuf),
    /// A set of public keys behind a URL.
    Jwks(JwksConfig),
}

/// A set of public keys behind a URL.
#[derive(Debug, Clone, PartialEq)]
pub struct JwksConfig {
    /// The URL, http or https. It may hold a password.
    pub url: Secret,
    /// The time between two looks for a key that is not in the set.
    pub refetch: Duration,
    /// The age from which the set is fetched again although nobody misses a key.
    pub max_age: Duration,
}

/// Another service, which proves who it is by a key.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedService {
    /// What it is called.
    pub name: String,
    /// Its key.
    pub key: Secret,
    /// The tasks it may touch; `None` for all.
    pub task_ids: Option<Vec<String>>,
    /// What it may do, as names of scopes.
    pub scope: Vec<String>,
}

/// The endpoint that gives tokens to administrators.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminConfig {
    /// What an administrator has to say; `None` if it is to be made up at start.
    pub token: Option<Secret>,
}

/// Everything that is said about callers, found to make sense.
pub(super) fn auth(layers: &Layers) -> Result<AuthConfig, ConfigError> {
    let jwt = if layers.text(MODE).as_deref() == Some("jwt") { Some(jwt(layers)?) } else { None };
    let services = services(layers)?;
    let metrics = layers.flag(METRICS);
    if jwt.is_none() {
        refuse_forgotten_mode(layers)?;
        if metrics && services.is_empty() {
            return Err(contradiction(layers, METRICS, MODE));
        }
    }
    let token = layers.text("adminToken").map(Secret);
    Ok(AuthConfig {
        jwt,
        query_token: layers.flag("auth.queryToken"),
        services,
        admin: layers.flag("adminApi").then_some(AdminConfig { token }),
        metrics,
    })
}

fn contradiction(layers: &Layers, first: &str, second: &str) -> ConfigError {
    ConfigError::Contradiction { first: layers.describe(first), second: layers.describe(second) }
}

/// Whoever configures a key and does not say the mode believes that it is used.
fn refuse_forgotten_mode(layers: &Layers) -> Result<(), ConfigError> {
    let forgotten = SOURCES.into_iter().find(|source| layers.explicit(source).is_some());
    match (layers.explicit(MODE), forgotten) {
        (None, Some(source)) => Err(contradiction(layers, source, MODE)),
        _ => Ok(()),
    }
}

fn jwt(layers: &Layers) -> Result<JwtConfig, ConfigError> {
    let name = layers.text(ALGORITHM).unwrap_or_default();
    let algorithm = name.parse::<Algorithm>().map_err(|_| ConfigError::BadValue {
        setting: layers.describe(ALGORITHM),
        expected: ALGORITHMS.expected(),
        found: "another word",
    })?;
    Ok(JwtConfig {
        algorithm,
        key: key(layers, algorithm)?,
        issuers: layers.texts("auth.jwt.issuer").unwrap_or_default(),
        audiences: layers.texts("auth.jwt.audience").unwrap_or_default(),
        leeway: Duration::from_secs(layers.number("auth.jwt.leewaySeconds")),
        require_exp: layers.flag("auth.jwt.requireExp"),
    })
}

/// The one source there is, which has to be one for this algorithm.
fn key(layers: &Layers, algorithm: Algorithm) -> Result<KeySource, ConfigError> {
    let mut given = SOURCES.into_iter().filter(|source| layers.explicit(source).is_some());
    let Some(source) = given.next() else {
        return Err(ConfigError::NeedsKey { setting: layers.describe(MODE) });
    };
    if let Some(other) = given.next() {
        return Err(contradiction(layers, source, other));
    }
    if (source == SECRET) != (algorithm.family() == AlgorithmFamily::Hmac) {
        return Err(contradiction(layers, source, ALGORITHM));
    }
    let text = layers.text(source).unwrap_or_default();
    Ok(match source {
        SECRET if text.trim_start().starts_with("-----BEGIN") => {
            return Err(ConfigError::BadValue {
                setting: layers.describe(SECRET),
                expected: "a secret".to_owned(),
                found: "a key in PEM form, which belongs to another algorithm",
            });
        }
        SECRET => KeySource::Secret(Secret(text)),
        PUBLIC_KEY => KeySource::PublicKey(text),
        PUBLIC_KEY_FILE => KeySource::PublicKeyFile(text.into()),
        _ => KeySource::Jwks(jwks(layers, text)?),
    })
}

fn jwks(layers: &Layers, url: String) -> Result<JwksConfig, ConfigError> {
    let known = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !known {
        return Err(ConfigError::BadValue {
            setting: layers.describe(JWKS_URL),
            expected: "an http or https URL".to_owned(),
            found: "text that does not fit",
        });
    }
    Ok(JwksConfig {
        url: Secret(url),
        refetch: layers.millis("auth.jwt.jwksRefetchMs"),
        max_age: layers.millis("auth.jwt.jwksMaxAgeMs"),
    })
}

/// The trusted services, each complete and none like another.
fn services(layers: &Layers) -> Result<Vec<TrustedService>, ConfigError> {
    let listed = layers.find(SERVICES).map(|found| found.value);
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let mut services = Vec::new();
    for (index, item) in listed.iter().flat_map(|list| list.as_array()).flatten().enumerate() {
        let setting = |name: &str| format!("`{SERVICES}[{index}].{name}` in config");
        let refused = |name, expected: &str, found| ConfigError::BadValue {
            setting: setting(name),
            expected: expected.to_owned(),
            found,
        };
        let text = |name| {
            let text = item.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| refused(name, "a non-empty string", "nothing"))
        };
        let (name, key) = (text("name")?, text("key")?);
        if !names.insert(name.clone()) {
            return Err(refused("name", "a name of its own", "the name of another service"));
        }
        if !keys.insert(key.clone()) {
            return Err(refused("key", "a key of its own", "the key of another service"));
        }
        let scope = item.get("scope").and_then(texts);
        let scope =
            scope.filter(|names| !names.is_empty()).ok_or_else(|| refused("scope", "scopes", "nothing"))?;
        let task_ids = item.get("taskIds").filter(|ids| **ids != "*").and_then(texts);
        services.push(TrustedService { name, key: Secret(key), task_ids, scope });
    }
    Ok(services)
}

/// A text or a list of texts as a list.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}

impl Layers {
    /// A text or a list of texts, if there is one.
    fn texts(&self, path: &str) -> Option<Vec<String>> {
        texts(&self.find(path)?.value)
    }
}

#[cfg(test)]
#[path = "tests/auth.rs"]
mod tests;
