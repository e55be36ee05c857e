//! A server for the examples in the documentation of the SDK.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use actix_web::{App, HttpServer, web};

use crate::client::Client;
use crate::config::{Config, Storage};
use crate::http::{self, Service};

/// Runs `example` with a client of a server that keeps tasks in memory, and panics with its error.
pub fn with_client<R>(example: impl FnOnce(Client) -> R)
where
    R: Future<Output = Result<(), Box<dyn Error>>>,
{
    let (tell, told) = mpsc::channel();
    let server = std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(tell)));
    let (address, stop) = told.recv().expect("the server starts");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let client = Client::new(&format!("http://{address}")).expect("this is a URL");
    let done = runtime.block_on(example(client));
    runtime.block_on(stop.stop(false));
    server.join().expect("the server stops").expect("the server serves");
    done.expect("the example works");
}

async fn serve(
    tell: mpsc::Sender<(SocketAddr, actix_web::dev::ServerHandle)>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config { storage: Storage::Memory, ..Config::default() };
    let (engine, parts) = crate::app::start_engine(&config).await?;
    let service = web::Data::new(Service::new(engine.clone(), parts, &config)?);
    let bound = HttpServer::new(move || App::new().service(http::mount("", service.clone())))
        .workers(1)
        .disable_signals()
        .bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = bound.addrs()[0];
    let server = bound.run();
    tell.send((address, server.handle()))?;
    server.await?;
    engine.stop().await;
    Ok(())
}
