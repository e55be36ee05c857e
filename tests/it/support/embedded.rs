//! The service inside somebody else's server.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpServer, web};
use taskcast::http::{self, Service};

/// An embedder with a route of its own and the API under `prefix`, for as long as `test` runs. Its engine stops then.
pub(crate) async fn embedded<F: Future<Output = ()>>(
    prefix: &'static str,
    service: Service,
    test: impl FnOnce(SocketAddr) -> F,
) {
    let engine = service.engine.clone();
    let service = web::Data::new(service);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let app = move || {
        App::new()
            .route("/tasks/own", web::get().to(|| async { "the embedder's" }))
            .service(http::mount(prefix, service.clone()))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
    let handle = server.handle();
    let served = actix_web::rt::spawn(server);
    test(address).await;
    handle.stop(false).await;
    served.await.unwrap().unwrap();
    engine.stop().await;
}
