//! One key and its name.

use crate::entropy::{NoRandomness, fill};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datastore_domain::MASK;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Not a key id. The text is left out of the message: it may be a misplaced key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 1 to 16 characters of a-z, 0-9 and `-`")]
pub struct KeyIdError;

/// Public name of a key, 1 to 16 characters of `a-z`, `0-9` and `-`, such as `k1a2b3c4d`.
///
/// It stands in clear text in every sealed value and never changes its meaning: a new key gets a
/// new id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Longest id, in bytes.
    pub const MAX_LENGTH: usize = 16;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` may name a key.
    pub(crate) fn accepts(text: &str) -> bool {
        let letter = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(letter)
    }

    /// A name for a new key. It is drawn apart from the key, so that it tells nothing about it.
    pub(crate) fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 4];
        fill(&mut bytes)?;
        Ok(Self(format!("k{:08x}", u32::from_be_bytes(bytes))))
    }
}

impl TryFrom<&str> for KeyId {
    type Error = KeyIdError;

    fn try_from(text: &str) -> Result<Self, KeyIdError> {
        if Self::accepts(text) { Ok(Self(text.to_owned())) } else { Err(KeyIdError) }
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        Self::try_from(text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a key. The message never holds any of what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not base64 in its standard alphabet, with padding.
    #[error("is not base64 (standard alphabet, with `=` padding)")]
    NotBase64,
    /// Too short or too long.
    #[error("has {bytes} bytes instead of {}", Key::LENGTH)]
    WrongLength {
        /// How many bytes were given.
        bytes: usize,
    },
    /// A key that everybody knows.
    #[error("is all zeros")]
    AllZeros,
}

/// 32 secret bytes: printed as `***`, wiped on drop, never copied.
// The box keeps the bytes in one place: moving the key moves a pointer, and a vector of keys that
// grows leaves no copies behind.
pub struct Key(Box<Zeroizing<[u8; Key::LENGTH]>>);

impl Key {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// Length of a key in base64.
    pub(crate) const BASE64_LENGTH: usize = Self::LENGTH.div_ceil(3) * 4;

    /// A new key from the operating system.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system gives none.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = Self::blank();
        fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// Reads a key from base64.
    pub(crate) fn from_base64(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        let length = STANDARD.decode_slice(text, &mut bytes).map_err(|_| KeyError::NotBase64)?;
        Self::try_from(&bytes[..length])
    }

    /// Appends the key in base64. The caller has reserved [`Key::BASE64_LENGTH`] bytes, so that
    /// `text` does not move and leave a copy behind.
    pub(crate) fn append_base64(&self, text: &mut String) {
        let mut base64 = Zeroizing::new([0; Self::BASE64_LENGTH]);
        STANDARD
            .encode_slice(self.as_bytes(), base64.as_mut_slice())
            .expect("the buffer has the length of 32 bytes in base64");
        text.push_str(std::str::from_utf8(&*base64).expect("base64 is ASCII"));
    }

    /// The secret bytes, for the cipher only.
    pub(crate) fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([0; Self::LENGTH])))
    }
}

impl TryFrom<&[u8]> for Key {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != Self::LENGTH {
            return Err(KeyError::WrongLength { bytes: bytes.len() });
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(KeyError::AllZeros);
        }
        let mut key = Self::blank();
        key.0.copy_from_slice(bytes);
        Ok(key)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids() {
        for good in ["k", "k1a2b3c4", "2026-01", "-", "abcdefghijklmnop"] {
            assert_eq!(KeyId::try_from(good).unwrap().as_str(), good);
            assert_eq!(good.parse::<KeyId>().unwrap().to_string(), good);
        }
        for bad in ["", "abcdefghijklmnopq", "K1", "k_1", "k 1", "k:1", "k1\n", "ké", "k\0"] {
            assert_eq!(KeyId::try_from(bad), Err(KeyIdError), "{bad:?}");
        }
        assert!(KeyId::accepts(KeyId::generate().unwrap().as_str()));
    }

    #[test]
    fn t44_keys_of_a_wrong_length_or_all_zeros_are_refused() {
        for length in (0..=80).filter(|length| *length != Key::LENGTH) {
            let error = Key::try_from(vec![7; length].as_slice()).unwrap_err();
            assert_eq!(error, KeyError::WrongLength { bytes: length });
        }
        assert_eq!(Key::try_from([0; 32].as_slice()).unwrap_err(), KeyError::AllZeros);
        for at in 0..Key::LENGTH {
            let mut bytes = [0; Key::LENGTH];
            bytes[at] = 1;
            assert_eq!(Key::try_from(bytes.as_slice()).unwrap().as_bytes(), &bytes);
        }
    }

    #[test]
    fn base64_there_and_back() {
        let key = Key::generate().unwrap();
        let mut text = String::new();
        key.append_base64(&mut text);
        assert_eq!(text.len(), Key::BASE64_LENGTH);
        assert_eq!(Key::from_base64(&text).unwrap().as_bytes(), key.as_bytes());

        let unpadded = text.trim_end_matches('=');
        let not_canonical = format!("{}B=", &STANDARD.encode([7; 32])[..42]);
        for bad in ["!", "k1", unpadded, &not_canonical, &text.replace('=', "*")] {
            assert_eq!(Key::from_base64(bad).unwrap_err(), KeyError::NotBase64, "{bad}");
        }
        let short = Key::from_base64(&STANDARD.encode([7; 31])).unwrap_err();
        assert_eq!(short.to_string(), "has 31 bytes instead of 32");
        assert_eq!(Key::from_base64("").unwrap_err(), KeyError::WrongLength { bytes: 0 });
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(Key::generate().unwrap().as_bytes(), Key::generate().unwrap().as_bytes());
        assert_ne!(KeyId::generate().unwrap(), KeyId::generate().unwrap());
    }
}
