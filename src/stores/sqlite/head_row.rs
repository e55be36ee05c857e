//! How a head becomes columns: itself as opaque bytes, and what tasks are looked up by.

use rusqlite::{Connection, params};
use taskcast_actors::domain::{Head, Stamp};

use super::error::{ReadError, corrupt};

/// A head, encoded before it is queued so that the writing thread need not.
pub(super) struct HeadRow {
    pub(super) id: String,
    bytes: Vec<u8>,
    imported: bool,
    status: &'static str,
    task_type: Option<String>,
    tags: Option<String>,
    assign_mode: Option<&'static str>,
    created_at: i64,
    due_at: Option<i64>,
}

impl HeadRow {
    pub(super) fn of(head: &Head) -> Self {
        let task = &head.task;
        let tags = |tags: &Vec<String>| serde_json::to_string(tags).expect("texts serialise");
        Self {
            id: task.id.as_str().to_owned(),
            bytes: head.encode(),
            imported: head.imported,
            status: task.status.as_str(),
            task_type: task.task_type.clone(),
            tags: task.tags.as_ref().map(tags),
            assign_mode: task.assign_mode.map(|mode| mode.as_str()),
            created_at: task.created_at.0,
            due_at: head.due_at().map(|at| at.0),
        }
    }

    /// Bytes this row takes, about.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.id.len()
    }

    /// Adds this head as the one of a new log.
    pub(super) fn insert(&self, connection: &Connection, log: i64, at: Stamp) -> rusqlite::Result<()> {
        let sql = "INSERT INTO tasks (log, id, incarnation, version, revision, imported, status, type, tags,
                                      assign_mode, created_at, due_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        connection.prepare_cached(sql)?.execute(params![
            log,
            self.id,
            at.incarnation.cast_signed(),
            at.version.cast_signed(),
            at.revision.cast_signed(),
            self.imported,
            self.status,
            self.task_type,
            self.tags,
            self.assign_mode,
            self.created_at,
            self.due_at,
        ])?;
        let sql = "INSERT INTO heads (log, head) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![log, self.bytes])?;
        Ok(())
    }

    /// Puts this head in the place of the one the log has.
    pub(super) fn update(&self, connection: &Connection, log: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE tasks SET imported = ?2, status = ?3, type = ?4, tags = ?5, assign_mode = ?6,
                                    created_at = ?7, due_at = ?8
                   WHERE log = ?1";
        connection.prepare_cached(sql)?.execute(params![
            log,
            self.imported,
            self.status,
            self.task_type,
            self.tags,
            self.assign_mode,
            self.created_at,
            self.due_at,
        ])?;
        let sql = "UPDATE heads SET head = ?2 WHERE log = ?1";
        connection.prepare_cached(sql)?.execute(params![log, self.bytes])?;
        Ok(())
    }
}

/// The head in these bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Head, ReadError> {
    Head::decode(bytes).map_err(corrupt)
}
