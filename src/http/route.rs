//! How a line of the route table becomes a resource: its methods, who may use them, HEAD beside GET, 405 for the rest.

use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, Route, web};

use super::extract::BodyLimit;
use super::guard::{Access, Guarded};
use super::{ApiError, Service};

/// One method of a resource with what handles it.
pub(super) struct Endpoint {
    method: Method,
    access: Access,
    route: Route,
}

/// A method for those who have `access`.
fn endpoint<F, A>(method: Method, route: Route, access: Access, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Endpoint { method, access, route: route.to(Guarded::new(access, handler)) }
}

/// `GET`, and `HEAD` with it.
pub(super) fn get<F, A>(access: Access, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    endpoint(Method::GET, web::route().guard(Any(Get()).or(Head())), access, handler)
}

/// `POST`.
pub(super) fn post<F, A>(access: Access, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    endpoint(Method::POST, web::post(), access, handler)
}

/// `PATCH`.
pub(super) fn patch<F, A>(access: Access, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    endpoint(Method::PATCH, web::patch(), access, handler)
}

/// `DELETE`.
pub(super) fn delete<F, A>(access: Access, handler: F) -> Endpoint
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    endpoint(Method::DELETE, web::delete(), access, handler)
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
    let accesses: Vec<Access> = endpoints.iter().map(|endpoint| endpoint.access).collect();
    let refuse = move |service: web::Data<Service>| {
        let off = accesses.iter().all(|access| access.is_off(&service));
        let error = if off { ApiError::not_found() } else { ApiError::method_not_allowed(&allow) };
        async move { Err::<&'static str, _>(error) }
    };
    let resource = web::resource(path)
        .app_data(BodyLimit(body_limit))
        .app_data(RouteLabel(path))
        .default_service(web::to(refuse));
    endpoints.into_iter().fold(resource, |resource, endpoint| resource.route(endpoint.route))
}
