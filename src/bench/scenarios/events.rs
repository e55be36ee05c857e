//! The bodies that scenarios publish.

/// An event whose `data` is 32 bytes long.
pub const PLAIN: &str = r#"{"type":"bench.token","data":{"text":"0123456789abcdefghijk"}}"#;

/// An accumulate delta whose `data` is 32 bytes long.
pub const SERIES: &str = concat!(
    r#"{"type":"bench.delta","data":{"delta":"0123456789abcdefghij"},"#,
    r#""seriesId":"text","seriesMode":"accumulate"}"#
);

/// A short accumulate delta, for series that grow long.
pub const SHORT_DELTA: &str = concat!(
    r#"{"type":"bench.delta","data":{"delta":"abcdef"},"#,
    r#""seriesId":"text","seriesMode":"accumulate"}"#
);

/// The length of the text in [`SHORT_DELTA`].
pub const SHORT_DELTA_LENGTH: usize = 6;

/// A batch of equal events.
pub fn batch(event: &str, count: usize) -> String {
    format!("[{}]", vec![event; count].join(","))
}
