//! Why a configuration was refused.

use std::io;
use std::path::PathBuf;

/// Why the server cannot start with this configuration. No variant carries a configured value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file was named and is not there.
    #[error("cannot find the config file {}, check the path", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// The working directory holds more than one configuration file.
    #[error("found more than one config file ({}), keep one or name one with --config", list(paths))]
    Ambiguous {
        /// All that were found.
        paths: Vec<PathBuf>,
    },
    /// The extension of the file names no known format.
    #[error("cannot tell the format of the config file {}, use .yaml, .yml, .toml or .json", path.display())]
    UnknownFormat {
        /// The path as given.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the config file {}, check its permissions", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not valid in its format.
    #[error("cannot parse the config file {} as {format}, correct it: {reason}", path.display())]
    Parse {
        /// The path as given.
        path: PathBuf,
        /// The format its extension names.
        format: &'static str,
        /// What is wrong and where, without the text of the file.
        reason: String,
    },
    /// The file has a key nothing reads.
    #[error("unknown key `{key}` in config, {}", suggestion(*nearest))]
    UnknownKey {
        /// The full path of the key.
        key: String,
        /// The known key that resembles it most.
        nearest: Option<&'static str>,
    },
    /// A value has the wrong type or is out of range.
    #[error("cannot use {setting}: expected {expected}, found {found}")]
    BadValue {
        /// Which key, variable or flag.
        setting: String,
        /// What it may hold.
        expected: String,
        /// What kind of value it holds.
        found: &'static str,
    },
    /// A `${VAR}` in the file names a variable that is not set.
    #[error(
        "cannot fill in `{key}` in config: environment variable `{variable}` is not set, set it or remove the key"
    )]
    UnsetVariable {
        /// The full path of the key.
        key: String,
        /// The variable's name.
        variable: String,
    },
    /// A `${` in the file does not begin a `${VAR}`.
    #[error(
        "cannot fill in `{key}` in config: write `${{NAME}}` for a variable or `$${{` for a literal `${{`"
    )]
    BadPlaceholder {
        /// The full path of the key.
        key: String,
    },
    /// Two settings exclude each other.
    #[error("{first} and {second} contradict each other, remove one or make them agree")]
    Contradiction {
        /// One of the two.
        first: String,
        /// The other.
        second: String,
    },
    /// A setting asks for a server and nothing says where it is.
    #[error("{wanted} needs a server that is not configured, set `{key}` or {variable}")]
    Missing {
        /// What asks for it.
        wanted: String,
        /// The key that would say where it is.
        key: &'static str,
        /// The variable that would.
        variable: &'static str,
    },
    /// A setting moves tasks to an archive and there is none.
    #[error("{setting} needs an archive, use storage redis with a Postgres URL or remove it")]
    NeedsArchive {
        /// Which key.
        setting: String,
    },
    /// A setting means nothing without another one.
    #[error("{setting} means nothing without `{other}`, set that too or remove it")]
    Incomplete {
        /// Which key.
        setting: String,
        /// The one that is missing.
        other: &'static str,
    },
    /// Tokens are to be verified and there is nothing to verify them with.
    #[error(
        "{setting} needs a key, set one of `auth.jwt.secret`, `auth.jwt.publicKey`, `auth.jwt.publicKeyFile` and `auth.jwt.jwksUrl`"
    )]
    NeedsKey {
        /// Which key or variable.
        setting: String,
    },
    /// The setting asks for something this version does not have.
    #[error("cannot start with {setting}: this version does not support it yet, remove it")]
    Unsupported {
        /// Which key or variable.
        setting: String,
    },
}

impl ConfigError {
    /// A stable name for this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "config_not_found",
            Self::Ambiguous { .. } => "config_ambiguous",
            Self::UnknownFormat { .. } => "config_unknown_format",
            Self::Read { .. } => "config_unreadable",
            Self::Parse { .. } => "config_malformed",
            Self::UnknownKey { .. } => "config_unknown_key",
            Self::BadValue { .. } => "config_bad_value",
            Self::UnsetVariable { .. } => "config_unset_variable",
            Self::BadPlaceholder { .. } => "config_bad_placeholder",
            Self::Contradiction { .. } => "config_contradiction",
            Self::Missing { .. } => "config_missing",
            Self::NeedsArchive { .. } => "config_needs_archive",
            Self::Incomplete { .. } => "config_incomplete",
            Self::NeedsKey { .. } => "config_needs_key",
            Self::Unsupported { .. } => "config_unsupported",
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(", ")
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| "remove it".to_owned(), |known| format!("did you mean `{known}`?"))
}
