//! Value types of single members: a value that exists is valid.

use crate::{Secret, ViolationCode};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use unicode_normalization::UnicodeNormalization;

/// Why a text or a number is not valid. Never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TextError {
    /// The rule that was broken.
    pub code: ViolationCode,
    /// What is allowed.
    pub detail: String,
}

fn error(code: ViolationCode, detail: impl Into<String>) -> TextError {
    TextError { code, detail: detail.into() }
}

/// Checks the length in Unicode scalar values.
fn length(text: &str, max: usize) -> Result<(), TextError> {
    match text.chars().count() {
        0 => Err(error(ViolationCode::Blank, "Must not be empty.")),
        n if n > max => {
            Err(error(ViolationCode::TooLong, format!("Must be at most {max} characters.")))
        }
        _ => Ok(()),
    }
}

fn no_control(text: &str) -> Result<(), TextError> {
    if text.chars().any(char::is_control) {
        return Err(error(ViolationCode::InvalidCharacter, "Must not contain control characters."));
    }
    Ok(())
}

/// Overrides and isolates that make a text read differently from what it is; joiners are fine.
fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

macro_rules! text_value {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_value;

text_value! {
    /// Name of a datastore: trimmed, NFC, 1 to 255 characters, without control characters and
    /// bidirectional overrides.
    Name
}

impl TryFrom<&str> for Name {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        let text: String = text.trim().nfc().collect();
        length(&text, 255)?;
        no_control(&text)?;
        if text.chars().any(is_bidi_override) {
            return Err(error(
                ViolationCode::InvalidCharacter,
                "Must not contain bidirectional override characters.",
            ));
        }
        Ok(Self(text))
    }
}

text_value! {
    /// Description of a datastore: trimmed, 1 to 10,000 characters; tabs and line breaks allowed.
    Description
}

impl TryFrom<&str> for Description {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        length(text, 10_000)?;
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(error(
                ViolationCode::InvalidCharacter,
                "Must not contain control characters other than tabs and line breaks.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

text_value! {
    /// Host name (labels of letters, digits, `-`, `_`) or IP address, kept as written; an IPv6
    /// address with or without brackets. 1 to 255 characters.
    ///
    /// Numeric spellings such as `2852039166` are host names here; the network policy judges the
    /// address that they lead to.
    Host
}

const HOST_FORM: &str = "Must be a host name (letters, digits, '-', '_' and '.') or an IP address, without scheme, \
     port or path.";

impl TryFrom<&str> for Host {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        length(text, 255)?;
        no_control(text)?;
        if Self::parse_v6(text).is_some() || is_host_name(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(error(ViolationCode::InvalidFormat, HOST_FORM))
    }
}

impl Host {
    fn parse_v6(text: &str) -> Option<Ipv6Addr> {
        let bare = match text.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']')?,
            None => text,
        };
        // A zone ("fe80::1%lo") selects an interface of this machine; the address decides.
        let (address, zone) = bare.split_once('%').unwrap_or((bare, "x"));
        let zone_is_plain = !zone.is_empty()
            && zone.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if zone_is_plain { address.parse().ok() } else { None }
    }

    /// The address, when the host is written as one.
    #[must_use]
    pub fn as_ip(&self) -> Option<IpAddr> {
        self.0.parse().ok().or_else(|| Self::parse_v6(&self.0).map(IpAddr::V6))
    }

    /// The host without brackets, as resolvers and TLS want it.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&self.0)
    }

    /// Whether both name the same place: host names do not tell case apart (RFC 4343).
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.bare().eq_ignore_ascii_case(other.bare())
    }
}

fn is_host_name(text: &str) -> bool {
    let labels = text.strip_suffix('.').unwrap_or(text);
    labels.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

/// TCP port of a datastore server, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(NonZeroU16);

impl Port {
    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl TryFrom<f64> for Port {
    type Error = TextError;

    fn try_from(number: f64) -> Result<Self, TextError> {
        let out = || error(ViolationCode::OutOfRange, "Must be between 1 and 65535.");
        let whole = whole_number(number, 65_535).ok_or_else(out)?;
        u16::try_from(whole).ok().and_then(NonZeroU16::new).map(Self).ok_or_else(out)
    }
}

impl TryFrom<u16> for Port {
    type Error = TextError;

    fn try_from(number: u16) -> Result<Self, TextError> {
        Self::try_from(f64::from(number))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `number` when it is whole and between 1 and `max`.
fn whole_number(number: f64, max: u32) -> Option<u32> {
    let fits = number.fract() == 0.0 && number >= 1.0 && number <= f64::from(max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the line above holds the number inside u32"
    )]
    fits.then_some(number as u32)
}

text_value! {
    /// Name to log in with: 1 to 255 characters, byte for byte, without control characters.
    Username
}

impl TryFrom<&str> for Username {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        length(text, 255)?;
        no_control(text)?;
        Ok(Self(text.to_owned()))
    }
}

/// Password to log in with: 1 to 1,024 characters, byte for byte, without NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret);

impl Password {
    /// The plain text, for sealing and for handshakes only.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<Secret> for Password {
    type Error = TextError;

    fn try_from(secret: Secret) -> Result<Self, TextError> {
        length(secret.expose(), 1024)?;
        if secret.expose().contains('\0') {
            return Err(error(
                ViolationCode::InvalidCharacter,
                "Must not contain the NUL character.",
            ));
        }
        Ok(Self(secret))
    }
}

text_value! {
    /// Name of a database or keyspace, or a Redis index: 1 to 255 characters without control
    /// characters; for Redis a whole number from 0 to 65535.
    DatabaseName
}

impl DatabaseName {
    /// Checks `text` by the rules of `system`.
    ///
    /// # Errors
    ///
    /// [`TextError`] names the rule.
    pub fn new(text: &str, system: crate::System) -> Result<Self, TextError> {
        length(text, 255)?;
        no_control(text)?;
        let is_index = || text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok();
        if system == crate::System::Redis && !is_index() {
            return Err(error(
                ViolationCode::InvalidFormat,
                "Must be a whole number from 0 to 65535, as text, for Redis.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Greatest number of connections that a datastore supports, 1 to 2,147,483,647.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxConnections(i32);

impl MaxConnections {
    /// The number.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<f64> for MaxConnections {
    type Error = TextError;

    fn try_from(number: f64) -> Result<Self, TextError> {
        whole_number(number, i32::MAX.unsigned_abs())
            .and_then(|n| i32::try_from(n).ok())
            .map(Self)
            .ok_or_else(|| {
                error(ViolationCode::OutOfRange, "Must be a whole number between 1 and 2147483647.")
            })
    }
}

/// A measured or declared quantity: finite and greater than zero. The unit is the member's
/// (`avg_response_time_ms`: milliseconds, `storage_capacity_gb`: gigabytes).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure(f64);

impl Measure {
    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Measure {
    type Error = TextError;

    fn try_from(number: f64) -> Result<Self, TextError> {
        if number.is_finite() && number > 0.0 {
            return Ok(Self(number));
        }
        Err(error(ViolationCode::OutOfRange, "Must be a number greater than 0."))
    }
}
