//! Reading whose timers are due.

use taskcast_actors::domain::{TaskId, Timestamp};
use taskcast_actors::ports::{Due, StoreError};
use tokio_postgres::Row;

use super::error::{Failure, corrupt};
use super::readers::Readers;

pub(super) const DUE: &str =
    "SELECT due_at, id FROM taskcast_tasks WHERE due_at <= $1 AND (due_at, id) > ($2, $3)
                              ORDER BY due_at, id LIMIT $4";

/// The next tasks behind `after` whose due time is not later than `now`.
pub(super) async fn read(
    readers: &Readers,
    now: Timestamp,
    after: Option<&Due>,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let (at, id) = after.map_or((i64::MIN, ""), |due| (due.at.0, due.task_id.as_str()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = readers.query(DUE, &[&now.0, &at, &id, &limit]).await?;
    let due = |row: &Row| {
        let task_id = TaskId::parse(row.try_get(1)?).map_err(corrupt)?;
        Ok::<_, Failure>(Due { task_id, at: Timestamp(row.try_get(0)?) })
    };
    Ok(rows.iter().map(due).collect::<Result<_, _>>()?)
}
