//! Listing tasks in creation order.
//!
//! Each status that is asked for is walked along the index of its own, and the walks are merged. So only as many
//! rows are held as there are statuses, and tasks of other statuses cost nothing.

use rusqlite::types::ToSqlOutput;
use rusqlite::{CachedStatement, Connection, Row, Rows, params};
use taskcast_actors::domain::TaskStatus;
use taskcast_actors::ports::{Listing, Order, TaskQuery};

use super::error::{ReadError, corrupt};
use super::heads;

/// The place of a task in creation order, and its log.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    created_at: i64,
    id: String,
    log: i64,
}

/// The wanted tasks of one status.
struct Walk<'s> {
    rows: Rows<'s>,
    next: Option<Key>,
}

impl<'s> Walk<'s> {
    fn start(rows: Rows<'s>, query: &TaskQuery) -> Result<Self, ReadError> {
        let mut walk = Self { rows, next: None };
        walk.step(query)?;
        Ok(walk)
    }

    /// Goes to the next task that is wanted; gives the one where it was.
    fn step(&mut self, query: &TaskQuery) -> Result<Option<Key>, ReadError> {
        let here = self.next.take();
        while let Some(row) = self.rows.next()? {
            if wants(query, row)? {
                self.next = Some(Key { created_at: row.get(0)?, id: row.get(1)?, log: row.get(2)? });
                break;
            }
        }
        Ok(here)
    }
}

/// The tasks that `query` asks for.
pub(super) fn read(connection: &mut Connection, query: &TaskQuery) -> Result<Listing, ReadError> {
    let snapshot = connection.transaction()?;
    let mut statements = statements(&snapshot, query)?;
    let mut walks = Vec::new();
    for (status, statement) in &mut statements {
        walks.push(Walk::start(begin(statement, *status, query)?, query)?);
    }
    let mut tasks = Vec::new();
    while let Some(walk) = foremost(&mut walks, query.order) {
        if tasks.len() == query.limit {
            return Ok(Listing { tasks, more: true });
        }
        if let Some(key) = walk.step(query)? {
            tasks.push(heads::of_log(&snapshot, key.log)?);
        }
    }
    Ok(Listing { tasks, more: false })
}

/// The walk whose next task comes first.
fn foremost<'w, 's>(walks: &'w mut [Walk<'s>], order: Order) -> Option<&'w mut Walk<'s>> {
    let ahead = walks.iter_mut().filter(|walk| walk.next.is_some());
    match order {
        Order::Ascending => ahead.min_by(|a, b| a.next.cmp(&b.next)),
        Order::Descending => ahead.max_by(|a, b| a.next.cmp(&b.next)),
    }
}

type Statements<'c> = Vec<(Option<TaskStatus>, CachedStatement<'c>)>;

fn statements<'c>(snapshot: &'c Connection, query: &TaskQuery) -> Result<Statements<'c>, ReadError> {
    let statuses: Vec<Option<TaskStatus>> = match &query.status {
        None => vec![None],
        Some(wanted) => {
            TaskStatus::ALL.into_iter().filter(|status| wanted.contains(status)).map(Some).collect()
        }
    };
    let prepare = |status: Option<TaskStatus>| {
        Ok((status, snapshot.prepare_cached(&sql(status.is_some(), query.order))?))
    };
    statuses.into_iter().map(prepare).collect()
}

fn sql(by_status: bool, order: Order) -> String {
    let status = if by_status { "status = ?3 AND" } else { "" };
    let (behind, direction) = match order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    format!(
        "SELECT created_at, id, log, type, assign_mode, tags FROM tasks
         WHERE {status} (created_at, id) {behind} (?1, ?2)
         ORDER BY created_at {direction}, id {direction}"
    )
}

fn begin<'s>(
    statement: &'s mut CachedStatement<'_>,
    status: Option<TaskStatus>,
    query: &TaskQuery,
) -> Result<Rows<'s>, ReadError> {
    let (created_at, id) = match (&query.after, query.order) {
        (Some((created_at, id)), _) => (created_at.0, ToSqlOutput::from(id.as_str())),
        (None, Order::Ascending) => (i64::MIN, ToSqlOutput::from("")),
        (None, Order::Descending) => (i64::MAX, behind_all_texts()),
    };
    match status {
        None => Ok(statement.query(params![created_at, id])?),
        Some(status) => Ok(statement.query(params![created_at, id, status.as_str()])?),
    }
}

/// SQLite sorts blobs behind texts.
fn behind_all_texts() -> ToSqlOutput<'static> {
    ToSqlOutput::from(&[] as &[u8])
}

/// [`TaskQuery::wants`] on the columns, all but the status.
fn wants(query: &TaskQuery, row: &Row<'_>) -> Result<bool, ReadError> {
    let text = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(corrupt);
    if let Some(pattern) = &query.task_type
        && !text(3)?.is_some_and(|name| pattern.matches(name))
    {
        return Ok(false);
    }
    if let Some(wanted) = query.assign_mode
        && (wanted.is_none() || text(4)? != wanted.map(|mode| mode.as_str()))
    {
        return Ok(false);
    }
    if query.tags.is_empty() {
        return Ok(true);
    }
    let tags: Vec<String> = serde_json::from_str(text(5)?.unwrap_or("[]")).map_err(corrupt)?;
    Ok(query.tags.iter().all(|tag| tags.contains(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::sqlite::schema;

    #[test]
    fn every_listing_walks_an_index_and_sorts_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        for order in [Order::Ascending, Order::Descending] {
            for (by_status, index) in
                [(true, "tasks_by_status (status=?"), (false, "tasks_by_creation ((created_at")]
            {
                let sql = format!("EXPLAIN QUERY PLAN {}", sql(by_status, order));
                let mut statement = connection.prepare(&sql).unwrap();
                let plan: Vec<String> =
                    statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap();
                assert!(plan.len() == 1 && plan[0].contains(index), "{plan:?}");
            }
        }
    }
}
