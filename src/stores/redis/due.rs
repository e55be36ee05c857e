//! Reading whose timers are due.

use fred::types::Value;
use futures_util::future::try_join_all;
use taskcast_actors::domain::{TaskId, Timestamp};
use taskcast_actors::ports::Due;

use super::RedisStore;
use super::error::Failure;
use super::keys::{PARTITIONS, sortable, time_of};
use super::reply::Reply;
use super::write::number;

/// The next tasks behind `after` whose due time is not later than `now`.
pub(super) async fn read(
    store: &RedisStore,
    now: Timestamp,
    after: Option<&Due>,
    limit: usize,
) -> Result<Vec<Due>, Failure> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let start = after.map_or_else(|| "-".to_owned(), |due| format!("({}{}", sortable(due.at), due.task_id));
    // No id holds this byte, so it is behind every id.
    let stop = [b"[", sortable(now).as_bytes(), b"\xff"].concat();
    let read = |partition| {
        let mut args = vec![Value::from(format!("{}due", store.keys.root(partition)))];
        args.extend([Value::from(start.as_str()), Value::from(&stop[..])]);
        args.extend([Value::from_static_str("LIMIT"), number(0), number(limit)]);
        store.link.call("ZRANGEBYLEX", args)
    };
    let mut due = Vec::new();
    for answer in try_join_all((0..PARTITIONS).map(read)).await? {
        let mut members = Reply::of(answer)?;
        while members.left() > 0 {
            due.push(split(&members.text()?).ok_or_else(|| Failure::corrupt("an index is broken"))?);
        }
    }
    due.sort_unstable_by(|a, b| (a.at, &a.task_id).cmp(&(b.at, &b.task_id)));
    due.truncate(limit);
    Ok(due)
}

fn split(member: &str) -> Option<Due> {
    let (at, id) = member.split_at_checked(16)?;
    Some(Due { at: time_of(at)?, task_id: TaskId::parse(id).ok()? })
}
