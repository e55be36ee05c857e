//! Nothing that a client says shows who it is, or what an address hides.

use taskcast::client::{Client, ClientBuilder, NewEvent, NewTask, NewWebhook, TaskQuery};

use super::hasty;
use crate::support::proxy::{Fate, Proxy};

const SECRET: &str = "s3cret";

fn hides(what: &str, said: &str) {
    assert!(!said.contains(SECRET), "{what}: {said}");
}

async fn hides_all(builder: ClientBuilder) {
    hides("the builder", &format!("{builder:?}"));
    let client = builder.clone().build().unwrap();
    hides("the client", &format!("{client:?} {}", client.base()));
    hides("a subscription", &format!("{:?}", client.subscribe("t")));
    hides("an open one", &format!("{:?}", client.subscribe("t").stream()));
    hides("a publisher", &format!("{:?} {:?}", client.publisher("t"), client.publisher("t").open()));
    let webhook = NewWebhook {
        url: format!("https://{SECRET}@example.org/?{SECRET}"),
        secret: Some(SECRET.into()),
        ..NewWebhook::default()
    };
    let task = NewTask { webhooks: Some(vec![webhook]), ..NewTask::default() };
    hides("a task", &format!("{task:?}"));
    let mut list = client.list_tasks(TaskQuery { task_type: Some(SECRET.into()), ..TaskQuery::default() });
    let errors = [
        client.create_task(task).await.unwrap_err(),
        client.publish("t", NewEvent::new("a", 1)).await.unwrap_err(),
        client.admin_token(SECRET, &[], 1).await.unwrap_err(),
        futures_util::StreamExt::next(&mut list).await.unwrap().unwrap_err(),
    ];
    for error in errors {
        hides("an error", &format!("{error} {error:?}"));
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(because) = cause {
            hides("a cause", &format!("{because} {because:?}"));
            cause = because.source();
        }
    }
}

#[tokio::test]
async fn neither_errors_nor_descriptions_hold_what_is_secret() {
    let nonsense = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n{";
    let refused = "HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 1\r\n\r\n{";
    let proxies = [
        Proxy::answering(&[nonsense]).await,
        Proxy::answering(&[refused]).await,
        Proxy::planned(([127, 0, 0, 1], 1).into(), vec![Fate::Refused; 99]).await,
        Proxy::planned(([127, 0, 0, 1], 1).into(), vec![Fate::Asking(3); 99]).await,
    ];
    let mut urls: Vec<_> = proxies.iter().map(Proxy::url).collect();
    urls.extend(["http://127.0.0.1:1".to_owned(), "http://no.such.host.invalid".to_owned()]);
    for url in urls {
        let builder = hasty(&format!("{url}/base?token={SECRET}#{SECRET}")).attempts(2);
        hides_all(builder.clone().token(SECRET)).await;
        hides_all(builder.clone().service_key(SECRET)).await;
        hides_all(builder.token_provider(|| async { Ok(SECRET.to_owned()) })).await;
    }
    for asked in proxies.iter().flat_map(Proxy::asked) {
        assert!(!asked.contains("token="), "what an address hides means nothing to a server: {asked}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_before_anything_is_sent() {
    let invalid = [
        Client::builder("nowhere"),
        Client::builder("ftp://s3cret@example.org"),
        Client::builder("https://user:s3cret@example.org"),
        Client::builder("https://example.org").token("s3cret\n"),
        Client::builder("https://example.org").service_key("s3cret\0"),
        Client::builder("https://example.org").user_agent("s3cret\n"),
        Client::builder("https://example.org").authorities("/nowhere/authorities.pem"),
        Client::builder("https://example.org").authorities("Cargo.toml"),
    ];
    for builder in invalid {
        let error = builder.build().unwrap_err();
        assert_eq!(error.code(), "invalid_request");
        hides("a refusal", &format!("{error} {error:?}"));
    }
}
