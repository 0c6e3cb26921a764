//! Numeric spellings of IPv4 addresses.

use std::net::Ipv4Addr;

/// The address that the resolver of the system would make of `host` without asking anybody: one to
/// four numbers, decimal, octal (`0…`) or hexadecimal (`0x…`), the last one filling what is left
/// (`inet_aton`). A trailing dot changes nothing.
///
/// Read here and not by `getaddrinfo`, so that the answer depends on no libc, and no question
/// about such a "name" leaves the machine.
pub(crate) fn numeric_v4(host: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u32> =
        host.strip_suffix('.').unwrap_or(host).split('.').map(number).collect::<Option<_>>()?;
    let (last, octets) = numbers.split_last()?;
    let free_bits = 32 - 8 * u32::try_from(octets.len()).ok().filter(|n| *n <= 3)?;
    if octets.iter().any(|octet| *octet > 255) || u64::from(*last) >> free_bits != 0 {
        return None;
    }
    let high = octets.iter().fold(0_u32, |bits, octet| (bits << 8) | octet);
    Some(Ipv4Addr::from_bits(high.checked_shl(free_bits).unwrap_or(0) | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // `from_str_radix` alone would take a sign.
    let all_digits = digits.chars().all(|c| c.is_digit(radix));
    if all_digits { u32::from_str_radix(digits, radix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t01_every_numeric_spelling_is_read_as_the_resolver_reads_it() {
        for spelling in [
            "169.254.169.254",
            "169.254.169.254.",
            "2852039166",
            "2852039166.",
            "0xa9fea9fe",
            "0XA9FEA9FE",
            "0251.0376.0251.0376",
            "0xa9.0xfe.0xa9.0xfe",
            "169.254.43518",
            "169.16689662",
            "0251.254.0xa9fe",
            "025177524776",
        ] {
            let expected = Ipv4Addr::new(169, 254, 169, 254);
            assert_eq!(numeric_v4(spelling), Some(expected), "{spelling}");
        }
        assert_eq!(numeric_v4("0"), Some(Ipv4Addr::UNSPECIFIED));
        assert_eq!(numeric_v4("127.1"), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(numeric_v4("00"), Some(Ipv4Addr::UNSPECIFIED));
    }

    #[test]
    fn names_are_no_numbers() {
        for name in [
            "",
            ".",
            "localhost",
            "db1",
            "1.2.3.4.5",
            "256.1.1.1",
            "4294967296",
            "1.2.3.256",
            "1.2.65536",
            "0x",
            "08",
            "+1",
            "-1",
            "1..2",
            "0xg",
            "1.2.3.4..",
            "::1",
            "a9fea9fe",
        ] {
            assert_eq!(numeric_v4(name), None, "{name}");
        }
    }
}
