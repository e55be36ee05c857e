//! Named servers, kept in a file that only its owner can read.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// A token, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(token: String) -> Self {
        Self(token)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node {
    /// Its address.
    pub(super) url: String,
    /// Who its user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<Token>,
}

/// All of them, and which is used when none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nodes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<String>,
    #[serde(default)]
    pub(super) nodes: BTreeMap<String, Node>,
}

impl Nodes {
    /// Those in the file; none when there is no file.
    pub(super) fn read() -> anyhow::Result<Self> {
        let Some(path) = place() else { return Ok(Self::default()) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            bail!("others can read the tokens in {path} (mode {mode:03o}): chmod 600 {path}");
        }
        serde_json::from_str(&text).with_context(|| format!("{} cannot be understood", path.display()))
    }

    /// Puts these into the file, which is replaced as a whole.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let path = place().context("there is no home directory: set TASKCAST_CONFIG_DIR")?;
        let folder = path.parent().context("the file is in no folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = self.write_to(&draft).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _gone = fs::remove_file(&draft);
        }
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    fn write_to(&self, draft: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
        // An old draft keeps its mode.
        file.set_permissions(Permissions::from_mode(0o600))?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// The node with this name.
    pub(super) fn get(&self, name: &str) -> anyhow::Result<&Node> {
        self.nodes.get(name).with_context(|| {
            let known: Vec<_> = self.nodes.keys().map(String::as_str).collect();
            match known.as_slice() {
                [] => format!("there is no node {name:?}: add it with `taskcast node add {name} URL`"),
                known => format!("there is no node {name:?}, only {}", known.join(", ")),
            }
        })
    }

    /// The node that is used when none is named.
    pub(super) fn current(&self) -> Option<&Node> {
        self.nodes.get(self.current.as_ref()?)
    }
}

/// Where the file is: in `TASKCAST_CONFIG_DIR`, or where programs keep their settings
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn place() -> Option<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("TASKCAST_CONFIG_DIR").or_else(|| {
        let settings = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")));
        Some(settings?.join("taskcast"))
    });
    Some(folder?.join("nodes.json"))
}
