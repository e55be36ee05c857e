//! Tasks and events as commands show them: JSON as the server has it, text for people.

use serde::Serialize;

use super::output::{self, Format};
use crate::client::{Event, Json, Level, Task, TaskView, Timestamp};

/// A task of a list, as the server shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Viewed<'a> {
    #[serde(flatten)]
    task: &'a Task,
    hot: bool,
    subscriber_count: u64,
}

/// Writes a task with how many follow it as a line of JSON.
pub(super) fn view_json(view: &TaskView) -> anyhow::Result<()> {
    let subscriber_count = view.subscriber_count;
    output::json(&Viewed { task: &view.task, hot: subscriber_count > 0, subscriber_count })
}

/// Says what became of a task.
pub(super) fn outcome(format: Format, task: &Task) -> anyhow::Result<()> {
    if format.json {
        return output::json(task);
    }
    output::line(&headline(task))
}

/// Id and status.
fn headline(task: &Task) -> String {
    format!("{} {}", output::tame(task.id.as_str()), output::status(task.status))
}

/// Writes everything about a task, for people.
pub(super) fn details(view: &TaskView) -> anyhow::Result<()> {
    let task = &view.task;
    let moment = |at: Timestamp| Some(output::moment(at));
    let json = |value: &Option<Json>| value.as_ref().map(|value| value.as_str().to_owned());
    let error = task.error.as_ref().map(|error| match &error.code {
        Some(code) => format!("{} ({code})", error.message),
        None => error.message.clone(),
    });
    let request = task.blocked_request.as_ref().map(|request| match &request.data {
        Some(data) => format!("{} {}", request.request_type, data.as_str()),
        None => request.request_type.clone(),
    });
    let fields = [
        ("type", task.task_type.clone()),
        ("tags", task.tags.as_ref().map(|tags| tags.join(", "))),
        ("created", moment(task.created_at)),
        ("updated", moment(task.updated_at)),
        ("completed", task.completed_at.and_then(moment)),
        ("ttl", task.ttl.map(|seconds| format!("{seconds} s"))),
        ("subscribers", Some(view.subscriber_count.to_string())),
        ("worker", task.assigned_worker.clone()),
        ("reason", task.reason.clone()),
        ("resumes", task.resume_at.and_then(moment)),
        ("asks for", request),
        ("params", json(&task.params)),
        ("metadata", json(&task.metadata)),
        ("result", json(&task.result)),
        ("error", error),
        ("webhooks", task.webhooks.as_ref().map(|webhooks| webhooks.len().to_string())),
    ];
    let known = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let lines = known.map(|(name, value)| format!("\n  {name:<11}  {}", output::tame(&value)));
    output::line(&format!("{}{}", headline(task), lines.collect::<String>()))
}

/// Writes an event: its place in the log, when, what, and its data.
pub(super) fn event(format: Format, event: &Event) -> anyhow::Result<()> {
    if format.json {
        return output::json(event);
    }
    let at = output::dim(&format!("{:>5}  {}", event.index, output::moment(event.timestamp)));
    let kind = level(event.level, &output::tame(&event.event_type));
    let series = event.series_id.as_ref().map(|id| output::dim(&format!(" [{}]", output::tame(id))));
    output::line(&format!(
        "{at}  {kind}{}  {}",
        series.unwrap_or_default(),
        output::tame(event.data.as_str())
    ))
}

/// A text in the colour of its level.
pub(super) fn level(level: Level, text: &str) -> String {
    use anstyle::{AnsiColor, Style};
    let style = match level {
        Level::Debug => Style::new().dimmed(),
        Level::Info => Style::new(),
        Level::Warn => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Level::Error => Style::new().fg_color(Some(AnsiColor::Red.into())),
    };
    output::painted(text, style)
}
