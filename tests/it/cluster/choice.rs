//! Which storage is chosen, and what refuses to start.

use super::harness::{Own, refused};
use crate::support::{Setup, Store};

#[tokio::test]
async fn what_makes_no_sense_refuses_to_start_and_says_why() {
    let postgres = ("TASKCAST_POSTGRES_URL", "postgres://user:s3cret@127.0.0.1:1/db");
    let redis = ("TASKCAST_REDIS_URL", "redis://:s3cret@127.0.0.1:1");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let table: [Case<'_>; 8] = [
        (&[], &["--storage", "redis"], "set `redis.url` or TASKCAST_REDIS_URL"),
        (&[], &["--storage", "postgres"], "set `postgres.url` or TASKCAST_POSTGRES_URL"),
        (&[redis], &["--storage", "postgres"], "set `postgres.url` or TASKCAST_POSTGRES_URL"),
        (&[postgres], &[], "contradict each other"),
        (&[redis], &[], "connection_refused"),
        (&[postgres], &["--storage", "postgres"], "connection_refused"),
        (&[("TASKCAST_REDIS_URL", "s3cret")], &[], "redis"),
        (&[("TASKCAST_POSTGRES_URL", "s3cret")], &["--storage", "postgres"], "postgres"),
    ];
    for (vars, arguments, reason) in table {
        let text = refused(vars, arguments).await;
        assert!(text.to_lowercase().contains(&reason.to_lowercase()), "{vars:?} {arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_database_without_the_schema_is_refused_unless_migration_is_asked_for() {
    let own = Own::start().await;
    let [redis, postgres] =
        ["TASKCAST_REDIS_URL", "TASKCAST_POSTGRES_URL"].map(|name| (name, own.variable(name)));
    let text = refused(&[redis, postgres], &[]).await;
    assert!(text.contains("taskcast migrate") && text.contains("TASKCAST_AUTO_MIGRATE"), "{text}");
    let text = refused(&[redis, postgres], &["--storage", "postgres"]).await;
    assert!(text.contains("taskcast migrate"), "{text}");
}

#[tokio::test]
async fn a_storage_that_is_chosen_leaves_other_servers_alone() {
    let environment = vec![("TASKCAST_REDIS_URL", "redis://:s3cret@127.0.0.1:1".to_owned())];
    let server = Setup::new(Store::Memory).environment(environment).start().await;
    server.create("t").await;
    assert!(server.logs().contains("TASKCAST_REDIS_URL` is not used by storage memory"), "{}", server.logs());
    assert!(!server.logs().contains("s3cret"));
}

#[tokio::test]
async fn a_redis_whose_cold_tasks_are_in_postgres_does_not_start_without_it() {
    let own = Own::start().await;
    let cluster = own.cluster(1).await;
    cluster.instances[0].running("t").await;
    cluster.release("t").await.ok(200);
    let [redis, prefix] =
        ["TASKCAST_REDIS_URL", "TASKCAST_REDIS_PREFIX"].map(|name| (name, own.variable(name)));
    let text = refused(&[redis, prefix], &[]).await;
    assert!(text.contains("TASKCAST_POSTGRES_URL"), "{text}");
}
