//! Ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of IP addresses such as `10.0.0.0/8` or `fd00::/8`; a single address is a range of one.
///
/// IPv4 ranges and IPv6 ranges are apart: `0.0.0.0/0` holds no IPv6 address. A range inside
/// `::ffff:0:0/96` is the IPv4 range that it spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// What stands before the slash is no IP address.
    #[error("the part before '/' is not an IP address")]
    Address,
    /// What stands after the slash is no prefix length for the address.
    #[error("the prefix length must be a number from 0 to 32 (IPv4) or 0 to 128 (IPv6)")]
    Prefix,
    /// The address has bits beyond the prefix, so one of the two must be a slip.
    #[error("the address has bits set beyond the prefix length")]
    HostBits,
}

impl Cidr {
    /// Every address: what `connectivity.egress.allow` holds unless it is set.
    pub const ALL: [Self; 2] = [
        Self { network: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 },
        Self { network: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 0 },
    ];

    /// The range of all addresses that share the first `prefix` bits of `network`.
    ///
    /// # Errors
    ///
    /// [`CidrError::Prefix`] when the prefix is longer than the address, [`CidrError::HostBits`]
    /// when `network` has bits set beyond it.
    pub fn new(network: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        if prefix > width(network) {
            return Err(CidrError::Prefix);
        }
        if masked(network, prefix) != network {
            return Err(CidrError::HostBits);
        }
        if let IpAddr::V6(v6) = network
            && let Some(v4) = v6.to_ipv4_mapped()
            && let Some(prefix) = prefix.checked_sub(96)
        {
            return Ok(Self { network: IpAddr::V4(v4), prefix });
        }
        Ok(Self { network, prefix })
    }

    pub(crate) const fn known_v4(octets: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    pub(crate) const fn known_v6(first: [u16; 2], prefix: u8) -> Self {
        let [a, b] = first;
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)), prefix }
    }

    /// Number of leading bits that all addresses of the range share.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether `address` lies in the range.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        width(address) == width(self.network) && masked(address, self.prefix) == self.network
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// `address` with the bits beyond `prefix` cleared; `prefix` is at most the address's width.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let prefix = match prefix {
            // `parse` alone would take "+8".
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| CidrError::Prefix)?
            }
            Some(_) => return Err(CidrError::Prefix),
            None => width(network),
        };
        Self::new(network, prefix)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_parse_and_print_back() {
        for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00:ec2::/32", "169.254.7.5/32"] {
            assert_eq!(text.parse::<Cidr>().expect(text).to_string(), text);
        }
        let single = |text: &str| text.parse::<Cidr>().expect(text).to_string();
        assert_eq!(single("10.1.2.3"), "10.1.2.3/32");
        assert_eq!(single("fe80::1"), "fe80::1/128");
        assert_eq!(single("::ffff:10.0.0.0/104"), "10.0.0.0/8", "the IPv4 range that it spells");
    }

    #[test]
    fn what_is_no_range_is_refused_by_its_reason() {
        let table = [
            ("", CidrError::Address),
            ("db.example/8", CidrError::Address),
            ("10.0.0/8", CidrError::Address),
            (" 10.0.0.0/8", CidrError::Address),
            ("10.0.0.0/", CidrError::Prefix),
            ("10.0.0.0/33", CidrError::Prefix),
            ("::/129", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            ("10.0.0.0/256", CidrError::Prefix),
            ("10.0.0.0/8/8", CidrError::Prefix),
            ("10.0.0.1/8", CidrError::HostBits),
            ("fe80::1/10", CidrError::HostBits),
        ];
        for (text, reason) in table {
            assert_eq!(text.parse::<Cidr>(), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_range_holds_its_own_family_only() {
        let holds = |range: &str, address: &str| {
            range.parse::<Cidr>().expect(range).contains(address.parse().expect(address))
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("fe80::/10", "febf::1"));
        assert!(!holds("fe80::/10", "fec0::1"));
    }
}
