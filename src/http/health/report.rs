//! The bodies of `/health/ready` and `/health/detail`.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use taskcast_actors::domain::Timestamp;

use super::{API_VERSION, Checked, NAME, VERSION};
use crate::http::Service;
use crate::parts::{Dependency, Failure};

#[derive(Serialize)]
pub(super) struct Ready {
    pub(super) ok: bool,
    pub(super) dependencies: BTreeMap<&'static str, ReadyDependency>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadyDependency {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_kind: Option<Failure>,
}

impl ReadyDependency {
    pub(super) fn of(error_kind: Option<Failure>) -> Self {
        Self { state: if error_kind.is_none() { "healthy" } else { "unhealthy" }, error_kind }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Error,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

#[derive(Serialize)]
struct Adapter {
    provider: &'static str,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adapters {
    broadcast: Adapter,
    short_term_store: Adapter,
    #[serde(skip_serializing_if = "Option::is_none")]
    long_term_store: Option<Adapter>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DependencyDetail {
    configured: bool,
    state: &'static str,
    last_transition_at: String,
    consecutive_failures: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_kind: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconnect_attempts: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageDetail {
    release_ready: bool,
    required_storage_protocol_version: u32,
    active_writer_count: usize,
    incompatible_writer_ids: Vec<String>,
    survives: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    ok: bool,
    name: &'static str,
    version: &'static str,
    api_version: &'static str,
    uptime: u64,
    auth: Mode,
    adapters: Adapters,
    dependencies: BTreeMap<&'static str, DependencyDetail>,
    storage: StorageDetail,
}

impl Detail {
    pub(super) fn of(service: &Service, checked: &Checked) -> Self {
        let parts = &service.parts;
        let adapter = |provider, name| Adapter { provider, status: checked.status(name) };
        let broadcast = match parts.broadcast {
            "memory" => Adapter { provider: "memory", status: Status::Ok },
            provider => adapter(provider, Some("redisPubSub")),
        };
        let long_term =
            parts.long_term.map(|provider| adapter(provider, (provider == "postgres").then_some("postgres")));
        let working = long_term.as_ref().is_none_or(|adapter| adapter.status == Status::Ok);
        Self {
            ok: checked.serves,
            name: NAME,
            version: VERSION,
            api_version: API_VERSION,
            uptime: service.started.elapsed().as_secs(),
            auth: Mode { mode: service.settings.auth_mode },
            adapters: Adapters {
                broadcast,
                short_term_store: adapter(parts.short_term, None),
                long_term_store: long_term,
            },
            dependencies: parts
                .dependencies
                .iter()
                .map(|dependency| (dependency.name, DependencyDetail::of(dependency)))
                .collect(),
            storage: StorageDetail {
                release_ready: parts.releases && working && checked.storage,
                required_storage_protocol_version: 2,
                active_writer_count: service.engine.live_instances(),
                incompatible_writer_ids: Vec::new(),
                survives: parts.survives,
            },
        }
    }
}

impl DependencyDetail {
    fn of(dependency: &Dependency) -> Self {
        let state = (dependency.state)();
        Self {
            configured: true,
            state: state.state,
            last_transition_at: iso8601(state.since),
            consecutive_failures: state.failures,
            last_error_kind: state.last_error,
            reconnect_attempts: (dependency.name == "redisPubSub").then_some(state.reconnects),
        }
    }
}

fn iso8601(at: Timestamp) -> String {
    let since_epoch = Duration::from_millis(u64::try_from(at.0).unwrap_or_default());
    humantime::format_rfc3339_millis(UNIX_EPOCH + since_epoch).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_with_milliseconds_and_z() {
        assert_eq!(iso8601(Timestamp(1_700_000_000_007)), "2023-11-14T22:13:20.007Z");
        assert_eq!(iso8601(Timestamp(-1)), "1970-01-01T00:00:00.000Z");
    }
}
