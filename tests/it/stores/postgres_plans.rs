//! That no statement of the PostgreSQL store reads a whole table, however the table grows after it was prepared.

use taskcast_actors::ports::TaskStore as _;

use super::postgres::{database, open};

/// The plan of `sql`, whatever its parameters.
async fn plan(client: &tokio_postgres::Client, sql: &str, params: usize) -> String {
    let nulls = vec!["NULL"; params].join(", ");
    let prepare = format!("DEALLOCATE ALL; PREPARE statement AS {sql}");
    client.batch_execute(&prepare).await.unwrap();
    let explain = format!("EXPLAIN (COSTS OFF) EXECUTE statement({nulls})");
    let rows = client.simple_query(&explain).await.unwrap();
    let lines = rows.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../src/stores/postgres/sql/", $name, ".sql"))
    };
}

#[tokio::test]
async fn every_statement_walks_an_index() {
    let database = database().await;
    open(&database).await.health().await.unwrap();
    let client = database.client().await;
    let setup = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; \
                 SET plan_cache_mode = force_generic_plan";
    client.batch_execute(setup).await.unwrap();
    let listings = [("list", 7, "tasks_by_creation", 0), ("list_by_status", 8, "tasks_by_status", 1)];
    let fill =
        "INSERT INTO taskcast_tasks SELECT 't' || n, 1, 0, 0, false, 'running', NULL, NULL, NULL, n, n, NULL,
                NULL, NULL, NULL, '{}' FROM generate_series(1, 5000) n; ANALYZE";
    for full in [false, true] {
        if full {
            client.batch_execute(fill).await.unwrap();
        }
        for (name, params, index, sorts) in listings {
            let template = if name == "list" { sql!("list") } else { sql!("list_by_status") };
            for (behind, direction) in [(">", "ASC"), ("<", "DESC")] {
                let sql = template.replace("{behind}", behind).replace("{direction}", direction);
                let plan = plan(&client, &sql, params).await;
                assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
                assert_eq!(plan.matches("Sort Key").count(), sorts, "{plan}");
            }
        }
        let others = [
            (sql!("advance"), 44),
            (sql!("archive_move"), 16),
            (sql!("archive_marks"), 4),
            (sql!("archive_checkpoints"), 5),
            (sql!("delete"), 2),
            (sql!("page"), 7),
            (sql!("seek_id"), 3),
            (sql!("seek_time"), 2),
            (sql!("receipt_put"), 4),
            (sql!("receipt_remove"), 1),
        ];
        for (sql, params) in others {
            let plan = plan(&client, sql, params).await;
            assert!(!plan.contains("Seq Scan"), "{plan}");
        }
        let advance = plan(&client, sql!("advance"), 44).await;
        assert_eq!(advance.matches("Tid Scan on taskcast_tasks t").count(), 1, "{advance}");
        assert_eq!(advance.matches("Tid Scan on taskcast_events e").count(), 1, "{advance}");
        assert!(!advance.contains("Join Filter"), "{advance}");
    }
}
