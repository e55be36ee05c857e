//! How a head becomes columns: itself as opaque text, and what tasks are looked up by.

use taskcast_actors::domain::{Head, Json, Stamp};
use tokio_postgres::types::ToSql;

use super::error::{Failure, corrupt};
use super::json::JsonText;

/// A value of a statement.
pub(super) type Param<'p> = &'p (dyn ToSql + Sync);

/// A head, encoded before it is queued so that the writer need not.
#[derive(Debug)]
pub(super) struct HeadRow {
    pub(super) id: String,
    head: String,
    imported: bool,
    status: &'static str,
    task_type: Option<String>,
    tags: Option<String>,
    assign_mode: Option<&'static str>,
    created_at: i64,
    updated_at: i64,
    completed_at: Option<i64>,
    due_at: Option<i64>,
    result: Option<Json>,
    error: Option<Json>,
}

impl HeadRow {
    pub(super) fn of(head: &Head) -> Self {
        let task = &head.task;
        Self {
            id: task.id.as_str().to_owned(),
            head: String::from_utf8(head.encode()).expect("JSON is UTF-8"),
            imported: head.imported,
            status: task.status.as_str(),
            task_type: task.task_type.clone(),
            tags: task.tags.as_deref().map(array),
            assign_mode: task.assign_mode.map(|mode| mode.as_str()),
            created_at: task.created_at.0,
            updated_at: task.updated_at.0,
            completed_at: task.completed_at.map(|at| at.0),
            due_at: head.due_at().map(|at| at.0),
            result: task.result.clone(),
            error: task.error.as_ref().map(Json::of),
        }
    }

    /// Bytes this row takes, about.
    pub(super) fn weight(&self) -> usize {
        let length = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.as_str().len());
        self.head.len() + self.id.len() + length(&self.result) + length(&self.error)
    }
}

/// An array as PostgreSQL writes it, since an array of arrays would have to be rectangular.
fn array(texts: &[String]) -> String {
    let quoted = texts.iter().map(|text| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

/// Heads, column by column. Where a head is missing everything but the id is `NULL`.
#[derive(Default)]
pub(super) struct HeadColumns<'a> {
    id: Vec<&'a str>,
    imported: Vec<Option<bool>>,
    status: Vec<Option<&'static str>>,
    task_type: Vec<Option<&'a str>>,
    tags: Vec<Option<&'a str>>,
    assign_mode: Vec<Option<&'static str>>,
    created_at: Vec<Option<i64>>,
    updated_at: Vec<Option<i64>>,
    completed_at: Vec<Option<i64>>,
    due_at: Vec<Option<i64>>,
    result: Vec<Option<JsonText<'a>>>,
    error: Vec<Option<JsonText<'a>>>,
    head: Vec<Option<JsonText<'a>>>,
}

impl<'a> HeadColumns<'a> {
    pub(super) fn push(&mut self, id: &'a str, row: Option<&'a HeadRow>) {
        let text = |json: &'a Option<Json>| json.as_ref().map(|json| JsonText(json.as_str()));
        self.id.push(id);
        self.imported.push(row.map(|row| row.imported));
        self.status.push(row.map(|row| row.status));
        self.task_type.push(row.and_then(|row| row.task_type.as_deref()));
        self.tags.push(row.and_then(|row| row.tags.as_deref()));
        self.assign_mode.push(row.and_then(|row| row.assign_mode));
        self.created_at.push(row.map(|row| row.created_at));
        self.updated_at.push(row.map(|row| row.updated_at));
        self.completed_at.push(row.and_then(|row| row.completed_at));
        self.due_at.push(row.and_then(|row| row.due_at));
        self.result.push(row.and_then(|row| text(&row.result)));
        self.error.push(row.and_then(|row| text(&row.error)));
        self.head.push(row.map(|row| JsonText(&row.head)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.id.is_empty()
    }

    /// In the order in which every statement takes them.
    pub(super) fn params(&self) -> [Param<'_>; 13] {
        [
            &self.id,
            &self.imported,
            &self.status,
            &self.task_type,
            &self.tags,
            &self.assign_mode,
            &self.created_at,
            &self.updated_at,
            &self.completed_at,
            &self.due_at,
            &self.result,
            &self.error,
            &self.head,
        ]
    }
}

/// Stamps, column by column.
#[derive(Default)]
pub(super) struct StampColumns {
    incarnation: Vec<i64>,
    version: Vec<i64>,
    revision: Vec<i64>,
}

impl StampColumns {
    pub(super) fn push(&mut self, stamp: Stamp) {
        self.incarnation.push(stamp.incarnation.cast_signed());
        self.version.push(stamp.version.cast_signed());
        self.revision.push(stamp.revision.cast_signed());
    }

    pub(super) fn params(&self) -> [Param<'_>; 3] {
        [&self.incarnation, &self.version, &self.revision]
    }
}

/// The head in this text.
pub(super) fn decode(text: JsonText<'_>) -> Result<Head, Failure> {
    Head::decode(text.0.as_bytes()).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_holds_every_text() {
        let texts = ["", "a", "a,b", "{}", "\"", "\\", "NULL", " "].map(str::to_owned);
        assert_eq!(array(&texts), r#"{"","a","a,b","{}","\"","\\","NULL"," "}"#);
        assert_eq!(array(&[]), "{}");
    }
}
