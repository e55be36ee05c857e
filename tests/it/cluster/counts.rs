//! How many readers a task has, over all instances.

use super::harness::Cluster;
use crate::support::{Server, Store, Stream, wait_until};

async fn counts(server: &Server, expected: u64) {
    wait_until("the count is told", async || {
        let task = server.get("/tasks/t").await.ok(200);
        let right = task["subscriberCount"] == expected && task["hot"] == (expected > 0);
        right.then_some(())
    })
    .await;
}

#[tokio::test]
async fn readers_are_counted_over_all_instances_and_forgotten_with_theirs() {
    for store in [Store::Tiered, Store::Postgres] {
        let mut cluster = Cluster::start(store, 3).await;
        cluster.instances[0].running("t").await;
        let mut streams = Vec::new();
        for (place, number) in [(0, 1), (1, 2), (2, 3)] {
            for _ in 0..number {
                let address = cluster.instances[place].client.address;
                streams.push(Stream::open(address, "/tasks/t/events").await);
            }
        }
        for instance in &cluster.instances {
            counts(instance, 6).await;
        }
        let listed = cluster.instances[2].get("/tasks").await.ok(200);
        assert_eq!(listed["tasks"][0]["subscriberCount"], 6);
        // One instance is killed: its readers are gone.
        cluster.kill_oldest().await;
        // Readers of another one leave.
        streams.drain(1..3);
        for instance in &cluster.instances {
            counts(instance, 3).await;
        }
        let detail = cluster.instances[0].get("/health/detail").await.ok(200);
        assert_eq!(detail["storage"]["activeWriterCount"], 2);
    }
}
