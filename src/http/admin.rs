//! `POST /admin/token`: a token for whoever knows the administrator's (PROTOCOL §4.6).

use actix_web::{HttpResponse, web};

use super::extract::Body;
use super::{ApiError, Service, parse};
use crate::auth::{AuthError, now_ms};

/// Gives a token.
///
/// # Errors
/// 404 when this is switched off, 400 for a body that is no object, 401 for another admin token.
pub async fn token(service: web::Data<Service>, Body(body): Body) -> Result<HttpResponse, ApiError> {
    let admin = service.auth.admin().ok_or_else(ApiError::not_found)?;
    let (admin_token, wish) = parse::admin::parse(&body)?;
    let admin_token = admin_token.filter(|token| !token.is_empty()).ok_or(AuthError::InvalidAdminToken)?;
    Ok(HttpResponse::Ok().json(admin.issue(&admin_token, wish, now_ms())?))
}
