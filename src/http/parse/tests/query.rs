//! Query strings.

use taskcast_actors::domain::{AssignMode, EventFilter, EventId, Level, TaskStatus, Timestamp, TypePattern};

use super::super::query::{
    DEFAULT_PAGE, GlobalQuery, HistoryCursor, HistoryQuery, ListQuery, MAX_PAGE, SeriesFormat, Since,
    StreamQuery,
};

fn history(query: &str) -> HistoryQuery {
    HistoryQuery::parse(query).unwrap()
}

fn stream(query: &str) -> StreamQuery {
    StreamQuery::parse(query, None).unwrap()
}

fn list(query: &str) -> ListQuery {
    ListQuery::parse(query).unwrap()
}

fn id(text: &str) -> Option<EventId> {
    Some(EventId::from_text(text))
}

#[test]
fn without_parameters_everything_has_its_default() {
    assert_eq!(history(""), HistoryQuery::default());
    assert_eq!(history("x=1&&=2&types2=a"), HistoryQuery::default());
    let all = StreamQuery {
        filter: EventFilter::default(),
        wrap: true,
        series_format: SeriesFormat::Delta,
        since: Since::default(),
        limit: None,
    };
    assert_eq!(stream(""), all);
    assert_eq!(GlobalQuery::parse("since.index=x&limit=5&includeStatus=false"), GlobalQuery::default());
    let tasks = ListQuery {
        status: None,
        task_type: None,
        tags: vec![],
        assign_mode: None,
        limit: DEFAULT_PAGE,
        descending: false,
        cursor: None,
    };
    assert_eq!(list(""), tasks);
    assert_eq!(list("status=&type=&tags=&assignMode=&limit="), tasks);
}

#[test]
fn text_is_decoded_and_of_a_repeated_parameter_the_first_counts() {
    let first = |query: &str| list(query).tags;
    assert_eq!(first("tags=a%2Cb,c+d,%c3%a9"), ["a", "b", "c d", "é"]);
    assert_eq!(first("tags=a&tags=b"), ["a"]);
    assert_eq!(first("tags=&tags=b"), Vec::<String>::new());
    assert_eq!(first("t%61gs=100%&tags=b"), ["100%"]);
    assert_eq!(first("tags=%ff"), ["\u{fffd}"]);
}

#[test]
fn types_and_levels_are_comma_lists() {
    let patterns = |list: &[&str]| Some(list.iter().map(|text| TypePattern::parse(text)).collect::<Vec<_>>());
    let cases = [
        ("types=llm.*,a", patterns(&["llm.*", "a"]), None),
        ("types=a,,b,", patterns(&["a", "b"]), None),
        ("types=", patterns(&[]), None),
        ("types", patterns(&[]), None),
        ("levels=warn,loud,info", None, Some(vec![Level::Warn, Level::Info])),
        ("levels=loud", None, Some(vec![])),
        ("levels=Info", None, Some(vec![])),
        ("levels=", None, Some(vec![])),
    ];
    for (query, types, levels) in cases {
        let expected = EventFilter { types, levels, include_status: true };
        assert_eq!(history(query).filter, expected, "{query}");
        assert_eq!(stream(query).filter, expected, "{query}");
    }
}

#[test]
fn an_empty_list_is_no_filter_for_the_global_stream() {
    let filter = |query| GlobalQuery::parse(query).filter;
    for query in ["types=&levels=", "types=,,", "types"] {
        assert_eq!(filter(query), EventFilter::default(), "{query}");
    }
    assert_eq!(filter("levels=loud").levels, Some(vec![]));
    assert_eq!(filter("types=a").types, Some(vec![TypePattern::parse("a")]));
}

#[test]
fn only_the_literal_false_is_false() {
    let cases = [("false", false), ("False", true), ("0", true), ("", true), ("true", true)];
    for (value, expected) in cases {
        let query = stream(&format!("includeStatus={value}&wrap={value}"));
        assert_eq!((query.filter.include_status, query.wrap), (expected, expected), "{value}");
        assert!(history(&format!("includeStatus={value}")).filter.include_status);
    }
}

#[test]
fn other_series_formats_are_delta() {
    for (value, expected) in [("accumulated", SeriesFormat::Accumulated), ("delta", SeriesFormat::Delta)] {
        assert_eq!(history(&format!("seriesFormat={value}")).series_format, expected);
        assert_eq!(stream(&format!("seriesFormat={value}")).series_format, expected);
    }
    assert_eq!(stream("seriesFormat=Accumulated").series_format, SeriesFormat::Delta);
}

#[test]
fn a_limit_is_its_leading_digits() {
    let cases = [
        ("5abc", Some(5)),
        ("007", Some(7)),
        ("2.9", Some(2)),
        ("0", None),
        ("-5", None),
        ("+5", None),
        ("abc5", None),
        ("%205", None),
        ("", None),
        ("99999999999999999999", Some(i64::MAX as usize)),
    ];
    for (value, expected) in cases {
        let query = format!("limit={value}");
        assert_eq!(history(&query).limit, expected, "{value}");
        assert_eq!(stream(&query).limit, expected, "{value}");
        let page = expected.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE);
        assert_eq!(list(&query).limit, page, "{value}");
    }
}

#[test]
fn cursors_are_integers_or_an_id() {
    let cases = [
        ("since.id=a%2Fb", Since { id: id("a/b"), ..Since::default() }),
        ("since.id=", Since::default()),
        ("since.index=", Since::default()),
        ("since.index=-1", Since { index: Some(-1), ..Since::default() }),
        ("since.index=99999999999999999999", Since { index: Some(i64::MAX), ..Since::default() }),
        ("since.index=-99999999999999999999", Since { index: Some(i64::MIN), ..Since::default() }),
        ("since.timestamp=17", Since { timestamp: Some(Timestamp(17)), ..Since::default() }),
    ];
    for (query, expected) in cases {
        assert_eq!(stream(query).since, expected, "{query}");
    }
    for value in ["x", "1.5", "1e3", "-", "+1", "%201", "1%20", "0x1", "NaN"] {
        for name in ["since.index", "since.timestamp"] {
            let query = format!("since.id=a&{name}={value}");
            let errors = [HistoryQuery::parse(&query).err(), StreamQuery::parse(&query, None).err()];
            for error in errors.map(Option::unwrap) {
                assert_eq!(error.to_string(), format!("{name} must be an integer"), "{value}");
                assert_eq!((error.code(), error.status()), ("invalid_query", 400));
            }
        }
    }
}

#[test]
fn a_history_takes_one_cursor() {
    let all = "since.timestamp=3&since.index=2&since.id=a";
    assert_eq!(history(all).cursor, id("a").map(HistoryCursor::Id));
    assert_eq!(history("since.timestamp=3&since.index=2&since.id=").cursor, Some(HistoryCursor::Index(2)));
    assert_eq!(history("since.timestamp=3").cursor, Some(HistoryCursor::Timestamp(Timestamp(3))));
}

#[test]
fn the_last_event_id_counts_when_there_is_no_cursor() {
    let since = |query, header| StreamQuery::parse(query, header).unwrap().since;
    assert_eq!(since("", Some("b")).id, id("b"));
    assert_eq!(since("since.id=", Some("b")).id, id("b"));
    assert_eq!(since("since.id=a", Some("b")).id, id("a"));
    assert_eq!(since("since.index=1", Some("b")).id, None);
    assert!(since("", Some("")).is_empty());
}

#[test]
fn listings_follow_their_rules() {
    use TaskStatus::{Failed, Running};
    assert_eq!(list("status=running,,failed").status, Some(vec![Running, Failed]));
    assert_eq!(list("status=running,odd").status, Some(vec![Running]));
    assert_eq!(list("status=odd").status, Some(vec![]));
    assert_eq!(list("status=,").status, None);
    assert_eq!(list("type=llm.*").task_type, Some(TypePattern::parse("llm.*")));
    assert_eq!(list("assignMode=ws-race").assign_mode, Some(Some(AssignMode::WsRace)));
    assert_eq!(list("assignMode=odd").assign_mode, Some(None));
    assert!(list("order=desc").descending && !list("order=asc").descending);
    for value in ["", "DESC", "up"] {
        let error = ListQuery::parse(&format!("order={value}")).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.code()),
            ("order must be asc or desc", "invalid_query")
        );
    }
    assert_eq!(list("cursor=abc-_").cursor.as_deref(), Some("abc-_"));
}
