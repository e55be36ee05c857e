//! Writers of one task on several instances: nobody loses for ever.

use std::time::Instant;

use taskcast_actors::ports::CommitError;

use super::*;

#[tokio::test]
async fn the_more_often_a_writer_loses_the_longer_the_winner_gives_way() {
    let redis = Redis::start().await;
    let settings = settings(&redis);
    let (winner, loser) = (connect(settings.clone()).await, connect(settings).await);
    winner.create(log("a", 0)).await.unwrap();
    winner.commit(append("a", 0, "{}")).await.unwrap();
    for losses in 1..=6 {
        let lost = loser.commit(append("a", losses - 1, "{}")).await;
        assert!(matches!(lost, Err(CommitError::Conflict)), "{lost:?}");
        let started = Instant::now();
        winner.commit(append("a", losses, "{}")).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(4 << (losses - 1)), "after {losses} losses");
    }
    loser.commit(append("a", 7, "{}")).await.unwrap();
    for key in texts(&redis.command(&["KEYS", "*"]).await) {
        if redis.command(&["TYPE", &key]).await == "+hash\r\n" {
            assert_eq!(redis.command(&["HEXISTS", &key, "waiting"]).await, ":0\r\n", "{key}: it has won");
        }
    }
}
