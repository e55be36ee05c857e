//! Who may call. Everything but mode `none` is read and checked here and refused by `unsupported`.

use super::kind::Kind;
use super::schema::{Key, MAX_MILLIS, Preset};

const ALGORITHMS: Kind = Kind::Word(&[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA",
]);

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("auth.mode", Kind::Word(&["none", "jwt"]))
        .or(Preset::Text("none"))
        .variable("TASKCAST_AUTH_MODE"),
    Key::new("auth.queryToken", Kind::Bool).or(Preset::Bool(false)),
    Key::new("auth.jwt.algorithm", ALGORITHMS).or(Preset::Text("HS256")),
    Key::new("auth.jwt.secret", Kind::Text).variable("TASKCAST_JWT_SECRET"),
    Key::new("auth.jwt.publicKey", Kind::Text),
    Key::new("auth.jwt.publicKeyFile", Kind::Text).variable("TASKCAST_JWT_PUBLIC_KEY_FILE"),
    Key::new("auth.jwt.jwksUrl", Kind::Text),
    Key::new("auth.jwt.issuer", Kind::TextOrTexts),
    Key::new("auth.jwt.audience", Kind::TextOrTexts),
    Key::int("auth.jwt.leewaySeconds", 0, MAX_MILLIS / 1000, 0),
    Key::new("auth.jwt.requireExp", Kind::Bool).or(Preset::Bool(false)),
    Key::new("trustedServices", Kind::Maps),
    Key::new("trustedServices[].name", Kind::Text),
    Key::new("trustedServices[].key", Kind::Text),
    Key::new("trustedServices[].taskIds", Kind::TextOrTexts),
    Key::new("trustedServices[].scope", Kind::TextOrTexts),
    Key::new("adminApi", Kind::Bool).or(Preset::Bool(false)),
    Key::new("adminToken", Kind::Text).variable("TASKCAST_ADMIN_TOKEN"),
];

/// How callers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// They are not: everybody may do everything.
    None,
}

impl AuthMode {
    /// The word for this mode in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
        }
    }
}

/// The only mode that is not refused.
pub(super) fn mode() -> AuthMode {
    AuthMode::None
}
