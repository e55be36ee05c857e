//! Which server a command speaks to, and as whom.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::nodes::{Nodes, Token};
use crate::client::{Client, ClientBuilder};

/// The server that `taskcast start` starts.
const DEFAULT_URL: &str = "http://127.0.0.1:3721";

/// Which server. A token never is an argument, where every other user of the machine can read it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Connect {
    /// Address of the server [default: that of the node in use, or http://127.0.0.1:3721]
    #[arg(long, env = "TASKCAST_URL", conflicts_with = "node")]
    url: Option<String>,
    /// Name of a server that `taskcast node add` keeps
    #[arg(long, env = "TASKCAST_NODE")]
    node: Option<String>,
    /// File with certificates (PEM) of authorities to believe beside those of the system
    #[arg(long, env = "TASKCAST_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Connect {
    /// A client of the server. The token is that of `TASKCAST_TOKEN`, or else the one kept with the node.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        Ok(self.builder()?.build()?)
    }

    /// As [`Self::client`], to be set up further.
    pub(super) fn builder(&self) -> anyhow::Result<ClientBuilder> {
        let (url, token) = self.server()?;
        Ok(self.builder_of(&url, token))
    }

    /// As [`Self::builder`], as the same caller but at another address of the server.
    pub(super) fn builder_at(&self, url: &str) -> anyhow::Result<ClientBuilder> {
        let (_, token) = self.server()?;
        Ok(self.builder_of(url, token))
    }

    /// The address of the server, and who its caller is.
    pub(super) fn server(&self) -> anyhow::Result<(String, Option<Token>)> {
        let (url, kept) = self.place()?;
        Ok((url, token_from_environment()?.or(kept)))
    }

    fn builder_of(&self, url: &str, token: Option<Token>) -> ClientBuilder {
        let mut builder =
            Client::builder(url).user_agent(concat!("taskcast-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = token {
            builder = builder.token(token.reveal());
        }
        if let Some(file) = &self.ca {
            builder = builder.authorities(file);
        }
        builder
    }

    /// The address of the server and the token kept with it.
    fn place(&self) -> anyhow::Result<(String, Option<Token>)> {
        if let Some(url) = &self.url {
            return Ok((url.clone(), None));
        }
        let nodes = Nodes::read()?;
        let node = match &self.node {
            Some(name) => Some(nodes.get(name)?),
            None => nodes.current(),
        };
        Ok(node.map_or_else(|| (DEFAULT_URL.to_owned(), None), |node| (node.url.clone(), node.token.clone())))
    }
}

/// The token of `TASKCAST_TOKEN`.
pub(super) fn token_from_environment() -> anyhow::Result<Option<Token>> {
    match env::var("TASKCAST_TOKEN") {
        Ok(token) if token.is_empty() => Ok(None),
        Ok(token) => Ok(Some(Token::new(token))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("TASKCAST_TOKEN is no text"),
    }
}

/// Data of an argument: JSON, or a text when it is none.
pub(super) fn json_or_text(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// An argument that has to be a JSON object.
pub(super) fn json_object(text: &str) -> anyhow::Result<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_str(text).context("this is no JSON")?;
    if !value.is_object() {
        bail!("this is no JSON object");
    }
    Ok(value)
}
