//! What happens around every request: an id for the logs, cross-origin headers, counting.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{InternalError, ResponseError as _};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, TRANSFER_ENCODING, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, web};
use futures_util::FutureExt as _;
use taskcast_actors::TaskHooks as _;
use taskcast_actors::domain::Timestamp;

use super::extract::{discard, task_of};
use super::route::RouteLabel;
use super::{ApiError, Service};
use crate::config::CorsOrigins;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,POST,DELETE,PATCH");
const EXPOSED: HeaderValue = HeaderValue::from_static("Idempotent-Replayed, Retry-After");

/// Wraps every request.
///
/// # Errors
/// None of its own.
pub async fn observe<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    discard_unwanted_body(&mut request).await;
    let service =
        request.app_data::<web::Data<Service>>().expect("the application holds its service").clone();
    let method = request.method().clone();
    let allowed = allowed_origin(&service.settings.cors, request.headers());
    let cors = !matches!(service.settings.cors, CorsOrigins::Off);
    let mut response = if cors && method == Method::OPTIONS {
        let answer = preflight(request.headers());
        request.into_response(answer).map_into_left_body()
    } else {
        let (path, sent_id) = (request.uri().clone(), request.headers().get(REQUEST_ID).cloned());
        match AssertUnwindSafe(next.call(request)).catch_unwind().await {
            Ok(response) => response?.map_into_boxed_body().map_into_right_body(),
            Err(_) => {
                let id = request_id(sent_id.as_ref());
                let (error, mut answer) = panicked(&service, &method, path.path(), &id, started);
                if cors {
                    add_cors(answer.headers_mut(), allowed, &service.settings.cors);
                }
                return Err(InternalError::from_response(error, answer).into());
            }
        }
    };
    if cors {
        add_cors(response.headers_mut(), allowed, &service.settings.cors);
    }
    let status = response.status();
    let route = response.request().app_data::<RouteLabel>().map_or("unmatched", |label| label.0);
    service.metrics.request(method.as_str(), route, status.as_str(), started.elapsed());
    if status.is_server_error() {
        let id = request_id(response.request().headers().get(REQUEST_ID));
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(request = %id, %method, route, "a request failed");
            tell_hooks(&service, &response, &format!("{method} {route}"));
        } else {
            tracing::debug!(request = %id, %method, route, status = status.as_u16(), "refused for now");
        }
        add_request_id(response.headers_mut(), &id);
    } else if tracing::enabled!(tracing::Level::DEBUG) {
        let id = request_id(response.request().headers().get(REQUEST_ID));
        let took_us = started.elapsed().as_micros();
        tracing::debug!(request = %id, %method, route, status = status.as_u16(), took_us, "answered");
    }
    Ok(response)
}

/// The answer to a request whose endpoint panicked: what it worked on is lost, nobody else's is.
fn panicked(
    service: &Service,
    method: &Method,
    path: &str,
    id: &str,
    started: Instant,
) -> (ApiError, HttpResponse) {
    let error = ApiError::panicked();
    tracing::error!(request = %id, %method, path, "an endpoint panicked");
    service.metrics.request(method.as_str(), "panicked", "500", started.elapsed());
    service.engine.hooks().on_unhandled_error(&format!("{method} {path}"), None, error.cause());
    let mut answer = error.error_response();
    add_request_id(answer.headers_mut(), id);
    (error, answer)
}

/// Tells hooks of an answer that nobody foresaw.
fn tell_hooks<B>(service: &Service, response: &ServiceResponse<B>, operation: &str) {
    let error = response.response().error();
    let known = error.and_then(|error| error.as_error::<ApiError>());
    let cause = known.map_or("Internal Server Error", ApiError::cause);
    let task = task_of(response.request());
    service.engine.hooks().on_unhandled_error(operation, task.as_ref(), cause);
}

/// Reads a body that no endpoint of this method asks for, unless it is long: a connection whose body was not read
/// has to be closed, and the client may want to go on.
async fn discard_unwanted_body(request: &mut ServiceRequest) {
    let headers = request.headers();
    let has_body = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    if !has_body || matches!(*request.method(), Method::POST | Method::PATCH) {
        return;
    }
    discard(&mut request.take_payload()).await;
}

/// The id a client sent, or a new one.
fn request_id(sent: Option<&HeaderValue>) -> String {
    let sent = sent.and_then(|id| id.to_str().ok());
    let usable = sent.filter(|id| !id.is_empty() && id.len() <= 128);
    usable.map_or_else(
        || taskcast_actors::domain::TaskId::generate(Timestamp(0), fastrand::u128(..)).to_string(),
        str::to_owned,
    )
}

fn add_request_id(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
}

fn preflight(headers: &HeaderMap) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS));
    response.insert_header((VARY, "Access-Control-Request-Headers"));
    if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    response.finish()
}

fn allowed_origin(origins: &CorsOrigins, headers: &HeaderMap) -> Option<HeaderValue> {
    match origins {
        CorsOrigins::Any => Some(HeaderValue::from_static("*")),
        CorsOrigins::Only(list) => headers
            .get(ORIGIN)
            .cloned()
            .filter(|origin| origin.to_str().is_ok_and(|origin| list.contains(&origin.to_ascii_lowercase()))),
        CorsOrigins::Off => None,
    }
}

fn add_cors(headers: &mut HeaderMap, allowed: Option<HeaderValue>, origins: &CorsOrigins) {
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if matches!(origins, CorsOrigins::Only(_)) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}
