//! How keys and members of indexes are named.

use taskcast_actors::domain::{Head, TaskId, Timestamp};

use super::error::ConnectError;

/// Parts that tasks are spread over, so that they may live on several servers and indexes stay handy.
pub(super) const PARTITIONS: u8 = 16;

/// Ends the id in a member of an index: it sorts before everything an id may hold.
const END: char = '\0';

/// The names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// Where one task is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What every key of the task's partition begins with.
    pub(super) root: String,
    /// The key of the task itself.
    pub(super) task: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Result<Self, ConnectError> {
        let plain =
            !prefix.is_empty() && !prefix.contains(['{', '}']) && !prefix.chars().any(char::is_control);
        if !plain || prefix.len() > 128 {
            let what = "the prefix must have 1 to 128 bytes without braces and control characters";
            return Err(ConnectError::Settings(what.to_owned()));
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// What every key of a partition begins with. The braces have a cluster keep them on one server.
    pub(super) fn root(&self, partition: u8) -> String {
        format!("{}:{{{partition}}}:", self.prefix)
    }

    pub(super) fn place(&self, id: &TaskId) -> Place {
        let root = self.root(partition_of(id));
        let task = format!("{root}task:{id}");
        Place { root, task }
    }

    /// What every channel begins with.
    pub(super) fn channels(&self) -> String {
        format!("{}:bus:", self.prefix)
    }
}

/// The partition of a task: its FNV-1a hash, the same for ever and everywhere.
pub(super) fn partition_of(id: &TaskId) -> u8 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = id.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    let partition = (hash ^ hash >> 32) % u64::from(PARTITIONS);
    u8::try_from(partition).expect("there are few partitions")
}

/// A time as a text of fixed width that sorts like the time.
pub(super) fn sortable(at: Timestamp) -> String {
    format!("{:016x}", at.0.cast_unsigned() ^ 1 << 63)
}

/// Reads [`sortable`].
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let bits = u64::from_str_radix(text, 16).ok()?;
    Some(Timestamp((bits ^ 1 << 63).cast_signed()))
}

/// The member of a task in the indexes of creation: place, then what listings filter by, as JSON.
pub(super) fn creation_member(head: &Head) -> String {
    let task = &head.task;
    let mode = task.assign_mode.map(|mode| mode.as_str());
    let tags = task.tags.as_deref().unwrap_or_default();
    let mut member = creation_place(task.created_at, &task.id);
    member.push(END);
    if task.task_type.is_some() || mode.is_some() || !tags.is_empty() {
        let traits = (task.task_type.as_deref(), mode, tags);
        member.push_str(&serde_json::to_string(&traits).expect("texts serialise"));
    }
    member
}

fn creation_place(created_at: Timestamp, id: &TaskId) -> String {
    format!("{}{id}", sortable(created_at))
}

/// Where members begin that come behind this task, and where those end that come before it.
pub(super) fn behind(created_at: Timestamp, id: &TaskId) -> String {
    format!("[{}\u{1}", creation_place(created_at, id))
}

/// See [`behind`].
pub(super) fn before(created_at: Timestamp, id: &TaskId) -> String {
    format!("({}{END}", creation_place(created_at, id))
}

/// Time, id and traits in a member of an index of creation.
pub(super) fn split_creation(member: &str) -> Option<(Timestamp, TaskId, &str)> {
    let (time, rest) = member.split_at_checked(16)?;
    let (id, traits) = rest.split_once(END)?;
    Some((time_of(time)?, TaskId::parse(id).ok()?, traits))
}

/// The member of a task in the index of what is due; empty if nothing is.
pub(super) fn due_member(head: &Head) -> String {
    head.due_at().map(|at| format!("{}{}", sortable(at), head.task.id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_texts() {
        let times = [i64::MIN, -5, -1, 0, 1, 1_700_000_000_000, i64::MAX].map(Timestamp);
        let texts = times.map(sortable);
        assert!(texts.is_sorted());
        assert_eq!(texts.map(|text| time_of(&text).unwrap()), times);
    }

    #[test]
    fn a_task_is_always_in_the_same_partition_and_tasks_are_spread() {
        let id = |n: usize| TaskId::parse(&format!("task-{n}")).unwrap();
        assert_eq!([0, 1, 2, 3].map(|n| partition_of(&id(n))), [15, 0, 5, 6]);
        let mut counts = [0; PARTITIONS as usize];
        (0..1600).for_each(|n| counts[usize::from(partition_of(&id(n)))] += 1);
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_prefix_holds_nothing_that_moves_keys_to_another_slot() {
        for prefix in ["", "a{b", "a}b", "a\n"] {
            assert!(Keys::new(prefix).is_err());
        }
        assert_eq!(Keys::new("app:1").unwrap().root(3), "app:1:{3}:");
    }
}
