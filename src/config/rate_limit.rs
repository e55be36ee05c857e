//! How many requests a caller may make.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ipnet::IpNet;
use serde_json::Value;

use super::error::ConfigError;
use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, MAX_COUNT};

const PRINCIPAL: [&str; 2] = ["rateLimit.perPrincipal.perSecond", "rateLimit.perPrincipal.burst"];
const ADDRESS: [&str; 2] = ["rateLimit.perAddress.perSecond", "rateLimit.perAddress.burst"];
const PROXIES: &str = "rateLimit.trustedProxies";
const COUNT: Kind = Kind::Int(1, MAX_COUNT);

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new(PRINCIPAL[0], COUNT),
    Key::new(PRINCIPAL[1], COUNT),
    Key::new(ADDRESS[0], COUNT),
    Key::new(ADDRESS[1], COUNT),
    Key::new(PROXIES, Kind::Networks),
];

/// How many requests a caller may make; `None` is as many as they like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one principal: the subject of a token, or a trusted service.
    pub principal: Option<Rate>,
    /// From one address.
    pub address: Option<Rate>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// A rate of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many in the long run.
    pub per_second: NonZeroU32,
    /// How many at once, after a time without any.
    pub burst: NonZeroU32,
}

/// The configured limits.
pub(super) fn limits(layers: &Layers) -> Result<RateLimits, ConfigError> {
    let listed = layers.find(PROXIES).map(|found| found.value);
    let networks = listed.iter().flat_map(|list| list.as_array()).flatten();
    Ok(RateLimits {
        principal: rate(layers, PRINCIPAL)?,
        address: rate(layers, ADDRESS)?,
        trusted_proxies: networks.filter_map(Value::as_str).filter_map(network).collect(),
    })
}

fn rate(layers: &Layers, [per_second, burst]: [&'static str; 2]) -> Result<Option<Rate>, ConfigError> {
    let count = |path| {
        let number = layers.explicit(path)?.value.as_u64()?;
        u32::try_from(number).ok().and_then(NonZeroU32::new)
    };
    match (count(per_second), count(burst)) {
        (Some(per_second), burst) => Ok(Some(Rate { per_second, burst: burst.unwrap_or(per_second) })),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(ConfigError::Incomplete { setting: layers.describe(burst), other: per_second })
        }
    }
}

/// The network that a text is, which may be that of a single address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Flags;
    use crate::config::resolve::testing::resolved;

    fn limits(section: Value) -> Result<RateLimits, ConfigError> {
        resolved(json!({"rateLimit": section}), &[], &Flags::default()).map(|config| config.rate_limits)
    }

    fn rate(per_second: u32, burst: u32) -> Option<Rate> {
        let count = |number| NonZeroU32::new(number).unwrap();
        Some(Rate { per_second: count(per_second), burst: count(burst) })
    }

    #[test]
    fn there_are_no_limits_but_those_that_are_set() {
        assert_eq!(limits(json!({})).unwrap(), RateLimits::default());
        let section = json!({
            "perPrincipal": {"perSecond": 5},
            "perAddress": {"perSecond": 7, "burst": 70},
            "trustedProxies": ["10.0.0.0/8", "::1"],
        });
        let expected = RateLimits {
            principal: rate(5, 5),
            address: rate(7, 70),
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        };
        assert_eq!(limits(section).unwrap(), expected);
    }

    #[test]
    fn limits_that_cannot_be_understood_are_refused() {
        let table = [
            (json!({"perAddress": {"burst": 5}}), "config_incomplete"),
            (json!({"perAddress": {"perSecond": 0}}), "config_bad_value"),
            (json!({"perPrincipal": {"perSecond": 1.5}}), "config_bad_value"),
            (json!({"perPrincipal": 5}), "config_bad_value"),
            (json!({"trustedProxies": ["10.0.0.0/33"]}), "config_bad_value"),
            (json!({"trustedProxies": ["proxy.example"]}), "config_bad_value"),
            (json!({"trustedProxies": "10.0.0.1"}), "config_bad_value"),
            (json!({"perClient": {"perSecond": 1}}), "config_unknown_key"),
        ];
        for (section, code) in table {
            assert_eq!(limits(section.clone()).unwrap_err().code(), code, "{section}");
        }
    }
}
