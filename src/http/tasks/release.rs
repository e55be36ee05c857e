//! `POST /tasks/:id/storage/release`: there is no cold tier in this version, and the answer says so.

use actix_web::{HttpResponse, web};

use crate::auth::{Principal, Scope};
use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

/// Refuses, once the request is found to be a good one.
///
/// # Errors
/// 400 for a bad body, 404, else 503.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    parse::release::parse(&body)?;
    let id = id.unnamed()?;
    principal.require(Scope::TaskManage, Some(&id))?;
    service.engine.get(&id).await.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    Err(ApiError::release_unsupported())
}
