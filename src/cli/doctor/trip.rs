//! A task that lives for a moment, to measure how events travel.

use std::time::{Duration, Instant};

use serde_json::json;

use super::report::{Finding, Report};
use super::stream::{Seen, Watched};
use crate::client::{Client, ClientError, NewEvent, NewTask};

/// The type of the events.
pub(super) const EVENT_TYPE: &str = "doctor.probe";
const EVENTS: usize = 5;
/// A stream begins with a comment; one that is held back is measured all the same.
const GREETING: Duration = Duration::from_secs(2);
/// Events of which most take longer are held back.
const LATE: Duration = Duration::from_millis(500);
/// The wait for an event, which is too long for one that is not held back, and between events.
const WAIT: Duration = Duration::from_millis(700);
const PAUSE: Duration = Duration::from_millis(100);
/// The wait for the end of the stream.
const END: Duration = Duration::from_secs(3);
/// What a task that cannot be deleted lives for, in seconds.
const TTL: u32 = 60;

/// How the events travelled.
#[derive(Debug)]
pub(super) struct Trip {
    /// When each event was published.
    sent: Vec<Instant>,
    /// What came.
    pub(super) seen: Seen,
    /// When the watched silence began and the task was ended.
    pub(super) silence: (Instant, Instant),
}

impl Trip {
    /// How long each event that came took.
    fn latencies(&self) -> Vec<Duration> {
        let pairs = self.sent.iter().zip(&self.seen.events);
        pairs.map(|(sent, seen)| seen.saturating_duration_since(*sent)).collect()
    }

    /// The median and the longest of the times that events took, if all came and were not held back. One that is late
    /// is an accident.
    pub(super) fn quick(&self) -> Option<(Duration, Duration)> {
        let mut latencies = self.latencies();
        latencies.sort_unstable();
        let slowest = *latencies.last().filter(|_| latencies.len() == EVENTS)?;
        let median = latencies[EVENTS / 2];
        (median <= LATE).then_some((median, slowest))
    }

    /// How the events came that did not come quickly.
    pub(super) fn delay(&self) -> String {
        let (_, ended) = self.silence;
        let in_time = self.seen.events.iter().filter(|at| **at < ended).count();
        match (in_time, self.latencies().iter().max()) {
            (_, None) => format!("none of {EVENTS} events came"),
            (0, Some(_)) => {
                format!("none of {} events came before the end of the task", self.seen.events.len())
            }
            (_, Some(slowest)) => {
                format!("{} of {EVENTS} events came, the slowest after {slowest:.1?}", self.seen.events.len())
            }
        }
    }
}

/// Runs `visit` with a task, which is deleted afterwards.
pub(super) async fn with_task<T>(
    client: &Client,
    idle: Duration,
    visit: impl AsyncFnOnce(&str) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let ttl = Some(TTL + u32::try_from(idle.as_secs()).unwrap_or(TTL));
    let task = client.create_task(NewTask { ttl, ..NewTask::of_type("taskcast.doctor") }).await?;
    let visited = visit(task.id.as_str()).await;
    let deleted = client.delete_task(task.id.as_str()).await;
    let visited = visited?;
    deleted.map(|()| visited)
}

/// Publishes events and watches them come; then watches the silence, and ends the task.
pub(super) async fn measure(client: &Client, task: &str, idle: Duration) -> Result<Trip, ClientError> {
    let mut watched = Watched::open(client, task).await?;
    watched.until(GREETING, |seen| !seen.signs.is_empty()).await;
    let mut sent = Vec::new();
    for number in 1..=EVENTS {
        sent.push(Instant::now());
        client.publish(task, NewEvent::new(EVENT_TYPE, json!(number))).await?;
        watched.until(WAIT, |seen| seen.events.len() >= number).await;
        tokio::time::sleep(PAUSE).await;
    }
    let from = Instant::now();
    watched.until(idle, |seen| seen.ended.is_some()).await;
    let silence = (from, Instant::now());
    client.cancel(task).await?;
    watched.until(END, |seen| seen.ended.is_some()).await;
    Ok(Trip { sent, seen: watched.seen(), silence })
}

/// Makes the trip from here to the server and back.
pub(super) async fn check(client: &Client, report: &mut Report) -> anyhow::Result<()> {
    const NAME: &str = "round trip";
    let made =
        with_task(client, Duration::ZERO, async |task| measure(client, task, Duration::ZERO).await).await;
    report.add(match made {
        Ok(trip) => match trip.quick() {
            Some((median, slowest)) if trip.seen.done => {
                let text = format!(
                    "{EVENTS} events, seen {median:.1?} after they were published (at most {slowest:.1?})"
                );
                Finding::well(NAME, text)
            }
            Some(_) => Finding::ill(NAME, "the end of the task did not come")
                .advice("look at the server's logs; if a proxy is in between, try --probe with its address"),
            None => Finding::ill(NAME, trip.delay())
                .advice("is the server overloaded? if a proxy is in between, try --probe with its address"),
        },
        Err(error) if error.status() == Some(403) => Finding::note(
            NAME,
            "not tried: it takes a token that may create, manage, publish to and follow tasks",
        ),
        Err(error) => Finding::failed(NAME, &error),
    })
}
