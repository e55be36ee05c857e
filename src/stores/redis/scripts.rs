//! The scripts that Redis runs for us, each under the name that Redis gave it.

use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};

/// A script of several files.
macro_rules! script {
    ($($file:literal)+) => {
        concat!($(include_str!(concat!("scripts/", $file, ".lua"))),+)
    };
}

/// A script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Commit,
    Create,
    Stage,
    Delete,
    Page,
    Seek,
    List,
    InitTier,
    Snapshot,
    MarkArchived,
    Bury,
    Settle,
    Restore,
    Release,
    Idle,
    /// The first members of a set with their scores, behind an empty text.
    First,
    Lease,
    Unlease,
    Receipt,
}

/// Every script, in the order of [`Script`].
const ALL: [&str; 19] = [
    script!("common" "commit"),
    script!("common" "create"),
    script!("stage"),
    script!("common" "delete"),
    script!("slots" "page"),
    script!("seek"),
    script!("list"),
    script!("init_tier"),
    script!("common" "slots" "snapshot"),
    script!("common" "mark_archived"),
    script!("common" "bury"),
    script!("common" "settle"),
    script!("common" "restore"),
    script!("common" "release"),
    script!("idle"),
    "return {'', unpack(redis.call('ZRANGE', KEYS[1], 0, ARGV[1], 'WITHSCORES'))}",
    script!("lease"),
    script!("unlease"),
    script!("receipt"),
];

/// A script that the server has been told.
pub(super) struct Loaded {
    text: &'static str,
    sha: String,
}

impl Loaded {
    async fn first(text: &'static str, client: &Client) -> Result<Self, Error> {
        Ok(Self { text, sha: tell(text, client).await? })
    }

    /// The name that the server has for it.
    pub(super) fn sha(&self) -> &str {
        &self.sha
    }

    /// Tells the server once more: one that was started again has forgotten it.
    pub(super) async fn load(&self, client: &impl ClientLike) -> Result<(), Error> {
        tell(self.text, client).await.map(|_| ())
    }
}

async fn tell(text: &'static str, client: &impl ClientLike) -> Result<String, Error> {
    let command = CustomCommand::new_static("SCRIPT", ClusterHash::Random, false);
    client.custom(command, vec![Value::from_static_str("LOAD"), Value::from_static_str(text)]).await
}

/// All scripts.
pub(super) struct Scripts(Vec<Loaded>);

impl Scripts {
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let all = ALL.into_iter().map(|text| Loaded::first(text, client));
        futures_util::future::try_join_all(all).await.map(Self)
    }

    pub(super) fn of(&self, script: Script) -> &Loaded {
        &self.0[script as usize]
    }
}
