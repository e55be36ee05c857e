//! Random commands.

use proptest::prelude::*;

use crate::domain::{
    BlockedRequest, ClientSeq, Command, Json, Level, NewEvent, Series, SeriesMode, TaskError, TaskStatus,
    Transition,
};
use crate::testing::model::Wish;

/// One thing that happens to a task.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// Somebody asks for something.
    Asked(Command),
    /// A numbering client publishes with its next number.
    Numbered(NewEvent),
    /// Time passes, forwards or backwards.
    Time(i64),
}

fn payload() -> impl Strategy<Value = Json> {
    let texts = [
        r#"{"delta":"x"}"#,
        r#"{"delta":"yz","n":1}"#,
        r#"{"k":12345678901234567,"delta":"\u00e9\"\\"}"#,
        r#"{"delta":""}"#,
        r#"{"delta":7}"#,
        r#"{"delta":null,"text":"t"}"#,
        r#"{"text":"a","delta":"b"}"#,
        r#"{"text":"\n"}"#,
        r#""delta""#,
        "[1,2]",
        "null",
    ];
    proptest::sample::select(texts.to_vec()).prop_map(|text| Json::parse(text).expect("a fixed text"))
}

fn series() -> impl Strategy<Value = Option<Box<Series>>> {
    let id = prop_oneof![6 => Just(Some("s")), 3 => Just(Some("t")), 1 => Just(Some("")), 1 => Just(None)];
    let mode = prop_oneof![
        5 => Just(Some(SeriesMode::Accumulate)),
        3 => Just(Some(SeriesMode::Latest)),
        1 => Just(Some(SeriesMode::KeepAll)),
        1 => Just(None),
    ];
    let field = prop_oneof![5 => Just(None), 1 => Just(Some("text")), 1 => Just(Some("delta"))];
    let made = (id, mode, field).prop_map(|(id, mode, field)| {
        Some(Box::new(Series { id: id.map(Into::into), mode, acc_field: field.map(Into::into) }))
    });
    prop_oneof![1 => Just(None), 3 => made]
}

/// An event of a few types and levels, in any kind of series.
pub(super) fn event() -> impl Strategy<Value = NewEvent> {
    let name = prop_oneof![4 => Just("a"), 2 => Just("a.b"), 1 => Just("c")];
    let level = prop_oneof![4 => Just(Level::Info), 1 => Just(Level::Debug), 1 => Just(Level::Error)];
    (name, level, payload(), series()).prop_map(|(name, level, data, series)| NewEvent {
        level,
        series,
        ..NewEvent::new(name, data)
    })
}

/// A transition to any status with any of the fields that go with one.
pub(super) fn transition() -> impl Strategy<Value = Transition> {
    let to = proptest::sample::select(TaskStatus::ALL.to_vec());
    let option = |text: &'static str| proptest::option::of(Just(text));
    let extras = (option("why"), proptest::option::of(1u32..4), proptest::option::of(1u64..3000));
    (to, option(r#"{"r":1}"#), option("broken"), option("question"), extras).prop_map(
        |(to, result, error, request, (reason, ttl, resume_after_ms))| Transition {
            to,
            result: result.map(|text| Json::parse(text).expect("a fixed text")),
            error: error.map(|message| TaskError { message: message.into(), code: None, details: None }),
            reason: reason.map(Into::into),
            ttl,
            resume_after_ms,
            blocked_request: request
                .map(|name| BlockedRequest { request_type: name.into(), data: Some(Json::null()) }),
        },
    )
}

fn lively() -> impl Strategy<Value = Transition> {
    transition().prop_filter("tasks of this kind live on", |wish| !wish.to.is_terminal())
}

/// What happens to a task while it lives; it seldom ends.
pub(super) fn happening() -> impl Strategy<Value = Happening> {
    let client = proptest::sample::select(vec!["one", "two"]);
    let numbered = (client, event()).prop_map(|(client, event)| {
        let client = Some(Box::new(ClientSeq { id: client.into(), seq: 0 }));
        Happening::Numbered(NewEvent { client, ..event })
    });
    let answer = proptest::option::of(payload());
    prop_oneof![
        12 => proptest::collection::vec(event(), 0..4).prop_map(|events| Happening::Asked(Command::Publish(events))),
        4 => numbered,
        4 => lively().prop_map(|wish| Happening::Asked(Command::Transition(wish))),
        2 => answer.prop_map(|data| Happening::Asked(Command::Resolve { data })),
        1 => Just(Happening::Asked(Command::Due)),
        3 => (-50i64..800).prop_map(Happening::Time),
    ]
}

/// A life of a task.
pub(super) fn life() -> impl Strategy<Value = Vec<Happening>> {
    proptest::collection::vec(happening(), 0..40)
}

/// Filters of every kind.
pub(super) fn wish() -> impl Strategy<Value = Wish> {
    let pattern = proptest::sample::select(vec!["*", "a", "a.*", "c", "taskcast:*", "nothing"]);
    let types = proptest::option::of(proptest::collection::vec(pattern.prop_map(str::to_owned), 0..3));
    let levels = proptest::sample::subsequence(Level::ALL.to_vec(), 0..=4);
    let levels = prop_oneof![Just(None), levels.prop_map(Some)];
    (types, levels, any::<bool>()).prop_map(|(types, levels, include_status)| Wish {
        types,
        levels,
        include_status,
    })
}
