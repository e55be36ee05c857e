//! `GET /tasks/:id/seq/:clientId`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::http::extract::{PathId, decoded_segment};
use crate::http::{ApiError, Service};

/// Where the client stands in the path of the route.
const CLIENT_PLACE: usize = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    client_id: String,
    expected_seq: u64,
}

/// Says which number a client is expected to use next.
///
/// # Errors
/// 404 when there is no such task, or it does not know the client.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id.named()?;
    let client_id = decoded_segment(&request, CLIENT_PLACE);
    let asked = service.engine.expected_seq(&id, &client_id).await;
    let expected = asked.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    let expected_seq = expected.ok_or_else(|| ApiError::seq_client_not_found(&client_id))?;
    Ok(HttpResponse::Ok().json(Expected { client_id, expected_seq }))
}
