//! The stored form, and what a value is bound to. See the crate's documentation for the layout.

use crate::key::KeyId;
use datastore_domain::SealedValue;

/// The only format version there is.
pub(crate) const VERSION: u8 = 1;

/// Length of a nonce in bytes; the extended nonce is long enough to be drawn at random.
pub(crate) const NONCE_LENGTH: usize = 24;

/// Length of the authentication tag in bytes, at the end of every ciphertext.
const TAG_LENGTH: usize = 16;

/// Where a value belongs. The names are part of what was sealed: changing one makes every stored
/// value unreadable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) record: &'a [u8],
    pub(crate) field: &'static str,
}

impl Place<'_> {
    /// The associated data: each part behind its length, so that no two places look alike.
    pub(crate) fn associated_data(&self, key_id: &str) -> Vec<u8> {
        let parts: [&[u8]; 5] = [
            &[VERSION],
            key_id.as_bytes(),
            self.table.as_bytes(),
            self.record,
            self.field.as_bytes(),
        ];
        let mut data = Vec::with_capacity(128);
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// Why bytes are not a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// A format of later versions, or not a sealed value at all.
    #[error("the sealed value's format version is not {VERSION}")]
    Version,
    /// The first byte is right, the rest is too short or names no key.
    #[error("the sealed value is cut off or names no key")]
    Shape,
}

/// The parts of a stored value; nothing about them is proven.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StoredForm<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) nonce: &'a [u8; NONCE_LENGTH],
    /// With the tag at its end.
    pub(crate) ciphertext: &'a [u8],
}

impl<'a> StoredForm<'a> {
    /// Takes a stored value apart.
    pub(crate) fn parse(sealed: &'a SealedValue) -> Result<Self, FormError> {
        let (version, rest) = sealed.as_bytes().split_first().ok_or(FormError::Shape)?;
        if *version != VERSION {
            return Err(FormError::Version);
        }
        Self::parse_rest(rest).ok_or(FormError::Shape)
    }

    fn parse_rest(rest: &'a [u8]) -> Option<Self> {
        let (length, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(*length))?;
        let key_id = std::str::from_utf8(key_id).ok().filter(|id| KeyId::accepts(id))?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        (ciphertext.len() >= TAG_LENGTH).then_some(Self { key_id, nonce, ciphertext })
    }

    /// Puts a value together for storage.
    pub(crate) fn to_sealed(&self) -> SealedValue {
        let id = self.key_id.as_bytes();
        let length = u8::try_from(id.len()).expect("a key id has at most 16 bytes");
        let bytes = [&[VERSION, length], id, self.nonce, self.ciphertext].concat();
        SealedValue::new(bytes)
    }
}

/// The id of the key that `sealed` says it was sealed under; `None` when it is not a sealed value
/// of a known format.
///
/// Nothing is proven by it: only opening the value shows that the id is true. It serves to count
/// values per key, and to find at start the keys that a ring lacks.
#[must_use]
pub fn key_id_of(sealed: &SealedValue) -> Option<KeyId> {
    let form = StoredForm::parse(sealed).ok()?;
    KeyId::try_from(form.key_id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const FORM: StoredForm<'static> =
        StoredForm { key_id: "k1", nonce: &[7; NONCE_LENGTH], ciphertext: &[9; TAG_LENGTH + 3] };

    #[test]
    fn forms_there_and_back() {
        for key_id in ["k", "k1", "abcdefghijklmnop"] {
            let sealed = StoredForm { key_id, ..FORM }.to_sealed();
            assert_eq!(StoredForm::parse(&sealed).unwrap(), StoredForm { key_id, ..FORM });
            assert_eq!(key_id_of(&sealed).unwrap().as_str(), key_id);
        }
        let empty = StoredForm { ciphertext: &[9; TAG_LENGTH], ..FORM }.to_sealed();
        assert!(StoredForm::parse(&empty).is_ok());
    }

    #[test]
    fn what_is_not_a_form() {
        let whole = FORM.to_sealed().as_bytes().to_vec();
        let shortest = whole.len() - 3;
        for length in 0..shortest {
            let cut = SealedValue::new(whole[..length].to_vec());
            assert_eq!(StoredForm::parse(&cut), Err(FormError::Shape), "{length}");
            assert_eq!(key_id_of(&cut), None);
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            StoredForm::parse(&SealedValue::new(bytes)).map(|_| ())
        };
        assert_eq!(changed(0, 0), Err(FormError::Version));
        assert_eq!(changed(0, 2), Err(FormError::Version));
        for length in [0, 17, 44, 255] {
            assert_eq!(changed(1, length), Err(FormError::Shape), "{length}");
        }
        for letter in [b'K', b'\n', b':', 0, 0x80, 0xFF] {
            assert_eq!(changed(2, letter), Err(FormError::Shape), "{letter}");
        }
        let plain = SealedValue::new(b"postgres://app:hunter2@db/app, as plain text".to_vec());
        assert_eq!(key_id_of(&plain), None);
    }

    #[test]
    fn t20_no_two_places_share_their_associated_data() {
        let mut seen = HashSet::new();
        let mut places = 0;
        for key_id in ["k", "kd", "kda"] {
            for table in ["datastores", "canary", "a", "ab", ""] {
                for record in [&b""[..], b"b", b"bc", &[0; 16], &[1; 16]] {
                    for field in ["password", "connection_string", "c", "bc", ""] {
                        places += 1;
                        let place = Place { table, record, field };
                        assert!(seen.insert(place.associated_data(key_id)), "{place:?}");
                    }
                }
            }
        }
        assert_eq!(seen.len(), places);
    }
}
