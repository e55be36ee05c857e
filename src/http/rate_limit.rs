//! How many requests callers may make: the generic cell rate algorithm of the crate `governor`, a bucket for each caller.
//!
//! An instance counts for itself. A caller is forgotten when nothing of the past limits them any more.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use ipnet::IpNet;

use crate::auth::Principal;
use crate::config::{Rate, RateLimits};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// After so many requests callers are forgotten whom nothing limits any more. So there are at most as many more as come
/// back within the time in which a bucket fills up again.
const FORGET_AFTER: u32 = 4096;

/// A caller has made too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Which limit it is: `address` or `principal`.
    pub by: &'static str,
    /// After this time the next one is taken.
    pub wait: Duration,
}

/// The limits of one service.
pub struct RateLimiter {
    principals: Option<Buckets>,
    addresses: Option<Buckets>,
    trusted_proxies: Vec<IpNet>,
}

impl RateLimiter {
    /// The configured limits.
    pub fn new(config: &RateLimits) -> Self {
        Self {
            principals: config.principal.map(|rate| Buckets::new("principal", rate)),
            addresses: config.address.map(|rate| Buckets::new("address", rate)),
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }

    /// Whether nobody is limited.
    pub fn is_off(&self) -> bool {
        self.principals.is_none() && self.addresses.is_none()
    }

    /// Counts a request for the address it came from.
    ///
    /// # Errors
    /// When there were too many.
    pub fn take_of_address(&self, request: &HttpRequest) -> Result<(), TooMany> {
        let (Some(buckets), Some(peer)) = (&self.addresses, request.peer_addr()) else { return Ok(()) };
        let address = client_address(peer.ip(), request.headers(), &self.trusted_proxies);
        buckets.take(&network_of(address))
    }

    /// Counts a request for whoever made it. A token without a subject is told apart by all it says.
    ///
    /// # Errors
    /// When there were too many.
    pub fn take_of_principal(&self, principal: &Principal) -> Result<(), TooMany> {
        let (Some(buckets), Principal::Known(identity)) = (&self.principals, principal) else {
            return Ok(());
        };
        match &identity.sub {
            Some(sub) => buckets.take(sub),
            None => buckets.take(&identity.claims.as_ref().map(|claims| claims.as_str())),
        }
    }
}

/// A bucket for each caller, found by a digest of who they are.
struct Buckets {
    by: &'static str,
    limiter: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
    digest: RandomState,
    taken: AtomicU32,
}

impl Buckets {
    fn new(by: &'static str, rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self {
            by,
            limiter: DefaultKeyedRateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            digest: RandomState::new(),
            taken: AtomicU32::new(0),
        }
    }

    fn take(&self, who: &impl std::hash::Hash) -> Result<(), TooMany> {
        if self.taken.fetch_add(1, Relaxed) % FORGET_AFTER == FORGET_AFTER - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let taken = self.limiter.check_key(&self.digest.hash_one(who));
        taken.map_err(|until| TooMany { by: self.by, wait: until.wait_time_from(self.clock.now()) })
    }
}

/// Where a request came from: its peer or, when that is a trusted proxy, whoever the nearest proxy that is trusted says it
/// had it from. What stands before that may be made up by the client.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.to_canonical();
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).filter_map(|line| line.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(address) {
            break;
        }
        match parse(hop.trim()) {
            Some(before) => address = before,
            None => break,
        }
    }
    address
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address =
        text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()));
    address.map(|address| address.to_canonical())
}

/// Whom an address belongs to: of IPv6, a customer has at least all that begin with the same 64 bits (RFC 6177).
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let count = |number| NonZeroU32::new(number).unwrap();
        Rate { per_second: count(per_second), burst: count(burst) }
    }

    #[test]
    fn the_client_is_whom_the_nearest_trusted_proxy_had_it_from() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        let table: [(&str, &[&str], &str); 12] = [
            ("1.1.1.1", &[], "1.1.1.1"),
            ("1.1.1.1", &["9.9.9.9"], "1.1.1.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", &["9.9.9.9, 2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", &["9.9.9.9", "2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", &["2.2.2.2, 10.0.0.2"], "2.2.2.2"),
            ("10.0.0.1", &["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["2.2.2.2, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["2.2.2.2:8080"], "2.2.2.2"),
            ("fd00::1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["2.2.2.2"], "2.2.2.2"),
        ];
        for (peer, lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_static(line));
            }
            let found = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.to_string(), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn neighbours_of_ipv6_are_one_caller_and_those_of_ipv4_are_not() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("1.1.1.1"), network("1.1.1.2"));
    }

    #[test]
    fn a_burst_is_taken_and_no_more_and_everybody_has_their_own() {
        let buckets = Buckets::new("address", rate(1, 3));
        for _ in 0..3 {
            assert_eq!(buckets.take(&"a"), Ok(()));
        }
        let refused = buckets.take(&"a").unwrap_err();
        assert!(refused.by == "address" && refused.wait <= Duration::from_secs(1) && !refused.wait.is_zero());
        assert_eq!(buckets.take(&"b"), Ok(()));
    }

    #[test]
    fn callers_whom_nothing_limits_any_more_are_forgotten() {
        let buckets = Buckets::new("address", rate(1_000_000, 1));
        for caller in 0..10 * FORGET_AFTER {
            assert_eq!(buckets.take(&caller), Ok(()));
        }
        assert!(buckets.limiter.len() <= 2 * FORGET_AFTER as usize, "{}", buckets.limiter.len());
    }
}
