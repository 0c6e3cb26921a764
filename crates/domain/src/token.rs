//! Access tokens: `dsa_`, 64 hexadecimal digits of randomness, 8 of checksum.

use crate::{Role, Secret, TextError, Timestamp, ViolationCode};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "dsa_";
const RANDOM_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;

/// A well-formed access token in the clear; known only while it is made or presented.
#[derive(Clone, Debug)]
pub struct AccessToken(Secret);

impl AccessToken {
    /// Makes a token of 256 bits of randomness.
    #[must_use]
    pub fn from_entropy(bytes: [u8; 32]) -> Self {
        let body = hex(&bytes);
        let check = checksum(&body);
        Self(Secret::new(format!("{PREFIX}{body}{check}")))
    }

    /// Reads a token as presented; `None` when it cannot be one of ours, which costs no look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        if rest.len() != RANDOM_DIGITS + CHECK_DIGITS || !rest.is_ascii() {
            return None;
        }
        let (body, check) = rest.split_at(RANDOM_DIGITS);
        let is_hex = body.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && checksum(body) == check).then(|| Self(Secret::new(text.to_owned())))
    }

    /// What is stored of the token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.expose().as_bytes()).into())
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn checksum(body: &str) -> String {
    let digest = Sha256::digest([b"dsa checksum ", body.as_bytes()].concat());
    hex(&digest[..CHECK_DIGITS / 2])
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of a token: enough, since the token is 256 random bits and cannot be guessed.
///
/// Equality takes the same time wherever two digests differ.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// A digest as stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(other.0).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// Number of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub i64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

crate::text::text_value! {
    /// Name of a token, for people: trimmed, 1 to 100 printable characters.
    TokenName
}

impl TryFrom<&str> for TokenName {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        let name = crate::Name::try_from(text)?;
        if name.as_str().chars().count() > 100 {
            return Err(TextError {
                code: ViolationCode::TooLong,
                detail: "Must be at most 100 characters.".to_owned(),
            });
        }
        Ok(Self(name.as_str().to_owned()))
    }
}

/// A token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Number.
    pub id: TokenId,
    /// Name, for people.
    pub name: TokenName,
    /// What the holder may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it counts no more; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; `None` while it counts.
    pub revoked_at: Option<Timestamp>,
}

impl TokenRecord {
    /// Whether the token counts at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// How long a token counts: 1 hour to 36,500 days, written as `90d` or `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    hours: i64,
}

/// The text is no [`Lifetime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1d to 36500d (days), or 1h to 876000h (hours)")]
pub struct LifetimeError;

impl Lifetime {
    /// When a token ends that begins at `start`.
    #[must_use]
    pub fn end(self, start: Timestamp) -> Timestamp {
        start.plus_seconds(self.hours * 3600)
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let (digits, unit) = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((digits, "d")) => (digits, 24),
            Some((digits, "h")) => (digits, 1),
            _ => return Err(LifetimeError),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let count: i64 = digits.parse().ok().filter(|_| is_number).ok_or(LifetimeError)?;
        let hours = count.checked_mul(unit).filter(|hours| (1..=876_000).contains(hours));
        Ok(Self { hours: hours.ok_or(LifetimeError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_days_or_hours() {
        let hours = |text: &str| text.parse::<Lifetime>().map(|l| l.hours).ok();
        assert_eq!(hours("90d"), Some(90 * 24));
        assert_eq!(hours("12h"), Some(12));
        assert_eq!(hours("36500d"), hours("876000h"));
        for bad in ["", "d", "0d", "-1d", "+1d", "1.5d", "90", "90 d", "36501d", "1w", "é"] {
            assert_eq!(hours(bad), None, "{bad}");
        }
        let start = Timestamp::from_micros(5).expect("in range");
        let end = "1h".parse::<Lifetime>().map(|l| l.end(start).as_micros());
        assert_eq!(end, Ok(3_600_000_005));
    }

    #[test]
    fn t24_only_well_formed_tokens_are_worth_a_lookup() {
        let token = AccessToken::from_entropy([7; 32]);
        let text = token.expose().to_owned();
        let again = AccessToken::parse(&text).expect("own token parses");
        assert_eq!(again.digest(), token.digest());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(bytes).expect("ascii");
            assert!(AccessToken::parse(&altered).is_none(), "position {at}");
        }
        assert!(AccessToken::parse(&text[..text.len() - 1]).is_none());
        assert!(AccessToken::parse(&format!("{text}0")).is_none());
        assert!(AccessToken::parse(&text.to_uppercase()).is_none());
        assert_eq!(format!("{token:?}"), "AccessToken(***)");
    }

    #[test]
    fn expiry_and_revocation_end_a_token() {
        let at = |s: i64| Timestamp::from_micros(s * 1_000_000).expect("in range");
        let mut record = TokenRecord {
            id: TokenId(1),
            name: TokenName::try_from("ci").expect("valid"),
            role: Role::Viewer,
            created_at: at(0),
            expires_at: Some(at(10)),
            revoked_at: None,
        };
        assert!(record.is_valid(at(9)));
        assert!(!record.is_valid(at(10)));
        record.revoked_at = Some(at(5));
        assert!(!record.is_valid(at(9)));
    }
}
