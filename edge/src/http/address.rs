//! Which addresses the outside may point us to, and a name resolution that gives no others.
//!
//! A name with one address inside and one outside is refused whole: nobody needs such a name, and
//! an attacker who controls one does.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::allow::is_loopback_name;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Turns a name into addresses; the port does not matter.
pub(super) type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// Why an address is not asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotPublic(pub(super) &'static str);

/// As the machine resolves names.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    })
}

/// Resolves names for addresses out of payloads. Literal addresses never come here: the allow-list
/// judges them.
pub(super) struct CheckedResolver {
    lookup: Lookup,
}

impl CheckedResolver {
    pub(super) fn new(lookup: Lookup) -> Self {
        Self { lookup }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            check(name.as_str(), &found)?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok::<_, Box<dyn Error + Send + Sync>>(addresses)
        })
    }
}

/// A loopback name has loopback addresses, every other name has public ones.
fn check(name: &str, found: &[SocketAddr]) -> Result<(), NotPublic> {
    let mut addresses = found.iter().map(SocketAddr::ip);
    if is_loopback_name(name) {
        if addresses.all(|address| address.is_loopback()) {
            return Ok(());
        }
        return Err(NotPublic("a loopback name has an address elsewhere"));
    }
    if addresses.all(is_public) {
        return Ok(());
    }
    Err(NotPublic("the host has an address that is not public"))
}

/// Whether an address is one of the open internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA's special-purpose registry for IPv4, without the ranges that are globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        // "This network", and multicast with all that is reserved above it.
        || a == 0
        || a >= 224
        // Carrier-grade NAT, 100.64.0.0/10.
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments, and the old anycast of 6to4.
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks, 198.18.0.0/15.
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// Global unicast is 2000::/3. What lies outside is local, multicast, or an IPv4 address in
/// disguise; inside, the tunnels carry one as well. NAT64's prefix is judged by what it stands for,
/// since a network with nothing but IPv6 reaches every IPv4 host that way.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Teredo and its neighbours (2001::/23), documentation, 6to4, documentation again.
        [0x2001, 0..0x0200, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] => false,
        [0x3fff, 0..0x1000, ..] => false,
        [first, ..] => (first & 0xe000) == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_internet_are_public() {
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:1.1.1.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1.1.1.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_name_is_as_public_as_its_worst_address() {
        for (name, found, passes) in [
            ("a.example", &["1.1.1.1:0"] as &[&str], true),
            ("a.example", &["1.1.1.1:0", "10.0.0.1:0"], false),
            ("a.example", &["127.0.0.1:0"], false),
            ("localhost", &["127.0.0.1:0", "[::1]:0"], true),
            ("localhost", &["1.1.1.1:0"], false),
        ] {
            let found: Vec<SocketAddr> = found.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(check(name, &found).is_ok(), passes, "{name} {found:?}");
        }
    }
}
