//! What tests of the HTTP service share: the program as a child process, and clients that see raw bytes.

pub(crate) mod client;
pub(crate) mod embedded;
#[macro_use]
pub mod engine;
pub(crate) mod hooks;
pub(crate) mod middlebox;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod resp;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod sse;
pub(crate) mod terminal;
pub(crate) mod tls;

use std::time::Duration;

pub(crate) use client::{Answer, Client, Wire};
pub(crate) use server::{Server, Setup, Store};
pub(crate) use sse::{Frame, Stream};

/// After this long a test that waits for something has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future`, but not for ever.
///
/// # Panics
/// When it takes longer than [`PATIENCE`].
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Asks again until `condition` gives something. It has to await an answer, which is what sets the pace.
pub(crate) async fn wait_until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Makes a test of each `async fn(Server)` for every way to keep tasks.
#[macro_export]
macro_rules! on_each_store {
    ($($name:ident),* $(,)?) => {
        $($crate::__for_each_store!($name, store, $crate::support::Server::start(store).await);)*
    };
}

/// Makes two tests of each `async fn(Server)`, for what has little to do with how tasks are kept.
#[macro_export]
macro_rules! on_local_stores {
    ($($name:ident),* $(,)?) => {
        $($crate::__for_each_store!(@ $name, store, $crate::support::Server::start(store).await;
            memory Memory, sqlite Sqlite);)*
    };
}

/// Makes a test of each `async fn(Store)` for every way to keep tasks, for tests that start the program themselves.
#[macro_export]
macro_rules! with_each_store {
    ($($name:ident),* $(,)?) => {
        $($crate::__for_each_store!($name, store, store);)*
    };
}

/// The part of the two that repeats.
#[macro_export]
macro_rules! __for_each_store {
    ($name:ident, $store:ident, $argument:expr) => {
        $crate::__for_each_store!(@ $name, $store, $argument;
            memory Memory, sqlite Sqlite, redis Redis, postgres Postgres, tiered Tiered);
    };
    (@ $name:ident, $store:ident, $argument:expr; $($test:ident $kind:ident),*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() {
                    let $store = $crate::support::Store::$kind;
                    super::$name($argument).await;
                }
            )*
        }
    };
}
