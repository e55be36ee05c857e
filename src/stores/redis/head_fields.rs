//! How a head becomes fields of a hash and members of indexes.

use fred::types::Value;
use taskcast_actors::domain::Head;

use super::keys::{creation_member, due_member};

/// What the commits of a task say of it in a store with an archive: nothing, that it goes on, or that it has ended.
const ACTIVE: &str = "active";
const FINISHED: &str = "finished";

/// What scripts are told of a task's life: empty where there is no archive.
pub(super) fn life(archived: bool, head: Option<&Head>) -> &'static str {
    match head {
        _ if !archived => "",
        None => "same",
        Some(head) if head.task.status.is_terminal() => FINISHED,
        Some(_) => ACTIVE,
    }
}

/// Adds the five fields of `head` to the arguments of a script; all are empty if there is none.
pub(super) fn push(args: &mut Vec<Value>, head: Option<&Head>) {
    let Some(head) = head else {
        args.extend((0..5).map(|_| Value::from_static_str("")));
        return;
    };
    args.push(Value::Bytes(head.encode().into()));
    args.push(Value::from_static_str(head.task.status.as_str()));
    args.push(Value::from(creation_member(head)));
    args.push(Value::from(due_member(head)));
    args.push(Value::from_static_str(if head.imported { "1" } else { "" }));
}
