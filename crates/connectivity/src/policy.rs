//! Which addresses a connection test may reach.

use crate::Cidr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Denied whatever the operator's lists say, unless `allow` names something more specific: places
/// that are never a datastore, and often a way to credentials (instance metadata).
const DENIED_BY_DEFAULT: [Cidr; 14] = [
    Cidr::known_v4([0, 0, 0, 0], 8),          // "this host"
    Cidr::known_v4([169, 254, 0, 0], 16),     // link-local; metadata of most clouds
    Cidr::known_v4([224, 0, 0, 0], 4),        // multicast
    Cidr::known_v4([240, 0, 0, 0], 4),        // reserved, broadcast
    Cidr::known_v4([100, 100, 100, 200], 32), // metadata (Alibaba)
    Cidr::known_v4([168, 63, 129, 16], 32),   // host agent (Azure)
    Cidr::known_v4([192, 0, 0, 192], 32),     // metadata (Oracle)
    Cidr::known_v6([0, 0], 128),              // unspecified
    Cidr::known_v6([0x2001, 0], 32),          // Teredo: the far end is anywhere
    Cidr::known_v6([0xfe80, 0], 10),          // link-local
    Cidr::known_v6([0xfec0, 0], 10),          // site-local
    Cidr::known_v6([0xff00, 0], 8),           // multicast
    Cidr::known_v6([0xfd00, 0x0ec2], 32),     // metadata and credentials (AWS)
    Cidr::known_v6([0xfd20, 0x00ce], 32),     // metadata (Google)
];

/// Allow and deny lists on resolved addresses. The most specific range that holds an address
/// decides, a tie denies, and an address that no range holds is denied.
///
/// An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4) is judged by
/// what it carries too, so that no spelling opens what another one closes.
#[derive(Clone, Debug)]
pub struct EgressPolicy {
    /// Ranges with whether they allow.
    rules: Vec<(Cidr, bool)>,
}

impl EgressPolicy {
    /// `allow` stands for `connectivity.egress.allow` ([`Cidr::ALL`] unless it is set; nothing is
    /// reachable when it is empty), `deny` is added to the ranges that are denied by default.
    #[must_use]
    pub fn new(allow: &[Cidr], deny: &[Cidr]) -> Self {
        let allowed = allow.iter().map(|range| (*range, true));
        let denied = DENIED_BY_DEFAULT.iter().chain(deny).map(|range| (*range, false));
        Self { rules: allowed.chain(denied).collect() }
    }

    /// Whether a connection to `address` may be opened.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let carried = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => carried(v6),
        };
        match carried {
            None => self.verdict(address) == Some(true),
            // The allow list speaks of what is carried; the outer form can only be denied.
            Some(inner) => {
                self.verdict(address) != Some(false)
                    && !inner.is_empty()
                    && inner.iter().all(|v4| self.verdict(IpAddr::V4(*v4)) == Some(true))
            }
        }
    }

    /// What the most specific range says; `None` when no range holds the address.
    fn verdict(&self, address: IpAddr) -> Option<bool> {
        self.rules
            .iter()
            .filter(|(range, _)| range.contains(address))
            // Of two equally long prefixes the denying one is greater.
            .max_by_key(|(range, allows)| (range.prefix(), !allows))
            .map(|(_, allows)| *allows)
    }
}

impl Default for EgressPolicy {
    fn default() -> Self {
        Self::new(&Cidr::ALL, &[])
    }
}

/// The IPv4 addresses that an IPv6 address leads to; `None` when it is not of a kind that does.
fn carried(address: Ipv6Addr) -> Option<Vec<Ipv4Addr>> {
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let o = address.octets();
    let at = |a: usize, b: usize, c: usize, d: usize| Ipv4Addr::new(o[a], o[b], o[c], o[d]);
    match address.segments() {
        // Mapped and compatible (RFC 4291, 2.5.5), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Some(vec![at(12, 13, 14, 15)])
        }
        // IPv4-translated (RFC 2765) and ISATAP (RFC 5214), under any prefix.
        [0, 0, 0, 0, 0xffff, 0, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => {
            Some(vec![at(12, 13, 14, 15)])
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => Some(vec![at(2, 3, 4, 5)]),
        // NAT64 of the local network (RFC 8215). Its prefix may have 48, 56, 64 or 96 bits, which
        // decides where the IPv4 address stands (RFC 6052, 2.2) and is unknown to us: every
        // reading that finds something counts.
        [0x64, 0xff9b, 1, ..] => {
            let readings =
                [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), at(12, 13, 14, 15)];
            Some(readings.into_iter().filter(|v4| v4.octets()[0] != 0).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ranges: &[&str]) -> Vec<Cidr> {
        ranges.iter().map(|r| r.parse().expect(r)).collect()
    }

    fn check(policy: &EgressPolicy, address: &str, permitted: bool) {
        assert_eq!(policy.permits(address.parse().expect(address)), permitted, "{address}");
    }

    #[test]
    fn t01_default_table() {
        let policy = EgressPolicy::default();
        for denied in [
            "0.0.0.0",
            "0.255.255.255",
            "169.254.169.254",
            "169.254.0.0",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            // Carried addresses: mapped, compatible, NAT64, 6to4; Teredo as a whole.
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "::169.254.169.254",
            "::0.0.0.2",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1::a9:fea9:fe00:0",
            "64:ff9b:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        ] {
            check(&policy, denied, false);
        }
        for permitted in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.100.100.201",
            "168.63.129.17",
            "192.0.0.191",
            "1.1.1.1",
            "223.255.255.255",
            "2001:1::1",
            "2606:4700::1111",
            "fd00::1",
            "fd12:3456::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a00:1",
            "2002:a00:1::1",
        ] {
            check(&policy, permitted, true);
        }
    }

    #[test]
    fn t01_allow_replaces_and_the_most_specific_range_decides() {
        let policy = EgressPolicy::new(&list(&["10.20.0.0/16"]), &[]);
        check(&policy, "10.20.1.1", true);
        check(&policy, "::ffff:10.20.1.1", true);
        check(&policy, "10.21.0.1", false);
        check(&policy, "127.0.0.1", false);
        check(&policy, "::1", false);

        let policy = EgressPolicy::new(
            &list(&["0.0.0.0/0", "10.1.2.0/24", "169.254.7.5/32"]),
            &list(&["10.0.0.0/8", "10.1.2.7/32"]),
        );
        check(&policy, "10.1.1.1", false);
        check(&policy, "10.1.2.1", true);
        check(&policy, "10.1.2.7", false);
        check(&policy, "169.254.7.5", true);
        check(&policy, "::ffff:169.254.7.5", true);
        check(&policy, "169.254.7.6", false);
        check(&policy, "2606:4700::1111", false);
    }

    #[test]
    fn t01_a_tie_denies_and_an_empty_allow_list_allows_nothing() {
        let policy =
            EgressPolicy::new(&list(&["169.254.0.0/16", "10.0.0.0/8"]), &list(&["10.0.0.0/8"]));
        check(&policy, "169.254.169.254", false);
        check(&policy, "10.0.0.1", false);
        check(&EgressPolicy::new(&[], &[]), "127.0.0.1", false);
    }

    #[test]
    fn t01_a_denied_wrapper_stays_denied_whatever_it_carries() {
        let policy = EgressPolicy::new(&Cidr::ALL, &list(&["64:ff9b::/96", "::/0"]));
        check(&policy, "64:ff9b::a00:1", false);
        check(&policy, "::1", false);
        check(&policy, "10.0.0.1", true);
    }
}
