//! The service inside somebody else's actix-web server.

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::{Compat, from_fn};
use actix_web::web;

use super::{Service, observe, routes};

/// Every route of the service under `prefix`, next to an embedder's own. What happens around requests (CORS, counting)
/// happens only under the prefix.
///
/// ```
/// use actix_web::{App, web};
/// use taskcast::config::{Config, Storage};
/// use taskcast::http::{self, Service};
///
/// # actix_web::rt::System::new().block_on(async {
/// let config = Config { storage: Storage::Memory, ..Config::default() };
/// let (engine, parts) = taskcast::app::start_engine(&config).await?;
/// let service = web::Data::new(Service::new(engine, parts, &config)?);
/// let app = App::new().service(http::mount("/streams", service)).route("/", web::get().to(|| async { "mine" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub fn mount(prefix: &str, service: web::Data<Service>) -> impl HttpServiceFactory + use<> {
    let limits = service.settings.limits;
    web::scope(prefix)
        .app_data(service)
        .configure(move |config| routes(config, &limits))
        .wrap(Compat::new(from_fn(observe)))
}
