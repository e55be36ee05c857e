//! What is driven: an address, the process behind it, and the few API calls that prepare tasks.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::bench::http::Conn;

/// A program under load.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process, when it was started here.
    pub pid: Option<u32>,
    /// True for a Taskcast server, false for the floor, which stores nothing.
    pub stores: bool,
    host: String,
    authorization: String,
}

impl Target {
    /// A program that was started on this machine.
    pub fn local(port: u16, pid: u32, stores: bool) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            pid: Some(pid),
            stores,
            host: format!("127.0.0.1:{port}"),
            authorization: String::new(),
        }
    }

    /// A server that runs already, at `http://host:port`.
    pub async fn remote(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let host = url
            .strip_prefix("http://")
            .context("the address must begin with http://: load is driven without TLS")?;
        let host = host.trim_end_matches('/');
        ensure!(!host.contains('/'), "the address must have no path");
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let mut found =
            tokio::net::lookup_host(&with_port).await.with_context(|| format!("looking up {with_port}"))?;
        Ok(Self {
            address: found.next().context("the host has no address")?,
            pid: None,
            stores: true,
            host: host.to_owned(),
            authorization: token
                .map(|token| format!("authorization: Bearer {token}\r\n"))
                .unwrap_or_default(),
        })
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let Self { host, authorization, .. } = self;
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}");
        if !body.is_empty() {
            request += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body;
        request.into_bytes()
    }

    /// Creates `count` tasks and returns their ids.
    pub async fn create_tasks(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let request = self.request("POST", "/tasks", r#"{"type":"bench"}"#);
        let mut conn = Conn::open(self).await?;
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(id_of(conn.call(&request, 201).await?)?);
        }
        Ok(ids)
    }

    /// Creates a task and sets it running.
    pub async fn running_task(&self) -> anyhow::Result<String> {
        let task = self.create_tasks(1).await?.remove(0);
        let request = self.set_running(&task);
        Conn::open(self).await?.call(&request, 200).await?;
        Ok(task)
    }

    /// The request that sets a task running.
    pub fn set_running(&self, task: &str) -> Vec<u8> {
        self.request("PATCH", &format!("/tasks/{task}/status"), r#"{"status":"running"}"#)
    }

    /// The request that publishes to a task.
    pub fn publish(&self, task: &str, body: &str) -> Vec<u8> {
        self.request("POST", &format!("/tasks/{task}/events"), body)
    }

    /// Deletes tasks.
    pub async fn delete_tasks(&self, tasks: &[String]) -> anyhow::Result<()> {
        let mut conn = Conn::open(self).await?;
        for task in tasks {
            conn.call(&self.request("DELETE", &format!("/tasks/{task}"), ""), 204).await?;
        }
        Ok(())
    }

    /// The events of a task's history under a query.
    pub async fn history(&self, task: &str, query: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/tasks/{task}/events/history?{query}");
        let mut conn = Conn::open(self).await?;
        let body = conn.call(&self.request("GET", &path, ""), 200).await?;
        serde_json::from_slice(body).context("parsing a history")
    }
}

/// The `id` of the object in `body`.
pub fn id_of(body: &[u8]) -> anyhow::Result<String> {
    let object: Value = serde_json::from_slice(body).context("parsing an answer")?;
    let id = object["id"].as_str().context("an answer without an id")?;
    Ok(id.to_owned())
}
