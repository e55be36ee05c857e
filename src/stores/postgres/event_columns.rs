//! Events on their way into the database: many as arrays in one statement, or very many as a stream.

use std::pin::Pin;

use taskcast_actors::domain::TaskEvent;
use tokio_postgres::Error;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use super::event_row::{EventRow, IdText};
use super::head_row::Param;
use super::json::JsonText;
use crate::stores::mark::Mark;

/// Events, column by column, each with the number of the piece of work that it belongs to.
#[derive(Default)]
pub(super) struct EventColumns<'a> {
    number: Vec<i32>,
    task_id: Vec<&'a str>,
    index: Vec<i64>,
    id: Vec<IdText<'a>>,
    ts: Vec<i64>,
    event_type: Vec<&'a str>,
    level: Vec<&'static str>,
    series: Vec<Option<&'a str>>,
    mode: Vec<Option<&'static str>>,
    field: Vec<Option<&'a str>>,
    client: Vec<Option<&'a str>>,
    seq: Vec<Option<i64>>,
    snapshot: Vec<bool>,
    hidden: Vec<bool>,
    bytes: Vec<i32>,
    data: Vec<Option<JsonText<'a>>>,
}

impl<'a> EventColumns<'a> {
    /// Adds the event once `mark` has happened to it.
    pub(super) fn push(&mut self, number: i32, event: &'a TaskEvent, mark: Option<Mark>) {
        let place = (event.task_id.as_str(), event.index);
        self.push_row(number, place, EventRow::of(event, mark));
    }

    pub(super) fn push_row(&mut self, number: i32, (task_id, index): (&'a str, u64), row: EventRow<'a>) {
        self.number.push(number);
        self.task_id.push(task_id);
        self.index.push(index.cast_signed());
        self.id.push(row.id);
        self.ts.push(row.ts);
        self.event_type.push(row.event_type);
        self.level.push(row.level);
        self.series.push(row.series);
        self.mode.push(row.mode);
        self.field.push(row.field);
        self.client.push(row.client);
        self.seq.push(row.seq);
        self.snapshot.push(row.snapshot);
        self.hidden.push(row.hidden);
        self.bytes.push(row.bytes);
        self.data.push(row.data);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// In the order in which every statement takes them.
    pub(super) fn params(&self) -> [Param<'_>; 16] {
        [
            &self.number,
            &self.task_id,
            &self.index,
            &self.id,
            &self.ts,
            &self.event_type,
            &self.level,
            &self.series,
            &self.mode,
            &self.field,
            &self.client,
            &self.seq,
            &self.snapshot,
            &self.hidden,
            &self.bytes,
            &self.data,
        ]
    }
}

/// Starts a stream of events.
pub(super) const COPY: &str = "COPY taskcast_events (task_id, idx, id, ts, type, level, series, mode, field, client, \
                               seq, snapshot, hidden, bytes, data) FROM STDIN BINARY";

/// The types of the columns of [`COPY`].
pub(super) const TYPES: [Type; 15] = [
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT8,
    Type::BOOL,
    Type::BOOL,
    Type::INT4,
    Type::JSON,
];

/// Adds a row to the stream.
pub(super) async fn copy(
    stream: Pin<&mut BinaryCopyInWriter>,
    (task_id, index): (&str, u64),
    row: &EventRow<'_>,
) -> Result<(), Error> {
    let index = index.cast_signed();
    let columns: [Param<'_>; 15] = [
        &task_id,
        &index,
        &row.id,
        &row.ts,
        &row.event_type,
        &row.level,
        &row.series,
        &row.mode,
        &row.field,
        &row.client,
        &row.seq,
        &row.snapshot,
        &row.hidden,
        &row.bytes,
        &row.data,
    ];
    stream.write(&columns).await
}
