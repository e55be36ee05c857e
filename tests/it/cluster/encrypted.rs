//! TLS to Redis and to Postgres: who is trusted, and who is not.

use super::harness::{Cluster, refused};
use crate::support::servers::{Authority, Postgres, Redis};
use crate::support::{Setup, Store, wait_until};

/// Where the servers of these tests are.
const HERE: &str = "127.0.0.1";

/// An address with `sslmode`.
fn with_mode(url: &str, mode: &str) -> String {
    format!("{url}?sslmode={mode}")
}

/// Both instances write, and read what the other one writes as it comes.
async fn works(cluster: &Cluster, id: &str) {
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running(id).await;
    let mut stream = other.stream(&format!("/tasks/{id}/events?since.index=0")).await;
    one.publish(id, r#"{"type":"n","data":1}"#).await;
    assert_eq!(stream.event().await["data"], 1);
    other.publish(id, r#"{"type":"n","data":2}"#).await;
    one.moved(id, "completed").await;
    assert_eq!(stream.rest().await.done.as_deref(), Some("completed"));
    assert_eq!(one.history(id, "").await.len(), 4);
}

#[tokio::test]
async fn a_cluster_works_over_tls_and_takes_connections_up_again() {
    let authority = Authority::new();
    let identity = authority.vouch_for(HERE);
    let (mut redis, mut postgres) =
        tokio::join!(Redis::start_encrypted(&identity), Postgres::start_encrypted(&identity));
    let database = postgres.database().await;
    let setup = Setup::new(Store::Tiered).environment(vec![
        ("TASKCAST_REDIS_URL", redis.url()),
        ("TASKCAST_REDIS_PREFIX", Redis::prefix()),
        ("TASKCAST_POSTGRES_URL", with_mode(&database.url, "require")),
        ("TASKCAST_AUTO_MIGRATE", "true".into()),
        ("SSL_CERT_FILE", authority.file()),
    ]);
    let cluster = Cluster::start_with(setup, 2).await;
    works(&cluster, "before").await;
    // All clients of the encrypted port are encrypted, so it is enough that those of the other one are the test's own.
    let clients = redis.command(&["CLIENT", "LIST"]).await;
    let plain = format!(" laddr={}", redis.url_unencrypted().trim_start_matches("redis://"));
    assert_eq!(clients.matches(&plain).count(), 1, "{clients}");
    let sql = "SELECT count(*) FILTER (WHERE ssl), count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'taskcast'";
    let row = database.client().await.query_one(sql, &[]).await.expect("a row");
    let (encrypted, all): (i64, i64) = (row.get(0), row.get(1));
    assert!(encrypted == all && all >= 2, "{encrypted} of {all}");

    redis.kill().await;
    postgres.kill().await;
    tokio::join!(redis.restart(), postgres.restart());
    for instance in &cluster.instances {
        wait_until("both are back", async || {
            (instance.get("/health/ready").await.status == 200).then_some(())
        })
        .await;
    }
    works(&cluster, "after").await;
    wait_until("the archive has it", async || {
        let sql = "SELECT count(*) FROM taskcast_events WHERE task_id = 'after'";
        let row = database.client().await.query_one(sql, &[]).await.expect("a row");
        (row.get::<_, i64>(0) == 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_does_not_prove_who_it_is_is_refused() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let (right, stranger, elsewhere, plain) = tokio::join!(
        async { Redis::start_encrypted(&known.vouch_for(HERE)).await },
        async { Redis::start_encrypted(&unknown.vouch_for(HERE)).await },
        async { Redis::start_encrypted(&known.vouch_for("elsewhere.example")).await },
        Redis::start(),
    );
    let trusting = ("SSL_CERT_FILE", known.file());
    let over_tls = |server: &Redis| server.url().replace("redis://", "rediss://");
    let table = [
        (stranger.url(), "does not prove who it is (UnknownIssuer)"),
        (elsewhere.url(), "does not prove who it is (NotValidForName"),
        (over_tls(&plain), "cannot connect to Redis"),
        (right.url().replace("rediss://", "redis://"), "cannot connect to Redis"),
    ];
    for (url, reason) in table {
        let text = refused(&[("TASKCAST_REDIS_URL", &url), (trusting.0, &trusting.1)], &[]).await;
        assert!(text.contains(reason), "{url}: {text}");
    }
    let text = refused(&[("TASKCAST_REDIS_URL", &right.url())], &[]).await;
    assert!(text.contains("does not prove who it is"), "without the authority: {text}");
}

#[tokio::test]
async fn a_postgres_that_does_not_prove_who_it_is_is_refused_where_it_has_to() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let (stranger, elsewhere, plain) = tokio::join!(
        async { Postgres::start_encrypted(&unknown.vouch_for(HERE)).await },
        async { Postgres::start_encrypted(&known.vouch_for("elsewhere.example")).await },
        Postgres::start(),
    );
    let trusting = ("SSL_CERT_FILE", known.file());
    for mode in ["require", "verify-ca", "verify-full"] {
        for (server, reason) in [(&stranger, "certificate"), (&elsewhere, "certificate"), (&plain, "TLS")] {
            let url = with_mode(&server.database().await.url, mode);
            let variables = [
                ("TASKCAST_POSTGRES_URL", url.as_str()),
                ("TASKCAST_AUTO_MIGRATE", "true"),
                (trusting.0, &trusting.1),
            ];
            let text = refused(&variables, &["--storage", "postgres"]).await;
            assert!(text.contains(reason), "{mode}: {text}");
        }
    }
}

#[tokio::test]
async fn what_is_to_be_trusted_must_be_there() {
    let authority = Authority::new();
    let identity = authority.vouch_for(HERE);
    let (redis, postgres) =
        tokio::join!(Redis::start_encrypted(&identity), Postgres::start_encrypted(&identity));
    let postgres = with_mode(&postgres.database().await.url, "require");
    let redis = redis.url();
    let table = [
        (("TASKCAST_REDIS_URL", redis.as_str()), "redis"),
        (("TASKCAST_POSTGRES_URL", postgres.as_str()), "postgres"),
    ];
    for (variable, storage) in table {
        let missing = ("SSL_CERT_FILE", "/nowhere/authority.pem");
        let text = refused(&[variable, missing], &["--storage", storage]).await;
        assert!(text.contains("/nowhere/authority.pem"), "{text}");
    }
}

#[tokio::test]
async fn without_sslmode_a_postgres_that_offers_tls_is_spoken_to_over_it_whoever_it_is() {
    let postgres = Postgres::start_encrypted(&Authority::new().vouch_for("elsewhere.example")).await;
    let database = postgres.database().await;
    for (url, encrypted) in [(database.url.clone(), true), (with_mode(&database.url, "disable"), false)] {
        let setup = Setup::new(Store::Postgres)
            .environment(vec![("TASKCAST_POSTGRES_URL", url), ("TASKCAST_AUTO_MIGRATE", "true".into())]);
        let server = setup.start().await;
        server.create(if encrypted { "t" } else { "u" }).await;
        let sql = "SELECT bool_and(ssl = $1) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'taskcast'";
        let row = database.client().await.query_one(sql, &[&encrypted]).await.expect("a row");
        assert_eq!(row.get::<_, Option<bool>>(0), Some(true));
        server.killed().await;
        wait_until("its connections are closed", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskcast'";
            let row = database.client().await.query_one(sql, &[]).await.expect("a row");
            (row.get::<_, i64>(0) == 0).then_some(())
        })
        .await;
    }
}
