//! `/workers…` while workers are switched off, which is the only way in this version (PROTOCOL §5).

use actix_web::HttpResponse;

use super::ApiError;

/// There are no workers.
pub async fn list() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"workers":[]}"#)
}

/// Everything else about workers does not exist.
///
/// # Errors
/// Always 404.
pub async fn disabled() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found())
}
