//! A reader that goes on elsewhere when its engine stops.

use std::time::Duration;

use taskcast_actors::domain::{TaskId, TaskStatus};
use taskcast_actors::testing::model::Shown;
use taskcast_actors::{Batch, Cursor, Ending, SubscribeRequest};

use super::Cluster;
use crate::support::engine::shown;

/// How a reader wants to see the task.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// From the start, what is there already in one piece.
    Collapsed,
    /// From the first event on, each as it is.
    Everything,
    /// Behind an event, with running values.
    Running { behind: u64 },
}

impl Kind {
    fn request(self) -> SubscribeRequest {
        let rank = match self {
            Self::Collapsed => None,
            Self::Everything => Some(-1),
            Self::Running { behind } => Some(i64::try_from(behind).unwrap()),
        };
        let cursor = Cursor { rank, ..Cursor::default() };
        SubscribeRequest { cursor, accumulated: matches!(self, Self::Running { .. }), ..Default::default() }
    }
}

/// What a reader has seen when the task was finished.
pub(super) struct Read {
    pub(super) kind: Kind,
    pub(super) seen: Vec<Shown>,
    pub(super) ending: TaskStatus,
}

/// Reads to the end of the task, with a cursor from engine to engine.
pub(super) async fn read(cluster: Cluster, id: TaskId, kind: Kind, mut place: usize) -> Read {
    let mut request = kind.request();
    let mut seen: Vec<Shown> = Vec::new();
    let mut pause = tokio::time::interval(Duration::from_millis(2));
    loop {
        place += 1;
        if let Ok(mut subscription) = cluster.engine(place).subscribe(&id, request.clone()).await {
            let ending = loop {
                match subscription.next().await {
                    Batch::End(ending) => break ending,
                    batch => seen.extend(batch.events().iter().map(|(rank, event)| shown(*rank, event))),
                }
            };
            match ending {
                Ending::Finished(ending) => return Read { kind, seen, ending },
                Ending::Interrupted => {}
                Ending::Deleted => panic!("nobody deleted the task"),
            }
        }
        if let Some(last) = seen.last() {
            request.cursor = Cursor { rank: i64::try_from(last.rank).ok(), ..Cursor::default() };
        }
        pause.tick().await;
    }
}
