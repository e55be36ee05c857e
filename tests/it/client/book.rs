//! What was published, and whether somebody got exactly that.

use std::collections::BTreeMap;

use taskcast::client::{Ending, Event, Received, SeriesMode, TaskStatus};

/// The history of a task that was completed.
pub(super) struct Book {
    events: BTreeMap<u64, Event>,
    /// The whole text at each of its pieces.
    texts: BTreeMap<u64, String>,
}

/// What somebody asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Deltas,
    Accumulated,
    /// Deltas behind the event with this index, or all of them.
    After(Option<u64>),
}

fn series(event: &Event) -> &str {
    event.series_id.as_deref().unwrap_or_default()
}

impl Book {
    pub(super) fn of(history: Vec<Event>) -> Self {
        let mut grown: BTreeMap<String, String> = BTreeMap::new();
        let mut texts = BTreeMap::new();
        for event in history.iter().filter(|event| event.accumulates()) {
            let text = grown.entry(series(event).to_owned()).or_default();
            text.push_str(&event.text().expect("a piece is text"));
            texts.insert(event.index, text.clone());
        }
        let events = history.into_iter().map(|event| (event.index, event)).collect();
        Self { events, texts }
    }

    /// All pieces of a series.
    pub(super) fn text(&self, wanted: &str) -> &str {
        let last = self.texts.iter().rfind(|(index, _)| series(&self.events[index]) == wanted);
        last.map_or("", |(_, text)| text)
    }

    /// The data of all events of this type, in order.
    pub(super) fn data(&self, event_type: &str) -> Vec<&str> {
        let events = self.events.values().filter(|event| event.event_type == event_type);
        events.map(|event| event.data.as_str()).collect()
    }

    /// That these are the events of the task, each once and in order, and its end.
    pub(super) fn is_told_by(&self, received: &[Received], form: Form) {
        let (end, events) = received.split_last().expect("something");
        assert_eq!(*end, Received::Done(Ending::Finished(TaskStatus::Completed)));
        let events: Vec<_> = events
            .iter()
            .map(|received| match received {
                Received::Event(event) => &**event,
                other => panic!("{other:?} before the end"),
            })
            .collect();
        for pair in events.windows(2) {
            assert!(pair[0].index < pair[1].index, "{pair:?}");
        }
        let mut live = matches!(form, Form::After(_));
        for event in &events {
            self.is_told_by_event(event, form, &mut live);
        }
        self.nothing_is_missing(&events, form);
    }

    /// `live` is whether the replay is surely over.
    fn is_told_by_event(&self, event: &Event, form: Form, live: &mut bool) {
        let Some(stored) = self.events.get(&event.index) else {
            let newer = |other: &Event| other.index > event.index && series(other) == series(event);
            let superseded = event.series_mode == Some(SeriesMode::Latest) && self.events.values().any(newer);
            assert!(superseded, "it was never published: {event:?}");
            return;
        };
        assert_eq!(event.id, stored.id);
        if !event.accumulates() {
            assert_eq!(event, stored);
            return;
        }
        let whole = event.series_snapshot || form == Form::Accumulated;
        let expected = if whole { self.texts.get(&event.index).cloned() } else { stored.text() };
        assert_eq!(event.text(), expected, "{event:?}");
        assert!(!(*live && event.series_snapshot), "a snapshot after the replay: {event:?}");
        *live |= !event.series_snapshot;
    }

    fn nothing_is_missing(&self, events: &[&Event], form: Form) {
        for stored in self.events.values() {
            let there = events.iter().any(|event| event.index == stored.index);
            let contained = stored.accumulates()
                && events.iter().any(|event| {
                    let holds_it = event.series_snapshot || form == Form::Accumulated;
                    holds_it && event.index > stored.index && series(event) == series(stored)
                });
            let before = matches!(form, Form::After(Some(cursor)) if stored.index <= cursor);
            assert!(there || contained || before, "it is missing: {stored:?}");
            assert!(!(there && before), "it is before the cursor: {stored:?}");
        }
    }
}
