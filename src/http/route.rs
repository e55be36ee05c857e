//! How a line of the route table becomes a resource: its methods, HEAD beside GET, 405 for the rest.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, Route, web};

use super::ApiError;
use super::extract::BodyLimit;

/// One method of a resource with what handles it.
pub(super) struct Endpoint {
    method: Method,
    route: Route,
}

/// `GET`, and `HEAD` with it.
pub(super) fn get<F, A>(handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let route = web::route().guard(Any(Get()).or(Head())).to(handler);
    Endpoint { method: Method::GET, route }
}

/// `POST`.
pub(super) fn post<F, A>(handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint { method: Method::POST, route: web::post().to(handler) }
}

/// `PATCH`.
pub(super) fn patch<F, A>(handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint { method: Method::PATCH, route: web::patch().to(handler) }
}

/// `DELETE`.
pub(super) fn delete<F, A>(handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint { method: Method::DELETE, route: web::delete().to(handler) }
}

/// The pattern of the resource that answered, as metrics and logs show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteLabel(pub(super) &'static str);

/// The resource at `path`, whose bodies may have `body_limit` bytes.
pub(super) fn resource(path: &'static str, body_limit: usize, endpoints: Vec<Endpoint>) -> Resource {
    let mut allow = Vec::new();
    for endpoint in &endpoints {
        allow.push(endpoint.method.as_str());
        if endpoint.method == Method::GET {
            allow.push("HEAD");
        }
    }
    let allow = allow.join(", ");
    let refuse = move || {
        let error = ApiError::method_not_allowed(&allow);
        async move { Err::<&'static str, _>(error) }
    };
    let resource = web::resource(path)
        .app_data(BodyLimit(body_limit))
        .app_data(RouteLabel(path))
        .default_service(web::to(refuse));
    endpoints.into_iter().fold(resource, |resource, endpoint| resource.route(endpoint.route))
}
