//! The keys of an installation, and their text format.

use crate::entropy::NoRandomness;
use crate::key::{Key, KeyError, KeyId};
use datastore_domain::Secret;

/// Why a list of keys is refused. No message holds any part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// Nothing but comments and blank lines.
    #[error(
        "there is no key; restore the keys from where they are kept, or, \
         if nothing was ever sealed, make one with `datastore-api key generate`"
    )]
    Empty,
    /// An entry without a colon, or whose part before the colon is not a key id. The text is left
    /// out: it may be a key.
    #[error(
        "entry {nth} (comments not counted) is not `id:key`, with an id of 1 to 16 characters of a-z, 0-9 and `-`; copy the line again, whole"
    )]
    BadEntry {
        /// Position among the entries, from 1.
        nth: usize,
    },
    /// What follows the colon is not a key.
    #[error(
        "key `{id}` {problem}; copy its line again, whole, or, if it never sealed anything, \
         make another with `datastore-api key generate`"
    )]
    BadKey {
        /// The entry's id.
        id: KeyId,
        /// What is wrong with the key.
        problem: KeyError,
    },
    /// Two entries share an id.
    #[error(
        "key id `{id}` is repeated; remove one of its lines, or give the newer key an id of its own"
    )]
    RepeatedId {
        /// The id.
        id: KeyId,
    },
}

/// Keys by id; the first one seals, every one opens. There is at least one, and no id is repeated.
///
/// # Text format
///
/// One key per line, `id:key`, where `key` is 32 bytes in base64 (standard alphabet, padded). The
/// first line is the key that seals; the others open what was sealed under them before. `#` begins
/// a comment that lasts to the end of the line; blank lines and blanks around entries are ignored.
///
/// ```text
/// # made 2026-03-01, seals
/// k5d0c9e71:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
/// # before that
/// k1a2b3c4d:ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=
/// ```
///
/// A comma separates entries as a line break does, so that the same text fits in one line of an
/// environment variable (`DATASTORE_API__CRYPTO__KEYS`).
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<(KeyId, Key)>,
}

impl KeyRing {
    /// A ring of `keys`, of which the first one seals.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Empty`] without keys, [`KeyRingError::RepeatedId`] when two share an id.
    pub fn new(keys: Vec<(KeyId, Key)>) -> Result<Self, KeyRingError> {
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        for (at, (id, _)) in keys.iter().enumerate() {
            if keys[..at].iter().any(|(earlier, _)| earlier == id) {
                return Err(KeyRingError::RepeatedId { id: id.clone() });
            }
        }
        Ok(Self { keys })
    }

    /// Reads the text format.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`] for the first entry at fault, by id or by position, never with content.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let entries = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(entry, _comment)| entry))
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let keys = (1..).zip(entries).map(|(nth, entry)| parse_entry(nth, entry));
        Self::new(keys.collect::<Result<_, _>>()?)
    }

    /// A new key with a new id, as a line of the text format, without a line break: the output of
    /// `key generate`.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the operating system gives none.
    pub fn generate_key() -> Result<Secret, NoRandomness> {
        Ok(format_entry(&KeyId::generate()?, &Key::generate()?))
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> &KeyId {
        &self.sealing().0
    }

    /// Whether the ring can open what was sealed under `id`.
    #[must_use]
    pub fn contains(&self, id: &KeyId) -> bool {
        self.find(id.as_str()).is_some()
    }

    /// All ids, the sealing one first.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(|(id, _)| id)
    }

    /// The key that seals, with its id.
    pub(crate) fn sealing(&self) -> &(KeyId, Key) {
        self.keys.first().expect("a ring has at least one key")
    }

    /// The key of this id.
    pub(crate) fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|(own, _)| own.as_str() == id).map(|(_, key)| key)
    }
}

/// One entry as text; what [`parse_entry`] reads.
pub(crate) fn format_entry(id: &KeyId, key: &Key) -> Secret {
    let mut entry = String::with_capacity(id.as_str().len() + 1 + Key::BASE64_LENGTH);
    entry.push_str(id.as_str());
    entry.push(':');
    key.append_base64(&mut entry);
    Secret::new(entry)
}

fn parse_entry(nth: usize, entry: &str) -> Result<(KeyId, Key), KeyRingError> {
    let bad_entry = KeyRingError::BadEntry { nth };
    let Some((id, key)) = entry.split_once(':') else {
        return Err(bad_entry);
    };
    let Ok(id) = KeyId::try_from(id.trim_end()) else {
        return Err(bad_entry);
    };
    match Key::from_base64(key.trim_start()) {
        Ok(key) => Ok((id, key)),
        Err(problem) => Err(KeyRingError::BadKey { id, problem }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn entry(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; 32]))
    }

    fn ids(text: &str) -> Vec<String> {
        KeyRing::parse(text).unwrap().ids().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_commas_comments_and_blanks() {
        let (a, b) = (entry("a", 1), entry("b", 2));
        for text in [
            format!("{a}\n{b}"),
            format!("{a}\n{b}\n"),
            format!("{a},{b}"),
            format!("{a} , {b},"),
            format!("\r\n# one, two: three\r\n  {a}\r\n\r\n{b} # the old one\r\n"),
            format!("#{b}\n{a}#,\n\t{b}\n#"),
            format!("{}\n{b}", a.replace(':', " : ")),
        ] {
            assert_eq!(ids(&text), ["a", "b"], "{text}");
            assert_eq!(KeyRing::parse(&text).unwrap().sealing_id().as_str(), "a");
        }
    }

    #[test]
    fn the_documented_example_is_valid() {
        let example: Vec<&str> = include_str!("ring.rs")
            .lines()
            .skip_while(|line| *line != "/// ```text")
            .skip(1)
            .take_while(|line| *line != "/// ```")
            .map(|line| line.trim_start_matches("/// "))
            .collect();
        assert_eq!(ids(&example.join("\n")), ["k5d0c9e71", "k1a2b3c4d"]);
    }

    #[test]
    fn t44_bad_rings_are_refused() {
        let id = |text: &str| KeyId::try_from(text).unwrap();
        let bad_key = |text: &str, problem| KeyRingError::BadKey { id: id(text), problem };
        let good = entry("a", 1);
        let secret = STANDARD.encode([0xA5; 32]);
        let cases = [
            (String::new(), KeyRingError::Empty),
            (" \n# only words\n,,".into(), KeyRingError::Empty),
            (secret.clone(), KeyRingError::BadEntry { nth: 1 }),
            (format!("{good}\n# c\n{secret}"), KeyRingError::BadEntry { nth: 2 }),
            (format!("{secret}:b"), KeyRingError::BadEntry { nth: 1 }),
            (format!(":{secret}"), KeyRingError::BadEntry { nth: 1 }),
            (format!("B:{secret}"), KeyRingError::BadEntry { nth: 1 }),
            ("b:".into(), bad_key("b", KeyError::WrongLength { bytes: 0 })),
            (entry("b", 0), bad_key("b", KeyError::AllZeros)),
            (format!("{good},b:{}", &secret[1..]), bad_key("b", KeyError::NotBase64)),
            (
                format!("b:{}", STANDARD.encode([0xA5; 33])),
                bad_key("b", KeyError::WrongLength { bytes: 33 }),
            ),
            (format!("{good},{}", entry("a", 2)), KeyRingError::RepeatedId { id: id("a") }),
        ];
        for (text, expected) in cases {
            let error = KeyRing::parse(&text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            let message = format!("{error} {error:?}");
            assert!(!message.contains("paWl"), "the message shows a key: {message}");
            assert!(!error.to_string().contains('\n'), "one line: {error}");
            assert!(error.to_string().contains(';'), "thing; remedy: {error}");
        }
    }

    #[test]
    fn contains_and_ids() {
        let ring = KeyRing::parse(&format!("{}\n{}", entry("b", 1), entry("a", 2))).unwrap();
        assert!(ring.contains(&KeyId::try_from("a").unwrap()));
        assert!(!ring.contains(&KeyId::try_from("c").unwrap()));
        assert_eq!(ring.ids().next(), Some(ring.sealing_id()));
    }

    #[test]
    fn a_generated_line_parses() {
        let line = KeyRing::generate_key().unwrap();
        assert_eq!(line.expose().lines().count(), 1);
        assert_eq!(line.expose(), line.expose().trim());
        let ring = KeyRing::parse(line.expose()).unwrap();
        let (id, key) = ring.sealing();
        assert_eq!(&format_entry(id, key), &line);
        assert_eq!(format!("{line:?} {line}"), "*** ***");
    }

    #[test]
    fn no_debug_output_holds_a_key() {
        let bytes: [u8; 32] = std::array::from_fn(|i| 0xA0 + i as u8);
        let base64 = STANDARD.encode(bytes);
        let ring = KeyRing::parse(&format!("k1:{base64}")).unwrap();
        let shown = format!("{:?} {:#?} {:?}", ring, ring, ring.sealing());
        assert!(shown.contains("***"));
        for trace in [&base64[..8], &base64[20..28], "160", "161", "a0a1", "A0A1", "0xa0"] {
            assert!(!shown.contains(trace), "{shown}");
        }
    }
}
