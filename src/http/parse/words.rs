//! The enumerations of PROTOCOL §1 as lists of names.

/// TaskStatus.
pub(super) const STATUSES: &[&str] =
    &["pending", "assigned", "running", "paused", "blocked", "completed", "failed", "timeout", "cancelled"];
/// Level.
pub(super) const LEVELS: &[&str] = &["debug", "info", "warn", "error"];
/// SeriesMode.
pub(super) const SERIES_MODES: &[&str] = &["keep-all", "accumulate", "latest"];
/// How a series is delivered.
pub(super) const SERIES_FORMATS: &[&str] = &["delta", "accumulated"];
/// AssignMode.
pub(super) const ASSIGN_MODES: &[&str] = &["external", "pull", "ws-offer", "ws-race"];
/// DisconnectPolicy.
pub(super) const DISCONNECT_POLICIES: &[&str] = &["reassign", "mark", "fail"];
/// Backoff.
pub(super) const BACKOFFS: &[&str] = &["fixed", "exponential", "linear"];
/// What a cleanup rule removes.
pub(super) const CLEANUP_TARGETS: &[&str] = &["all", "events", "task"];
/// What a sequenced publish does about a gap.
pub(super) const SEQ_MODES: &[&str] = &["hold", "fast-fail"];
/// Scope.
pub(super) const SCOPES: &[&str] = crate::config::SCOPES;

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use taskcast_actors::domain::retention::CleanupTarget;
    use taskcast_actors::domain::{AssignMode, DisconnectPolicy, Level, SeriesMode, TaskStatus};

    use super::*;

    fn known<T: DeserializeOwned>(names: &[&str]) -> bool {
        names.iter().all(|name| serde_json::from_value::<T>((*name).into()).is_ok())
    }

    #[test]
    fn the_domain_knows_every_name() {
        assert_eq!(STATUSES, TaskStatus::ALL.map(TaskStatus::as_str));
        assert_eq!(LEVELS, Level::ALL.map(Level::as_str));
        assert_eq!(SERIES_MODES, SeriesMode::ALL.map(SeriesMode::as_str));
        assert!(known::<AssignMode>(ASSIGN_MODES));
        assert!(known::<DisconnectPolicy>(DISCONNECT_POLICIES));
        assert!(known::<CleanupTarget>(CLEANUP_TARGETS));
    }
}
