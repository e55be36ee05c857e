//! `taskcast tasks list`.

use anstyle::Style;
use futures_util::StreamExt as _;

use super::super::connect::Connect;
use super::super::exit::Exit;
use super::super::output::{self, Format};
use super::super::show;
use super::super::table::{Cell, Table};
use super::super::values;
use crate::client::{TaskQuery, TaskStatus, TaskView};

/// Rows that are written together.
const BLOCK: usize = 1000;

/// List tasks, the oldest first.
///
/// Example: taskcast tasks list --status running,blocked --type 'llm.*' --newest --limit 20
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tasks in one of these statuses
    #[arg(short, long, value_parser = values::status(), value_delimiter = ',')]
    status: Vec<TaskStatus>,
    /// Only tasks whose type fits, such as llm.chat or llm.*
    #[arg(short = 't', long = "type", value_name = "PATTERN")]
    task_type: Option<String>,
    /// Only tasks with this tag; repeat for several, all of which a task has to have
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// At most so many
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// The newest first
    #[arg(long)]
    newest: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Lists page by page.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let limit = args.limit.map_or(usize::MAX, |limit| limit as usize);
    let query = TaskQuery {
        status: args.status,
        task_type: args.task_type,
        tags: args.tags,
        newest_first: args.newest,
        page: Some(u32::try_from(limit.min(BLOCK))?),
        ..TaskQuery::default()
    };
    let mut tasks = client.list_tasks(query).take(limit);
    let mut table = Table::new(["ID", "STATUS", "TYPE", "CREATED", "SUBSCRIBERS"]);
    let mut found = false;
    while let Some(task) = tasks.next().await {
        let task = task?;
        found = true;
        if args.format.json {
            show::view_json(&task)?;
            continue;
        }
        table.add(row(&task));
        if table.waiting() >= BLOCK {
            table.write()?;
        }
    }
    match (args.format.json, found) {
        (true, _) => {}
        (false, true) => table.write()?,
        (false, false) => output::remark("there are no such tasks"),
    }
    Ok(Exit::DONE)
}

fn row(view: &TaskView) -> [Cell; 5] {
    let task = &view.task;
    [
        task.id.as_str().into(),
        Cell::styled(task.status.as_str(), output::status_style(task.status)),
        task.task_type.as_deref().unwrap_or("-").into(),
        Cell::styled(&output::moment(task.created_at), Style::new().dimmed()),
        view.subscriber_count.to_string().as_str().into(),
    ]
}
