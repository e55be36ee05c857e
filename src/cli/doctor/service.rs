//! The server and what it depends on.

use std::time::{Duration, Instant, SystemTime};

use reqwest::Method;
use reqwest::header::DATE;

use super::report::{Finding, Report};
use crate::client::{Client, Dependency, Detail};

/// The protocol that this program speaks.
const API_VERSION: &str = "v1";
/// Clocks that are further apart make tokens expire early or late.
const CLOCKS_APART: Duration = Duration::from_secs(5);

/// Whether the server can be reached, so that more can be asked.
pub(super) async fn check(client: &Client, report: &mut Report) -> anyhow::Result<bool> {
    if !greet("server", client, report).await? {
        return Ok(false);
    }
    match client.detail().await {
        Ok(detail) => report.add(storage(&detail))?,
        Err(error) => report.add(Finding::failed("storage", &error))?,
    }
    parts(client, report).await?;
    if let Some(finding) = clock(client).await {
        report.add(finding)?;
    }
    Ok(true)
}

/// Whether Taskcast answers there.
pub(super) async fn greet(name: &'static str, client: &Client, report: &mut Report) -> anyhow::Result<bool> {
    let asked = Instant::now();
    let health = match client.health().await {
        Ok(health) => health,
        Err(error) => {
            let base = client.base();
            report.add(Finding::failed(name, &error).at(base.as_str()))?;
            return Ok(false);
        }
    };
    let took = asked.elapsed().as_secs_f64() * 1000.0;
    let text = format!("{} {} at {}, answered in {took:.1} ms", health.name, health.version, client.base());
    if health.name != "taskcast" || health.api_version != API_VERSION {
        let text = format!("{text}, speaks {} instead of {API_VERSION}", health.api_version);
        report.add(
            Finding::ill(name, text).advice("use a client of the server's version, or update the server"),
        )?;
    } else {
        report.add(Finding::well(name, text))?;
    }
    Ok(true)
}

/// Where tasks are, and what that means.
fn storage(detail: &Detail) -> Finding {
    let provider = |role| detail.adapters.get(role).map(|adapter| adapter.provider.as_str());
    let archive = provider("longTermStore");
    let text = match (provider("shortTermStore"), archive) {
        (Some("memory"), _) => {
            let text = "memory: tasks are gone when the server stops";
            return Finding::note("storage", text)
                .advice("keep them with --storage sqlite, redis or postgres");
        }
        (Some("sqlite"), _) => {
            "sqlite: tasks survive a restart; one instance alone may use the file".to_owned()
        }
        (Some(store), Some(archive)) if store != archive => {
            format!("{store}, shared by all instances, with {archive} as its archive")
        }
        (Some(store), _) => format!("{store}, shared by all instances"),
        (None, _) => "the server does not say which".to_owned(),
    };
    let bus = provider("broadcast").unwrap_or("none");
    Finding::well("storage", format!("{text}; news travel by {bus}; up for {} s", detail.uptime))
}

/// Whether the server can serve, and each of its dependencies.
async fn parts(client: &Client, report: &mut Report) -> anyhow::Result<()> {
    let ready = match client.ready().await {
        Ok(ready) => ready,
        Err(error) => return report.add(Finding::failed("ready", &error)),
    };
    for (name, dependency) in &ready.dependencies {
        report.add(dependency_finding(name, dependency))?;
    }
    if ready.ok {
        return report.add(Finding::well("ready", "it serves"));
    }
    let finding = Finding::ill("ready", "it does not serve");
    let down = ready.dependencies.values().any(|dependency| dependency.state != "healthy");
    report.add(finding.advice(if down {
        "mend what is not well above; the server finds out by itself"
    } else {
        "it is shutting down, or cannot write where it keeps tasks: look at its logs"
    }))
}

fn dependency_finding(name: &str, dependency: &Dependency) -> Finding {
    if dependency.state == "healthy" {
        return Finding::well("dependency", format!("{name} is healthy"));
    }
    let kind = dependency.error_kind.as_deref().unwrap_or("unavailable");
    let variable = if name == "postgres" { "TASKCAST_POSTGRES_URL" } else { "TASKCAST_REDIS_URL" };
    let advice = match kind {
        "authentication" => format!("correct user and password in the server's {variable}"),
        "dns" => format!("correct the host in the server's {variable}"),
        "connection_refused" => format!("start it, or correct the server's {variable}"),
        _ => "see whether it runs, is overloaded, or is cut off from the server".to_owned(),
    };
    Finding::ill("dependency", format!("{name} is {}: {kind}", dependency.state)).advice(advice)
}

/// How far apart the clocks are, where the answer has a date.
async fn clock(client: &Client) -> Option<Finding> {
    let answer = client.raw(Method::GET, &["health"], &[]).await.ok()?.send().await.ok()?;
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    let (theirs, ours) = (httpdate::parse_http_date(date).ok()?, SystemTime::now());
    let apart = ours.duration_since(theirs).unwrap_or_else(|error| error.duration());
    let text = format!("{} s apart from the server's", apart.as_secs());
    Some(if apart > CLOCKS_APART {
        Finding::note("clock", text).advice("tokens may expire early or late: run NTP on both machines")
    } else {
        Finding::well("clock", "as the server's")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_told_where_tasks_are_and_what_that_means() {
        for (short, long, part) in [
            ("memory", None, "gone when the server stops"),
            ("sqlite", None, "one instance alone"),
            ("redis", None, "redis, shared by all instances;"),
            ("redis", Some("postgres"), "with postgres as its archive"),
            ("postgres", Some("postgres"), "postgres, shared by all instances;"),
        ] {
            let adapter = |provider| json!({"provider": provider, "status": "ok"});
            let mut adapters = json!({"broadcast": adapter("redis"), "shortTermStore": adapter(short)});
            if let Some(long) = long {
                adapters["longTermStore"] = adapter(long);
            }
            let detail = json!({
                "ok": true, "version": "1", "uptime": 3, "auth": {"mode": "none"}, "adapters": adapters,
                "dependencies": {}, "storage": {},
            });
            let told = storage(&serde_json::from_str(&detail.to_string()).unwrap()).told();
            assert!(!told.0 && told.1.contains(part), "{told:?} instead of {part}");
        }
    }

    #[test]
    fn whoever_finds_a_dependency_down_reads_what_to_do() {
        for (name, kind, part) in [
            ("redisCommand", "connection_refused", "start it, or correct the server's TASKCAST_REDIS_URL"),
            ("postgres", "authentication", "user and password in the server's TASKCAST_POSTGRES_URL"),
            ("postgres", "dns", "correct the host"),
            ("redisPubSub", "timeout", "overloaded"),
        ] {
            let down = json!({"state": "unhealthy", "errorKind": kind}).to_string();
            let told = dependency_finding(name, &serde_json::from_str(&down).unwrap()).told();
            assert!(told.0 && told.1.contains(part) && told.1.contains(kind), "{told:?} instead of {part}");
        }
    }
}
