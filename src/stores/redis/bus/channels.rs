//! How topics are named.

use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{Interest, Topic};

use crate::stores::redis::keys::Keys;

/// The names under one prefix.
pub(super) struct Channels {
    tasks: String,
    instances: String,
    /// Fits the channel of every task, and no other.
    every_task: String,
}

/// What a server is asked for.
pub(super) enum Source {
    Channel(String),
    Pattern(String),
}

impl Channels {
    pub(super) fn new(keys: &Keys) -> Self {
        let root = keys.channels();
        let tasks = format!("{root}task:");
        let every_task = format!("{}*", escaped(&tasks));
        Self { instances: format!("{root}instances"), every_task, tasks }
    }

    pub(super) fn of(&self, topic: &Topic) -> String {
        match topic {
            Topic::Task(id) => format!("{}{id}", self.tasks),
            Topic::Instances => self.instances.clone(),
        }
    }

    pub(super) fn source(&self, interest: &Interest) -> Source {
        match interest {
            Interest::Task(id) => Source::Channel(format!("{}{id}", self.tasks)),
            Interest::Instances => Source::Channel(self.instances.clone()),
            Interest::AllTasks => Source::Pattern(self.every_task.clone()),
        }
    }

    /// What a message on `channel` is about.
    pub(super) fn topic(&self, channel: &str) -> Option<Topic> {
        if channel == self.instances {
            return Some(Topic::Instances);
        }
        TaskId::parse(channel.strip_prefix(&self.tasks)?).ok().map(Topic::Task)
    }
}

/// A pattern that fits `text` alone.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_says_its_topic_and_a_pattern_is_taken_literally() {
        let channels = Channels::new(&Keys::new("a*[b]?").unwrap());
        let task = Topic::Task(TaskId::parse("x:*").unwrap());
        for topic in [task, Topic::Instances] {
            assert_eq!(channels.topic(&channels.of(&topic)), Some(topic));
        }
        assert_eq!(channels.topic("a*[b]?:bus:other"), None);
        assert_eq!(channels.every_task, r"a\*\[b\]\?:bus:task:*");
    }
}
