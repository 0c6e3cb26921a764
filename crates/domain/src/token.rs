//! Access tokens: `dsa_`, 64 hexadecimal digits of randomness, 8 of checksum.

use crate::{Role, Secret, TextError, Timestamp, ViolationCode};
use sha2::{Digest, Sha256};
use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

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
