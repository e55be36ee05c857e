//! The known keys. A section lists its own; this file knows how to look among all of them.

use super::kind::Kind;
use super::{
    auth, cleanup, cors, engine, limits, metrics, rate_limit, sentry, server, shutdown, sse, storage,
    webhook, workers,
};

/// The largest integer every JSON reader keeps exact.
pub(super) const MAX_INT: u64 = (1 << 53) - 1;

/// The longest time in milliseconds a timer is asked to wait.
pub(super) const MAX_MILLIS: u64 = 2_147_483_647;

/// The most a count may be set to; fits a `usize` on every platform.
pub(super) const MAX_COUNT: u64 = 4_294_967_295;

const SECTIONS: &[&[Key]] = &[
    server::KEYS,
    storage::KEYS,
    auth::KEYS,
    limits::KEYS,
    rate_limit::KEYS,
    sse::KEYS,
    shutdown::KEYS,
    workers::KEYS,
    cleanup::KEYS,
    webhook::KEYS,
    metrics::KEYS,
    sentry::KEYS,
    cors::KEYS,
    engine::KEYS,
];

/// One thing that can be configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Where it is in the file: names joined by dots, `[]` after a list whose items are maps.
    pub(super) path: &'static str,
    /// What it may hold.
    pub(super) kind: Kind,
    /// What it holds when nobody says otherwise.
    pub(super) default: Preset,
    /// The environment variable that sets it.
    pub(super) variable: Option<&'static str>,
}

/// A default, in a form that constants can have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Preset {
    /// Nothing: the key is optional.
    Unset,
    /// This boolean.
    Bool(bool),
    /// This integer.
    Int(u64),
    /// This text.
    Text(&'static str),
}

impl Key {
    /// An optional key of the file.
    pub(super) const fn new(path: &'static str, kind: Kind) -> Self {
        Self { path, kind, default: Preset::Unset, variable: None }
    }

    /// An integer of the file, from `least` to `most`.
    pub(super) const fn int(path: &'static str, least: u64, most: u64, default: u64) -> Self {
        Self { default: Preset::Int(default), ..Self::new(path, Kind::Int(least, most)) }
    }

    /// A time in milliseconds, at least `least`.
    pub(super) const fn millis(path: &'static str, least: u64, default: u64) -> Self {
        Self::int(path, least, MAX_MILLIS, default)
    }

    /// The same key, with a default.
    pub(super) const fn or(self, default: Preset) -> Self {
        Self { default, ..self }
    }

    /// The same key, which the environment can set too.
    pub(super) const fn variable(self, name: &'static str) -> Self {
        Self { variable: Some(name), ..self }
    }
}

/// All keys there are.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().copied().flatten()
}

/// The key at `path`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path == path)
}

/// Whether a file may have a map of further keys at `path`.
pub(super) fn is_section(path: &str) -> bool {
    keys().any(|key| sections_of(key).any(|section| section == path))
}

/// The known key or section that resembles `path` most, if one resembles it at all.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let wanted = plain(path);
    keys()
        .flat_map(|key| std::iter::once(key.path).chain(sections_of(key)))
        .map(|name| (strsim::osa_distance(&wanted, &plain(name)), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= (wanted.len() / 3).max(2))
        .map(|(_, name)| name)
        .or_else(|| moved(path))
}

/// The only known key with the same last name, for one written at the wrong depth.
fn moved(path: &str) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().map(plain);
    let mut same = keys().filter(|key| last(key.path) == last(path));
    let first = same.next()?;
    same.next().is_none().then_some(first.path)
}

fn sections_of(key: &'static Key) -> impl Iterator<Item = &'static str> {
    key.path.match_indices('.').map(|(end, _)| &key.path[..end])
}

/// A path without what people vary: case, `_` and `-`, quotes.
fn plain(path: &str) -> String {
    let kept = path.chars().filter(|letter| !matches!(letter, '_' | '-' | '"'));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_is_listed_once_and_is_no_section() {
        let mut seen = BTreeSet::new();
        for key in keys() {
            assert!(seen.insert(key.path), "{} twice", key.path);
            assert!(!is_section(key.path), "{} is also a section", key.path);
        }
    }

    #[test]
    fn every_default_fits_its_kind() {
        for key in keys() {
            let default = match key.default {
                Preset::Unset => continue,
                Preset::Bool(on) => json!(on),
                Preset::Int(number) => json!(number),
                Preset::Text(text) => json!(text),
            };
            assert!(key.kind.accepts(&default), "{}", key.path);
        }
    }

    #[test]
    fn the_nearest_key_is_found_despite_typos_case_and_depth() {
        let table = [
            ("cors.orgins", Some("cors.origins")),
            ("log_level", Some("logLevel")),
            ("db-path", Some("dbPath")),
            ("wokers", Some("workers")),
            ("prot", Some("port")),
            ("keepaliveMs", Some("sse.keepaliveMs")),
            ("adapters.shortTerm", Some("adapters.shortTermStore")),
            ("\"cors.origins\"", Some("cors.origins")),
            ("cleanup.rules[].taget", Some("cleanup.rules[].target")),
            ("zebra", None),
        ];
        for (path, known) in table {
            assert_eq!(nearest(path), known, "{path}");
        }
    }
}
