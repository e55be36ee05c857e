//! Placeholder.
use actix_web::HttpResponse;
/// x
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().finish()
}
/// x
pub async fn docs() -> HttpResponse {
    HttpResponse::Ok().finish()
}
