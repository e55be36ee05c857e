//! A proxy in front of the server: what it does to streams.

use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use tokio::time::timeout;

use super::report::{Finding, Report};
use super::trip::{self, Trip};
use super::{PATIENCE, service, stream};
use crate::client::{Client, ClientError};

/// Servers show that they are alive every 15 s unless they are told otherwise (`sse.keepaliveMs`).
const SIGN_OF_LIFE: Duration = Duration::from_secs(16);

/// What the proxy said of the stream when it was asked as browsers ask.
struct Head {
    status: u16,
    content_type: String,
    encoding: Option<String>,
}

/// Measures streams through the proxy that `client` speaks to.
pub(super) async fn check(client: &Client, idle: Duration, report: &mut Report) -> anyhow::Result<()> {
    if !service::greet("proxy", client, report).await? {
        return Ok(());
    }
    let visited = trip::with_task(client, idle, async |task| {
        let head = head(client, task).await?;
        Ok((head, trip::measure(client, task, idle).await?))
    });
    match visited.await {
        Ok((head, trip)) => {
            report.add(form(head.as_ref()))?;
            report.add(buffering(&trip))?;
            report.add(heartbeats(&trip, idle))?;
            report.add(cut_off(&trip))
        }
        Err(error) => report.add(Finding::failed("proxy", &error)),
    }
}

/// Asks for the stream as browsers do, which take compressed answers. `None` when no head comes.
async fn head(client: &Client, task: &str) -> Result<Option<Head>, ClientError> {
    let request = stream::request(client, task).await?.header(ACCEPT_ENCODING, "gzip, deflate, br, zstd");
    let Ok(Ok(answer)) = timeout(PATIENCE / 4, request.send()).await else { return Ok(None) };
    let encoding = answer.headers().get(CONTENT_ENCODING).and_then(|name| name.to_str().ok());
    let encoding = encoding.filter(|name| *name != "identity").map(str::to_owned);
    Ok(Some(Head { status: answer.status().as_u16(), content_type: stream::content_type(&answer), encoding }))
}

fn form(head: Option<&Head>) -> Finding {
    const NAME: &str = "stream";
    match head {
        None => Finding::ill(NAME, "the answer does not begin before there is more of it").advice(UNBUFFER),
        Some(Head { status, .. }) if *status != 200 => Finding::ill(NAME, format!("answered with {status}"))
            .advice("let the proxy hand GET /tasks/ID/events on to the server as it is"),
        Some(Head { encoding: Some(encoding), .. }) => {
            Finding::ill(NAME, format!("the proxy compresses it ({encoding}), which holds events back"))
                .advice("turn compression off for text/event-stream (nginx: gzip off)")
        }
        Some(Head { content_type, .. }) if !content_type.starts_with("text/event-stream") => {
            Finding::ill(NAME, format!("is {content_type} instead of text/event-stream")).advice(
                "let the proxy leave the header Content-Type alone: browsers refuse the stream otherwise",
            )
        }
        Some(_) => Finding::well(NAME, "comes through as text/event-stream, not compressed"),
    }
}

const UNBUFFER: &str = "turn buffering off in the proxy (nginx: proxy_buffering off; and let the header \
                        X-Accel-Buffering of the server through)";

fn buffering(trip: &Trip) -> Finding {
    match trip.quick() {
        Some((median, slowest)) => {
            Finding::well("buffering", format!("none: events take {median:.1?} (at most {slowest:.1?})"))
        }
        None => Finding::ill("buffering", format!("events are held back: {}", trip.delay())).advice(UNBUFFER),
    }
}

fn heartbeats(trip: &Trip, idle: Duration) -> Finding {
    const NAME: &str = "heartbeats";
    let (from, to) = trip.silence;
    let signs = trip.seen.signs.iter().filter(|at| (from..to).contains(*at)).count();
    match signs {
        0 if trip.seen.ended.is_some_and(|ended| ended < to) => {
            Finding::note(NAME, "none before the stream was cut")
        }
        0 if idle < SIGN_OF_LIFE => Finding::note(NAME, format!("none within {idle:.0?}"))
            .advice("the server sends one every 15 s by default: watch longer with --idle 20"),
        0 => Finding::ill(NAME, format!("none within {idle:.0?}"))
            .advice(format!("they are held back, or the server's sse.keepaliveMs is longer: {UNBUFFER}")),
        signs => Finding::well(NAME, format!("{signs} in {:.0?} of silence", to - from)),
    }
}

fn cut_off(trip: &Trip) -> Finding {
    const NAME: &str = "idle";
    let (from, to) = trip.silence;
    match trip.seen.ended.filter(|ended| *ended < to) {
        Some(ended) => {
            let after = ended.saturating_duration_since(from);
            Finding::ill(NAME, format!("the stream was cut after {after:.1?} without an event")).advice(
                "let the proxy wait longer than the time between heartbeats (nginx: proxy_read_timeout 1h), or have \
                 the server send them more often (sse.keepaliveMs)",
            )
        }
        None if trip.seen.done => {
            Finding::well(NAME, format!("not cut in {:.0?}, and ended by the server", to - from))
        }
        None => Finding::ill(NAME, "the end of the task did not come through").advice(UNBUFFER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_makes_of_the_answer_is_told() {
        let head = |status, kind: &str, encoding: Option<&str>| {
            Some(Head { status, content_type: kind.to_owned(), encoding: encoding.map(str::to_owned) })
        };
        let table = [
            (head(200, "text/event-stream", None), false, "comes through"),
            (head(200, "text/event-stream; charset=utf-8", None), false, "comes through"),
            (head(200, "text/event-stream", Some("gzip")), true, "gzip off"),
            (head(200, "text/plain", None), true, "is text/plain instead"),
            (head(502, "text/html", None), true, "answered with 502"),
            (None, true, "proxy_buffering off"),
        ];
        for (head, ill, part) in table {
            let told = form(head.as_ref()).told();
            assert!(told.0 == ill && told.1.contains(part), "{told:?} instead of {part}");
        }
    }
}
