//! The Rust SDK, through real sockets, against the real program and what networks do to connections to it.

mod book;
mod chaos;
mod endpoints;
mod global;
mod publisher;
mod refusals;
mod replay;
mod requests;
mod secrets;
mod streams;
mod tls;

use std::time::Duration;

use futures_util::StreamExt as _;
use taskcast::client::{Backoff, Client, ClientBuilder, Event, Received, Subscription};

use crate::support::{Server, within};

/// A client that is soon back.
fn hasty(url: &str) -> ClientBuilder {
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(20) };
    Client::builder(url).backoff(backoff)
}

/// A client of `server`, with nothing in between.
fn client(server: &Server) -> Client {
    hasty(&format!("http://{}", server.address)).build().unwrap()
}

/// All that comes out of a subscription.
async fn all(stream: Subscription) -> Vec<Received> {
    let read = stream.map(|received| received.expect("no error"));
    within("the end of the stream", read.collect()).await
}

/// The next event of a subscription.
async fn event(stream: &mut Subscription) -> Event {
    match within("an event", stream.next()).await {
        Some(Ok(Received::Event(event))) => *event,
        other => panic!("no event: {other:?}"),
    }
}
