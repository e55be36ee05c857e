//! Reading whose timers are due.

use rusqlite::{Connection, params};
use taskcast_actors::domain::{TaskId, Timestamp};
use taskcast_actors::ports::Due;

use super::error::{ReadError, corrupt};

/// The next tasks behind `after` whose due time is not later than `now`.
pub(super) fn read(
    connection: &Connection,
    now: Timestamp,
    after: Option<&Due>,
    limit: usize,
) -> Result<Vec<Due>, ReadError> {
    let sql = "SELECT due_at, id FROM tasks WHERE due_at <= ?1 AND (due_at, id) > (?2, ?3)
               ORDER BY due_at, id LIMIT ?4";
    let (at, id) = after.map_or((i64::MIN, ""), |due| (due.at.0, due.task_id.as_str()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![now.0, at, id, limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let task_id = TaskId::parse(row.get_ref(1)?.as_str().map_err(corrupt)?).map_err(corrupt)?;
        due.push(Due { task_id, at: Timestamp(row.get(0)?) });
    }
    Ok(due)
}
