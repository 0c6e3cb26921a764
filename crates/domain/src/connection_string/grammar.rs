//! `scheme://login@hosts/path?query`: where each part begins and ends, and what escapes mean.
//!
//! Narrower than RFC 3986 on purpose. A delimiter counts only where it can be nothing else, so a
//! secret whose author forgot to escape it is refused instead of being taken for a database or a
//! parameter, which would then be shown in the mask or in a message.

use super::error::{ConnectionStringError as Error, Part};
use super::rules::{self, Scheme};
use crate::System;
use zeroize::Zeroizing;

/// The parts as written, still escaped; only the scheme is known already.
pub(super) struct Pieces<'a> {
    pub(super) scheme: &'static Scheme,
    /// What stood before `@`; `None` without one.
    pub(super) login: Option<&'a str>,
    /// Not empty.
    pub(super) hosts: &'a str,
    /// What stood after the first `/`.
    pub(super) path: Option<&'a str>,
    /// What stood after `?`.
    pub(super) query: Option<&'a str>,
}

/// Cuts `text` into its parts. The scheme is judged first: by the rules of another system the rest
/// means something else.
pub(super) fn split(text: &str, system: System) -> Result<Pieces<'_>, Error> {
    if text.chars().any(char::is_control) {
        return Err(Error::ControlCharacter);
    }
    if text.chars().any(char::is_whitespace) {
        return Err(Error::WhiteSpace);
    }
    let (written, rest) = cut(text, "://");
    let scheme = rules::scheme(written, system)?;
    let rest = rest.ok_or_else(|| rules::not_a_scheme(system))?;
    if rest.contains('#') {
        return Err(Error::Fragment);
    }
    let (before_query, query) = cut(rest, "?");
    let (authority, path) = cut(before_query, "/");
    let (login, hosts) = match authority.split_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    let behind_login = login.map_or(rest, |l| &rest[l.len() + 1..]);
    if behind_login.contains('@') {
        return Err(Error::StrayAt);
    }
    if hosts.is_empty() {
        return Err(Error::HostMissing);
    }
    Ok(Pieces { scheme, login, hosts, path, query })
}

/// `text` before the first `at`, and what follows it, if there is one.
pub(super) fn cut<'a>(text: &'a str, at: &str) -> (&'a str, Option<&'a str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Undoes percent escapes once, strictly: each `%` needs two hexadecimal digits, and the result
/// must be UTF-8. `+` is a plus sign, as in every URI outside of HTML forms. Which characters may
/// come out (NUL, controls) is for the type of the part to say.
///
/// The buffer is allocated once at its greatest size, so no part of a secret is left behind in
/// memory that was given back while it grew.
pub(super) fn decode(escaped: &str, part: Part) -> Result<Zeroizing<String>, Error> {
    let invalid = || Error::Escape { part };
    let mut bytes = Zeroizing::new(Vec::with_capacity(escaped.len()));
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let high = rest.next().and_then(hex_digit).ok_or_else(invalid)?;
                let low = rest.next().and_then(hex_digit).ok_or_else(invalid)?;
                high << 4 | low
            }
            plain => plain,
        };
        bytes.push(byte);
    }
    std::str::from_utf8(&bytes).map_err(|_| invalid())?;
    // Checked above; taken over without a copy.
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| invalid())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(escaped: &str) -> Option<String> {
        decode(escaped, Part::Password).ok().map(|text| text.to_string())
    }

    #[test]
    fn t05_escapes_are_undone_once_and_strictly() {
        for (escaped, expected) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("a+b", Some("a+b")),
            ("p%40ss%3Aw%2frd%2520", Some("p@ss:w/rd%20")),
            ("%C3%BC", Some("ü")),
            ("ü", Some("ü")),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("%+1", None),
            ("%u0041", None),
            ("%00", Some("\0")),
            ("%C3", None),
            ("%C0%80", None),
            ("%ED%A0%80", None),
            ("%FF", None),
        ] {
            assert_eq!(decoded(escaped).as_deref(), expected, "{escaped}");
        }
    }

    #[test]
    fn parts_end_at_their_first_delimiter() {
        let pieces =
            split("mongodb://u:p@h:1,i/db/x?k=v?w", System::Mongodb).expect("a valid string");
        assert_eq!(pieces.scheme.name, "mongodb");
        assert_eq!(pieces.login, Some("u:p"));
        assert_eq!(pieces.hosts, "h:1,i");
        assert_eq!(pieces.path, Some("db/x"));
        assert_eq!(pieces.query, Some("k=v?w"));
    }
}
