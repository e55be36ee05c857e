//! The numbered steps of the schema (`migrations/README.md`).

use tokio_postgres::{Client, Error};

use super::connect::Connector;
use super::error::{OpenError, of_postgres};
use super::settings::PostgresSettings;

/// One step of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub version: i64,
    /// What its file is called.
    pub name: &'static str,
    sql: &'static str,
}

/// Every step, in order.
const STEPS: [Step; 2] = [
    Step { version: 1, name: "0001_tasks", sql: include_str!("../../../migrations/postgres/0001_tasks.sql") },
    Step {
        version: 2,
        name: "0002_receipts",
        sql: include_str!("../../../migrations/postgres/0002_receipts.sql"),
    },
];

const KNOWN: i64 = STEPS.len() as i64;

/// Whoever holds this lock changes the schema.
const LOCK: i64 = 0x7461_736b_6361_7374;

/// The steps that the database of `settings` lacks.
///
/// # Errors
/// When the database cannot be used or belongs to a newer version.
pub async fn pending(settings: &PostgresSettings) -> Result<Vec<Step>, OpenError> {
    let connector = Connector::new(settings.clone())?;
    let client = connect(&connector).await?;
    missing(&client, &connector).await
}

/// Applies the steps that the database of `settings` lacks; gives those that it applied. Several programs may do so
/// at the same time: each step is applied once.
///
/// # Errors
/// When the database cannot be used or belongs to a newer version.
pub async fn migrate(settings: &PostgresSettings) -> Result<Vec<Step>, OpenError> {
    let connector = Connector::new(settings.clone())?;
    let client = connect(&connector).await?;
    apply_missing(&client, &connector).await
}

/// A connection to a database that can hold every text.
async fn connect(connector: &Connector) -> Result<Client, OpenError> {
    let unreachable = |error| OpenError::Unreachable { place: connector.place(), error };
    let (client, _) = connector.connect_in_time().await.map_err(unreachable)?;
    let sql = "SELECT current_setting('server_encoding'), current_setting('client_encoding')";
    let row = client.query_one(sql, &[]).await.map_err(|error| unreachable(of_postgres(&error)))?;
    for column in 0..2 {
        let found: String = row.try_get(column).map_err(|error| unreachable(of_postgres(&error)))?;
        if found != "UTF8" {
            return Err(OpenError::Encoding { place: connector.place(), found });
        }
    }
    Ok(client)
}

/// Sees to it that the schema is the one this program knows.
pub(super) async fn ensure(connector: &Connector) -> Result<(), OpenError> {
    let client = connect(connector).await?;
    if connector.settings.auto_migrate {
        apply_missing(&client, connector).await?;
        return Ok(());
    }
    match missing(&client, connector).await?.len() {
        0 => Ok(()),
        missing => Err(OpenError::Outdated { place: connector.place(), missing, known: STEPS.len() }),
    }
}

async fn missing(client: &Client, connector: &Connector) -> Result<Vec<Step>, OpenError> {
    let applied = applied(client).await.map_err(|error| failed(connector, &error))?;
    check_known(connector, &applied)?;
    Ok(STEPS.into_iter().filter(|step| !applied.contains(&step.version)).collect())
}

fn failed(connector: &Connector, error: &Error) -> OpenError {
    OpenError::Unreachable { place: connector.place(), error: of_postgres(error) }
}

fn check_known(connector: &Connector, applied: &[i64]) -> Result<(), OpenError> {
    match applied.iter().copied().max().filter(|newest| *newest > KNOWN) {
        Some(found) => Err(OpenError::Newer { place: connector.place(), found, known: KNOWN }),
        None => Ok(()),
    }
}

/// The numbers of the steps that the database has.
async fn applied(client: &Client) -> Result<Vec<i64>, Error> {
    let there = client.query_one("SELECT to_regclass('taskcast_migrations') IS NOT NULL", &[]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let rows = client.query("SELECT version FROM taskcast_migrations", &[]).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

async fn apply_missing(client: &Client, connector: &Connector) -> Result<Vec<Step>, OpenError> {
    let mut done = Vec::new();
    for step in missing(client, connector).await? {
        if apply(client, connector, step).await? {
            done.push(step);
        }
    }
    Ok(done)
}

/// Applies `step` unless somebody else has done so; says whether it did. A failure ends the connection, and the
/// transaction with it.
async fn apply(client: &Client, connector: &Connector, step: Step) -> Result<bool, OpenError> {
    let failed = |error: Error| failed(connector, &error);
    client.batch_execute(&begin()).await.map_err(failed)?;
    let found = applied(client).await.map_err(failed)?;
    check_known(connector, &found)?;
    let new = !found.contains(&step.version);
    if new {
        client.batch_execute(step.sql).await.map_err(failed)?;
        let sql = "INSERT INTO taskcast_migrations (version, name) VALUES ($1, $2)";
        client.execute(sql, &[&step.version, &step.name]).await.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(new)
}

/// Begins a transaction in which nobody else changes the schema.
fn begin() -> String {
    format!("BEGIN ISOLATION LEVEL READ COMMITTED; {} {}", lock(), include_str!("sql/migrations.sql"))
}

fn lock() -> String {
    format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({LOCK});"
    )
}
