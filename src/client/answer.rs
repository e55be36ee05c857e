//! What an answer says.

use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use super::{ClientError, Refusal};

/// Of an error answer that is longer, nothing is believed.
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// The JSON of an answer.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::InvalidAnswer(error.to_string()))
}

/// What an error answer says. One that was cut short says nothing: what matters may be in the rest of it.
pub(super) async fn refusal(mut response: Response, patience: Duration) -> ClientError {
    let (status, asked) = (response.status().as_u16(), retry_after(response.headers()));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return ClientError::of_transport(error, patience),
        }
        if body.len() > MOST_ERROR_BYTES {
            body.clear();
            break;
        }
    }
    ClientError::Refused(Box::new(Refusal::read(status, &body, asked)))
}

/// The wait that the server asks for: in seconds, or until a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok(),
    }
}
