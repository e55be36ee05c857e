//! Who the caller is, and what the caller may do.

use futures_util::StreamExt as _;

use super::report::{Finding, Report};
use crate::client::{Client, ClientError, HistoryQuery, TaskQuery};

const NAME: &str = "access";
/// A task that is not there: whoever may see it is told so.
const NOBODY: &str = "taskcast-doctor-asks";

/// Whether the caller is let in at all, so that more can be tried.
pub(super) async fn check(client: &Client, report: &mut Report) -> anyhow::Result<bool> {
    let mode = client.detail().await.map(|detail| detail.auth.mode).unwrap_or_default();
    if mode == "none" {
        let open = Finding::note(NAME, "the server asks nobody who they are");
        report.add(open.advice("set TASKCAST_AUTH_MODE=jwt and a key before others can reach it"))?;
        return Ok(true);
    }
    let listed = list(client).await;
    match &listed {
        Err(error) if error.status() == Some(401) => {
            report.add(refused(error))?;
            Ok(false)
        }
        Err(error) if error.status() != Some(403) => {
            report.add(Finding::failed(NAME, error))?;
            Ok(false)
        }
        _ => {
            report.add(scopes(client, listed.is_err()).await)?;
            Ok(true)
        }
    }
}

async fn list(client: &Client) -> Result<(), ClientError> {
    let mut tasks = client.list_tasks(TaskQuery { page: Some(1), ..TaskQuery::default() });
    tasks.next().await.transpose().map(drop)
}

fn refused(error: &ClientError) -> Finding {
    let (text, advice) = match error.code() {
        "missing_token" => (
            "the server wants a token, and there is none",
            "set TASKCAST_TOKEN, or keep a token with `taskcast node add NAME URL --token-stdin`",
        ),
        _ => (
            "the server refuses the token: it has expired, or was made with another key, issuer or audience",
            "set TASKCAST_TOKEN to a new one, and compare its claims with the server's auth.jwt settings",
        ),
    };
    Finding::ill(NAME, text).advice(advice)
}

/// What the caller may do, as far as reading tells.
async fn scopes(client: &Client, may_not_list: bool) -> Finding {
    let forbidden = |status: Option<u16>| status == Some(403);
    let history = client.history(NOBODY, &HistoryQuery::default()).await;
    let asked = [
        ("event:subscribe", may_not_list),
        ("event:history", forbidden(history.err().and_then(|error| error.status()))),
        (
            "event:publish",
            forbidden(client.expected_seq(NOBODY, NOBODY).await.err().and_then(|e| e.status())),
        ),
        ("task:resolve", forbidden(client.blocked_request(NOBODY).await.err().and_then(|e| e.status()))),
        ("worker:manage", forbidden(client.workers().await.err().and_then(|error| error.status()))),
    ];
    let names = |lacking: bool| {
        let names = asked.iter().filter(|(_, lacks)| *lacks == lacking).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let (has, lacks) = (names(false), names(true));
    match (has.as_str(), lacks.as_str()) {
        (_, "") => Finding::well(NAME, "the token is good, and may read, publish and resolve"),
        ("", _) => Finding::ill(NAME, "the token is good, but may do nothing that was tried")
            .advice("it has no scope, or is for certain tasks alone: ask for one with the scopes you need"),
        _ => Finding::note(NAME, format!("the token is good for {has}, not for {lacks}"))
            .advice("ask for a token with those scopes if you need them"),
    }
}
