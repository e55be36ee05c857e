//! Listing tasks in creation order.

use std::sync::Arc;

use taskcast_actors::domain::{TaskStatus, TypePattern};
use taskcast_actors::ports::{Listing, Order, StoreError, TaskQuery};
use tokio_postgres::Row;

use super::error::Failure;
use super::head_row::{self, Param};
use super::json::JsonText;
use super::readers::Readers;

const ALL: &str = include_str!("sql/list.sql");
const BY_STATUS: &str = include_str!("sql/list_by_status.sql");

/// The tasks that `query` asks for.
pub(super) async fn read(readers: &Readers, query: &TaskQuery) -> Result<Listing, StoreError> {
    if query.assign_mode == Some(None) {
        return Ok(Listing::default());
    }
    let (created_at, id) = behind(query);
    let (exact, prefix) = match &query.task_type {
        None => (None, None),
        Some(TypePattern::Any) => (None, Some("")),
        Some(TypePattern::Prefix(prefix)) => (None, Some(&**prefix)),
        Some(TypePattern::Exact(exact)) => (Some(&**exact), None),
    };
    let tags = (!query.tags.is_empty()).then_some(&query.tags);
    let mode = query.assign_mode.flatten().map(|mode| mode.as_str());
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut params: Vec<Param<'_>> = vec![&created_at, &id, &exact, &prefix, &tags, &mode, &limit];
    let statuses = query.status.as_ref().map(|wanted| statuses(wanted));
    params.extend(statuses.as_ref().map(|statuses| statuses as Param<'_>));
    let rows = readers.query(&sql(statuses.is_some(), query.order), &params).await?;
    listing(&rows, query.limit).map_err(StoreError::from)
}

fn statuses(wanted: &[TaskStatus]) -> Vec<&'static str> {
    TaskStatus::ALL.into_iter().filter(|status| wanted.contains(status)).map(TaskStatus::as_str).collect()
}

fn sql(by_status: bool, order: Order) -> String {
    let (behind, direction) = match order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let template = if by_status { BY_STATUS } else { ALL };
    template.replace("{behind}", behind).replace("{direction}", direction)
}

/// Where the listing begins.
fn behind(query: &TaskQuery) -> (i64, String) {
    match (&query.after, query.order) {
        (Some((created_at, id)), _) => (created_at.0, id.as_str().to_owned()),
        (None, Order::Ascending) => (i64::MIN, String::new()),
        // Longer than any id, of the last character there is.
        (None, Order::Descending) => (i64::MAX, "\u{10FFFF}".repeat(65)),
    }
}

fn listing(rows: &[Row], limit: usize) -> Result<Listing, Failure> {
    let head = |row: &Row| Ok(Arc::new(head_row::decode(row.try_get::<_, JsonText<'_>>(0)?)?));
    let tasks = rows.iter().take(limit).map(head).collect::<Result<_, Failure>>()?;
    Ok(Listing { tasks, more: rows.len() > limit })
}
