//! Encrypted connections.

use serde_json::json;
use taskcast::client::{Client, ClientBuilder, Connection, NewEvent, NewTask};

use super::hasty;
use crate::support::servers::Authority;
use crate::support::tls::Door;
use crate::support::{Server, Store, within};

fn to(door: &Door, authority: &Authority) -> ClientBuilder {
    hasty(&door.url()).authorities(authority.file()).attempts(2)
}

#[tokio::test]
async fn a_server_whose_authority_is_added_is_believed() {
    let server = Server::start(Store::Memory).await;
    let authority = Authority::new();
    let door = Door::to(server.address, &authority.vouch_for("127.0.0.1")).await;
    let client = to(&door, &authority).build().unwrap();
    let task = client.create_task(NewTask::default()).await.unwrap();
    client.publish(&task.id, NewEvent::delta("text", "answer", "se")).await.unwrap();
    let mut text = client.subscribe(&task.id).text("answer");
    assert_eq!(text.changed().await.unwrap().unwrap(), "se");
    client.publish(&task.id, NewEvent::delta("text", "answer", "cret")).await.unwrap();
    assert_eq!(text.changed().await.unwrap().unwrap(), "secret");
    client.start(&task.id).await.unwrap();
    client.complete(&task.id, json!({})).await.unwrap();
    assert_eq!(text.finished().await.unwrap().0, "secret");
}

#[tokio::test]
async fn a_server_that_does_not_prove_who_it_is_is_told_nothing() {
    let server = Server::start(Store::Memory).await;
    let (known, unknown) = (Authority::new(), Authority::new());
    let stranger = Door::to(server.address, &unknown.vouch_for("127.0.0.1")).await;
    let elsewhere = Door::to(server.address, &known.vouch_for("elsewhere.example")).await;
    for (door, reason) in [(stranger, "UnknownIssuer"), (elsewhere, "not valid for name")] {
        let client: Client = to(&door, &known).token("s3cret").build().unwrap();
        let error = client.create_task(NewTask::default()).await.unwrap_err();
        assert_eq!(error.code(), "connection_failed");
        let text = error.to_string();
        assert!(text.starts_with("cannot connect to the server: ") && text.contains(reason), "{text}");
        assert!(!error.outcome_is_unknown());
        // A stream goes on trying, and says why it has to.
        let mut stream = client.subscribe("t").stream();
        let mut status = stream.watch_status();
        let following = tokio::spawn(async move {
            let trying = status.wait_for(|status| *status == Connection::Retrying);
            tokio::select! {
                _ = futures_util::StreamExt::next(&mut stream) => panic!("nothing comes"),
                tried = trying => drop(tried),
            }
            stream.trouble().expect("it is known")
        });
        let trouble = within("a failure", following).await.unwrap();
        assert!(trouble.to_string().contains(reason), "{trouble}");
        assert_eq!(door.heard(), 0);
    }
}
