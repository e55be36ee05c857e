//! Where events go: a webhook made ready to be delivered to.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use taskcast_actors::domain::outbox::{GlobalHook, HookId};
use taskcast_actors::domain::{EventFilter, Secret, Task, Webhook};
use url::Url;

use super::retry::RetryPolicy;

/// A webhook, its values read.
pub(super) struct Endpoint {
    /// Which one it is.
    pub(super) hook: HookId,
    /// Where it is; absent when the stored text is none, which the door does not let in.
    pub(super) url: Option<Url>,
    /// The host of the URL, which may be shown.
    pub(super) host: String,
    /// Which events it gets.
    pub(super) filter: EventFilter,
    /// Signs deliveries.
    pub(super) secret: Option<Secret>,
    /// Whether deliveries are envelopes.
    pub(super) wrap: bool,
    /// When it is tried again.
    pub(super) retry: RetryPolicy,
}

impl Endpoint {
    /// `webhook` under this name; what it does not say of retries is as in `retry`.
    pub(super) fn of(hook: HookId, webhook: &Webhook, retry: RetryPolicy) -> Self {
        let url = Url::parse(&webhook.url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("unknown").to_owned();
        Self {
            hook,
            url,
            host,
            filter: webhook.event_filter(),
            secret: webhook.secret.clone(),
            wrap: webhook.wrap.unwrap_or(false),
            retry: retry.overridden(webhook.retry.as_ref()),
        }
    }

    /// The place whose deliveries share a limit.
    pub(super) fn authority(&self) -> String {
        let port = self.url.as_ref().and_then(Url::port_or_known_default).unwrap_or_default();
        format!("{}:{port}", self.host)
    }
}

/// What the operator says of webhooks.
#[derive(Clone, Debug, Default)]
pub struct WebhookSettings {
    /// Webhooks for every task.
    pub endpoints: Vec<Webhook>,
    /// What webhooks do not say of retries.
    pub retry: RetryPolicy,
    /// Whether deliveries may go to addresses that are not public.
    pub allow_private: bool,
}

impl WebhookSettings {
    /// What the engine has to know of [`WebhookSettings::endpoints`].
    pub fn global_hooks(&self) -> Vec<GlobalHook> {
        let hook = |(number, webhook): (u64, &Webhook)| GlobalHook { number, filter: webhook.event_filter() };
        self.numbered().map(hook).collect()
    }

    /// The endpoints with numbers that stay the same from start to start and on every instance. Another URL or filter
    /// makes another endpoint; a new secret or other retries do not.
    fn numbered(&self) -> impl Iterator<Item = (u64, &Webhook)> {
        self.endpoints.iter().enumerate().map(|(place, webhook)| {
            let is_same = |other: &&Webhook| other.url == webhook.url && other.filter == webhook.filter;
            let before = self.endpoints.iter().take(place).filter(is_same).count();
            let filter = webhook.filter.as_ref().map_or("", |filter| filter.as_str());
            let digest = Sha256::digest(format!("{before}\n{}\n{filter}", webhook.url));
            let number = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
            (number, webhook)
        })
    }

    /// The endpoints, ready.
    pub(super) fn ready(&self) -> Vec<Arc<Endpoint>> {
        let ready = |(number, webhook)| Arc::new(Endpoint::of(HookId::Global(number), webhook, self.retry));
        self.numbered().map(ready).collect()
    }
}

/// All webhooks that get events of `task`.
pub(super) fn of_task(task: &Task, retry: RetryPolicy, global: &[Arc<Endpoint>]) -> Vec<Arc<Endpoint>> {
    let own = (0..).zip(task.webhooks.iter().flatten());
    let own = own.map(|(place, webhook)| Arc::new(Endpoint::of(HookId::Own(place), webhook, retry)));
    own.chain(global.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use taskcast_actors::domain::Json;

    use super::*;

    fn webhook(url: &str, filter: Option<&str>) -> Webhook {
        let filter = filter.map(|text| Json::parse(text).unwrap());
        Webhook { url: url.into(), filter, secret: None, wrap: None, retry: None }
    }

    fn numbers(endpoints: Vec<Webhook>) -> Vec<u64> {
        let settings = WebhookSettings { endpoints, ..WebhookSettings::default() };
        settings.global_hooks().iter().map(|hook| hook.number).collect()
    }

    #[test]
    fn an_endpoint_keeps_its_number_while_others_come_and_go() {
        let (a, b) = (webhook("http://a/", None), webhook("http://b/", Some(r#"{"types":["x"]}"#)));
        let both = numbers(vec![a.clone(), b.clone()]);
        assert_eq!(numbers(vec![b.clone()]), both[1..]);
        let signed = Webhook { secret: Some(Secret("s".into())), wrap: Some(true), ..a.clone() };
        assert_eq!(numbers(vec![signed]), both[..1]);
        let other = Webhook { filter: None, ..b };
        assert_ne!(numbers(vec![other]), both[1..]);
        let twice = numbers(vec![a.clone(), a]);
        assert_eq!(twice[0], both[0]);
        assert_ne!(twice[0], twice[1]);
    }

    #[test]
    fn settings_do_not_show_secrets() {
        let signed = Webhook { secret: Some(Secret("s3cret".into())), ..webhook("http://a/", None) };
        let settings = WebhookSettings { endpoints: vec![signed], ..WebhookSettings::default() };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
