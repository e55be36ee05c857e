//! WebhookConfig (PROTOCOL §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use taskcast_actors::domain::{Secret, Webhook};
use url::Url;

use super::BodyError;
use super::fields::Fields;
use super::path::Path;
use super::shape::{self, FILTER, RETRY};
use super::values::{boolean, list, string};

const FIELDS: [&str; 5] = ["url", "filter", "secret", "wrap", "retry"];

/// A list of webhooks.
pub(super) fn webhooks(raw: &RawValue, at: &Path<'_>) -> Result<Vec<Webhook>, BodyError> {
    list(raw, at, webhook)
}

/// One webhook.
pub(super) fn webhook(raw: &RawValue, at: &Path<'_>) -> Result<Webhook, BodyError> {
    let fields = Fields::of(raw, at, FIELDS.into_iter())?;
    Ok(Webhook {
        url: fields.need("url", target)?,
        filter: fields.get("filter", |raw, at| shape::read(raw, at, &FILTER))?,
        secret: fields.get("secret", secret)?,
        wrap: fields.get("wrap", boolean)?,
        retry: fields.get("retry", |raw, at| shape::read(raw, at, &RETRY))?,
    })
}

fn target(raw: &RawValue, at: &Path<'_>) -> Result<String, BodyError> {
    let text = string(raw, at)?;
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text),
        _ => Err(at.refuse("must be an http or https URL")),
    }
}

fn secret(raw: &RawValue, at: &Path<'_>) -> Result<Secret, BodyError> {
    let text = string(raw, at)?;
    let valid = |key: &str| !key.is_empty() && STANDARD.decode(key).is_ok();
    match text.strip_prefix("whsec_") {
        Some(key) if !valid(key) => Err(at.refuse("must be valid base64 after whsec_")),
        _ => Ok(Secret(text)),
    }
}
