//! Servers that are not there, refuse, or go away.

use std::time::Instant;

use taskcast::stores::link::Phase;
use taskcast::stores::redis::ConnectError;
use taskcast_actors::ports::{CommitError, CreateError, ErrorKind, StoreError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::support::wait_until;

/// Settings of somebody who does not want to wait.
fn impatient(redis: &Redis) -> RedisSettings {
    RedisSettings { command_timeout: Duration::from_secs(2), ..settings(redis) }
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { dependency: "redisCommand", .. })
}

async fn refusal(url: &str) -> ConnectError {
    let settings = RedisSettings { url: url.to_owned(), ..RedisSettings::default() };
    RedisStore::connect(settings).await.err().expect("nobody is there")
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_so_without_the_password() {
    let refused = refusal("redis://somebody:s3cret@127.0.0.1:1").await;
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    let unknown = refusal("redis://somebody:s3cret@no-such-host.invalid:1").await;
    assert_eq!(unknown.kind(), ErrorKind::Dns, "{unknown}");
    for error in [refused, unknown, refusal("nonsense://s3cret").await, refusal("s3cret").await] {
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_password_is_needed_where_one_is_asked_for() {
    let redis = Redis::start().await;
    redis.command(&["CONFIG", "SET", "requirepass", "right"]).await;
    let with = |user: &str| redis.url().replace("//", &format!("//{user}@"));
    for url in [redis.url(), with(":wr0ng"), with("nobody:right")] {
        let error = refusal(&url).await;
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
        assert!(!format!("{error} {error:?}").contains("wr0ng"));
    }
    let settings = RedisSettings { url: with(":right"), ..settings(&redis) };
    let store = connect(settings.clone()).await;
    store.create(log("a", 1)).await.unwrap();
    RedisBus::connect(&settings).await.expect("the password is right");
}

#[tokio::test]
async fn while_redis_is_away_writes_are_refused_in_time_and_afterwards_they_work_again() {
    let mut redis = Redis::start().await;
    let store = connect(impatient(&redis)).await;
    store.create(log("a", 0)).await.unwrap();
    store.commit(append("a", 0, "{}")).await.unwrap();
    redis.kill().await;
    let mut unwritten = false;
    while !unwritten {
        let started = Instant::now();
        unwritten = match store.commit(append("a", 1, "{}")).await {
            Err(CommitError::NotWritten(error)) => is_unavailable(&error),
            Err(CommitError::Unknown(error)) if is_unavailable(&error) => false,
            other => panic!("{other:?}"),
        };
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    let refused = store.create(log("b", 0)).await;
    assert!(matches!(refused, Err(CreateError::NotWritten(error)) if is_unavailable(&error)));
    assert!(is_unavailable(&store.load(&id("a")).await.unwrap_err()));
    assert!(is_unavailable(&store.health().await.unwrap_err()));
    assert!(matches!(store.link().snapshot().phase, Phase::Reconnecting | Phase::Unhealthy));

    redis.restart().await;
    wait_until("the store works again", async || store.health().await.ok()).await;
    assert_eq!(store.load(&id("a")).await.unwrap().unwrap().stamp, stamp(1));
    store.commit(append("a", 1, "{}")).await.unwrap();
    let report = store.link().snapshot();
    assert_eq!((report.phase, report.reconnects), (Phase::Healthy, 1));
    assert!(report.last_error.is_some());
}

#[tokio::test]
async fn a_connection_that_is_cut_mends_itself() {
    let redis = Redis::start().await;
    let store = connect(impatient(&redis)).await;
    store.create(log("a", 0)).await.unwrap();
    for version in 0..5 {
        redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
        wait_until("the store works again", async || match store.commit(append("a", version, "{}")).await {
            Ok(()) => Some(()),
            Err(CommitError::NotWritten(_)) => None,
            Err(CommitError::Unknown(_)) => {
                let read = store.stamps(&[id("a")]).await.ok()?;
                (read == [Some(stamp(version + 1))]).then_some(())
            }
            Err(CommitError::Conflict) => panic!("nobody else writes"),
        })
        .await;
    }
    assert_eq!(slots(&store, "a", Range::to_the_end(0)).await.len(), 5);
}

/// Has the server answer nobody for a while. Its own answer to this still comes.
async fn pause(redis: &Redis) {
    let url = redis.url();
    let mut socket = TcpStream::connect(url.trim_start_matches("redis://")).await.unwrap();
    socket.write_all(b"CLIENT PAUSE 1500 ALL\r\n").await.unwrap();
    let mut answer = [0; 5];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let redis = Redis::start().await;
    let settings = RedisSettings { command_timeout: Duration::from_millis(300), ..settings(&redis) };
    let store = connect(settings).await;
    store.create(log("a", 0)).await.unwrap();
    pause(&redis).await;
    let started = Instant::now();
    let refused = store.commit(append("a", 0, "{}")).await;
    assert!(matches!(refused, Err(CommitError::Unknown(error)) if is_unavailable(&error)));
    assert!(started.elapsed() < Duration::from_secs(1));
    wait_until("the store works again", async || store.health().await.ok()).await;
}

#[tokio::test]
async fn a_server_without_memory_refuses_writes_and_keeps_reads() {
    let redis = Redis::start().await;
    let store = open(&redis, true).await;
    store.create(log("a", 3)).await.unwrap();
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = store.commit(append("a", 3, "{}")).await;
    assert!(matches!(refused, Err(CommitError::NotWritten(error)) if is_unavailable(&error)));
    assert!(matches!(store.create(log("b", 0)).await, Err(CreateError::NotWritten(_))));
    assert_eq!(slots(&store, "a", Range::to_the_end(0)).await.len(), 3);
    assert_eq!(store.load(&id("a")).await.unwrap().unwrap().stamp, stamp(3));
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    store.commit(append("a", 3, "{}")).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_dropped_closes_its_connections() {
    let redis = Redis::start().await;
    let count = async || texts(&redis.command(&["CLIENT", "LIST"]).await).concat().lines().count();
    let settings = settings(&redis);
    let store = connect(settings.clone()).await;
    let bus = RedisBus::beside(&store).await.unwrap();
    assert_eq!(count().await, 3);
    drop((store, bus));
    wait_until("the connections are closed", async || (count().await == 1).then_some(())).await;
}
