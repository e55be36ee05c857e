//! Which events a reader wants (PROTOCOL §1 type patterns, §8.4 filters).

use std::sync::Arc;

use serde::Deserialize;

use super::Json;
use super::event::{Level, STATUS_TYPE, TaskEvent};

/// A pattern over types: `*`, a prefix ending in `.*`, or an exact text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TypePattern {
    /// Matches everything.
    Any,
    /// Matches what begins with this text, the dot included.
    Prefix(Arc<str>),
    /// Matches this text.
    Exact(Arc<str>),
}

impl TypePattern {
    /// Reads a pattern; every text is one.
    pub fn parse(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some("") => Self::Any,
            Some(prefix) if prefix.ends_with('.') => Self::Prefix(prefix.into()),
            _ => Self::Exact(text.into()),
        }
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix(prefix) => name.starts_with(&**prefix),
            Self::Exact(exact) => name == &**exact,
        }
    }
}

/// Which events a reader wants. The default wants all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventFilter {
    /// Any of these; `None` is all, an empty list none.
    pub types: Option<Vec<TypePattern>>,
    /// Any of these; `None` is all, an empty list none.
    pub levels: Option<Vec<Level>>,
    /// Whether events of type `taskcast:status` are wanted.
    pub include_status: bool,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { types: None, levels: None, include_status: true }
    }
}

/// What of a SubscribeFilter (PROTOCOL §2) is a condition on events.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conditions {
    types: Option<Vec<String>>,
    levels: Option<Vec<Level>>,
    include_status: Option<bool>,
}

impl EventFilter {
    /// The conditions of a SubscribeFilter that was checked when it came in. Of any other value nothing is wanted.
    pub fn of_json(filter: &Json) -> Self {
        let nothing = Conditions { types: Some(Vec::new()), levels: None, include_status: None };
        let conditions = serde_json::from_str(filter.as_str()).unwrap_or(nothing);
        let parse = |types: Vec<String>| types.iter().map(|text| TypePattern::parse(text)).collect();
        Self {
            types: conditions.types.map(parse),
            levels: conditions.levels,
            include_status: conditions.include_status.unwrap_or(true),
        }
    }

    /// Whether an event of this type and level is wanted. Nothing else of an event matters to a filter.
    pub fn wants(&self, event_type: &str, level: Level) -> bool {
        (self.include_status || event_type != STATUS_TYPE)
            && self.levels.as_ref().is_none_or(|levels| levels.contains(&level))
            && self.types.as_ref().is_none_or(|types| types.iter().any(|pattern| pattern.matches(event_type)))
    }

    /// Whether `event` is wanted.
    pub fn matches(&self, event: &TaskEvent) -> bool {
        self.wants(&event.event_type, event.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_the_protocol_says() {
        let cases = [
            ("*", "", true),
            ("llm.*", "llm.a.b", true),
            ("llm.*", "llm", false),
            ("llm.*", "llm.", true),
            ("llm*", "llm*", true),
            ("llm*", "llmx", false),
            ("a", "a", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(TypePattern::parse(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    fn patterns() -> impl Strategy<Value = Option<Vec<TypePattern>>> {
        let one = prop_oneof!["[ab]{0,2}", "[ab]\\.\\*", Just("*".to_owned())];
        proptest::option::of(proptest::collection::vec(one.prop_map(|p| TypePattern::parse(&p)), 0..4))
    }

    proptest! {
        #[test]
        fn widening_a_filter_never_loses_an_event(types in patterns(), name in "[ab]\\.?[ab]?", extra in "[ab]{1,2}") {
            let narrow = EventFilter { types: types.clone(), ..EventFilter::default() };
            let mut wider_types = types;
            if let Some(list) = &mut wider_types { list.push(TypePattern::parse(&extra)); }
            let wide = EventFilter { types: wider_types, ..EventFilter::default() };
            prop_assert!(!narrow.wants(&name, Level::Info) || wide.wants(&name, Level::Info));
        }

        #[test]
        fn an_empty_list_wants_nothing_and_an_absent_one_everything(name in ".{0,8}") {
            let none = EventFilter { types: Some(vec![]), ..EventFilter::default() };
            prop_assert!(!none.wants(&name, Level::Info));
            prop_assert!(EventFilter::default().wants(&name, Level::Error));
        }
    }
}
