//! PackStream, the encoding of values in Bolt, bounded
//! (<https://neo4j.com/docs/bolt/current/packstream/>).

/// Deepest nesting that is read. Errors with causes of causes come closest, at about 10.
const MAX_DEPTH: usize = 32;

/// A value that we send; as few kinds as our messages need.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    /// -16 to 127, which is a byte of its own.
    Tiny(i8),
    Text(&'a str),
    /// At most 15 entries.
    Map(&'a [(&'a str, Given<'a>)]),
}

impl Given<'_> {
    /// No less than the bytes that [`Self::put`] adds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Tiny(_) => 1,
            Self::Text(text) => text.len() + 5,
            Self::Map(entries) => {
                1 + entries.iter().map(|(name, value)| name.len() + 5 + value.size()).sum::<usize>()
            }
        }
    }

    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Tiny(number) => bytes.extend(number.to_be_bytes()),
            Self::Text(text) => put_text(text, bytes),
            Self::Map(entries) => {
                let count = u8::try_from(entries.len()).ok().filter(|count| *count < 16);
                bytes.push(0xA0 | count.expect("our maps have few entries"));
                for (name, value) in *entries {
                    put_text(name, bytes);
                    value.put(bytes);
                }
            }
        }
    }
}

fn put_text(text: &str, bytes: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).expect("our texts are short");
    match length.to_be_bytes() {
        [0, 0, 0, short @ 0..16] => bytes.push(0x80 | short),
        [0, 0, 0, byte] => bytes.extend([0xD0, byte]),
        [0, 0, high, low] => bytes.extend([0xD1, high, low]),
        [a, b, c, d] => bytes.extend([0xD2, a, b, c, d]),
    }
    bytes.extend_from_slice(text.as_bytes());
}

/// A value that a server sent.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(super) enum Value {
    Boolean(bool),
    Integer(i64),
    Text(String),
    List(Vec<Self>),
    Map(Map),
    /// Null, floats, bytes and structures: no answer to our questions holds one that matters.
    Other,
}

/// Named values, as a server sent them. Not printed: a server may repeat what we sent.
#[cfg_attr(test, derive(Debug))]
#[derive(Default, PartialEq, Eq)]
pub(super) struct Map(Vec<(String, Value)>);

impl Map {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The text `name`; `None` also when it is something else.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Other => None,
        }
    }

    /// Whether `name` is there and `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Boolean(true))
    }
}

/// The head of a message: its tag and its fields. `None` when the bytes are no message, or more
/// than one.
pub(super) fn structure(bytes: &[u8]) -> Option<(u8, Vec<Value>)> {
    let mut reader = Reader { rest: bytes };
    let head = reader.byte()?;
    if head & 0xF0 != 0xB0 {
        return None;
    }
    let tag = reader.byte()?;
    let fields = reader.list(usize::from(head & 0x0F), 1)?;
    reader.rest.is_empty().then_some((tag, fields))
}

/// Reads values off the front of `rest`; `None` when it is not PackStream.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number without a sign of 1, 2 or 4 bytes: a length.
    fn length(&mut self, width: usize) -> Option<usize> {
        let bytes = self.take(width)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        let marker = self.byte()?;
        let low = usize::from(marker & 0x0F);
        match marker {
            0x00..=0x7F | 0xF0..=0xFF => Some(Value::Integer(i64::from(marker.cast_signed()))),
            0x80..=0x8F => self.text(low).map(Value::Text),
            0x90..=0x9F => self.list(low, depth).map(Value::List),
            0xA0..=0xAF => self.map(low, depth).map(Value::Map),
            0xB0..=0xBF => {
                self.byte()?;
                self.list(low, depth).map(|_| Value::Other)
            }
            0xC0 => Some(Value::Other),
            0xC1 => self.take(8).map(|_| Value::Other),
            0xC2 | 0xC3 => Some(Value::Boolean(marker == 0xC3)),
            0xC8..=0xCB => self.integer(1 << (marker - 0xC8)).map(Value::Integer),
            0xCC..=0xCE => {
                let length = self.length(1 << (marker - 0xCC))?;
                self.take(length).map(|_| Value::Other)
            }
            0xD0..=0xD2 => {
                let length = self.length(1 << (marker - 0xD0))?;
                self.text(length).map(Value::Text)
            }
            0xD4..=0xD6 => {
                let count = self.length(1 << (marker - 0xD4))?;
                self.list(count, depth).map(Value::List)
            }
            0xD8..=0xDA => {
                let count = self.length(1 << (marker - 0xD8))?;
                self.map(count, depth).map(Value::Map)
            }
            0xC4..=0xC7 | 0xCF | 0xD3 | 0xD7 | 0xDB..=0xEF => None,
        }
    }

    /// A number with a sign of 1, 2, 4 or 8 bytes.
    fn integer(&mut self, width: usize) -> Option<i64> {
        let bytes = self.take(width)?;
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }

    fn text(&mut self, length: usize) -> Option<String> {
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// `count` values. Nothing is reserved for them: each must be there, and takes a byte at least.
    fn list(&mut self, count: usize, depth: usize) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Some(values)
    }

    fn map(&mut self, count: usize, depth: usize) -> Option<Map> {
        let mut entries = Vec::new();
        for _ in 0..count {
            let Value::Text(name) = self.value(depth + 1)? else { return None };
            entries.push((name, self.value(depth + 1)?));
        }
        Some(Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Value> {
        let mut reader = Reader { rest: bytes };
        reader.value(0).filter(|_| reader.rest.is_empty())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn values_are_read() {
        // From the tables of the specification.
        for (bytes, expected) in [
            (&b"\xC0"[..], Value::Other),
            (b"\xC1\x3F\xF3\xAE\x14\x7A\xE1\x47\xAE", Value::Other),
            (b"\xC3", Value::Boolean(true)),
            (b"\xC2", Value::Boolean(false)),
            (b"\x2A", Value::Integer(42)),
            (b"\xF0", Value::Integer(-16)),
            (b"\xC8\xD6", Value::Integer(-42)),
            (b"\xC9\xFF\x7F", Value::Integer(-129)),
            (b"\xCA\x7F\xFF\xFF\xFF", Value::Integer(i64::from(i32::MAX))),
            (b"\xCB\x80\0\0\0\0\0\0\0", Value::Integer(i64::MIN)),
            (b"\xCC\x03\x01\x02\x03", Value::Other),
            (b"\x80", text("")),
            (b"\x81A", text("A")),
            (b"\xD0\x02\xC3\xA4", text("ä")),
            (b"\xD1\0\x01A", text("A")),
            (b"\xD2\0\0\0\x01A", text("A")),
            (b"\x81\xFF", text("\u{FFFD}")),
            (b"\x92\x01\x90", Value::List(vec![Value::Integer(1), Value::List(vec![])])),
            (b"\xD4\x01\x01", Value::List(vec![Value::Integer(1)])),
            (b"\xA1\x81a\xC3", Value::Map(Map(vec![("a".to_owned(), Value::Boolean(true))]))),
            (b"\xD9\0\0", Value::Map(Map::default())),
            (b"\xB2\x4E\x01\x02", Value::Other),
        ] {
            assert_eq!(read(bytes), Some(expected), "{bytes:02X?}");
        }
    }

    #[test]
    fn t10_lengths_and_nesting_are_bounded() {
        for bytes in [
            &b""[..],
            b"\xD2\xFF\xFF\xFF\xFFA",
            b"\xD6\xFF\xFF\xFF\xFF\x01",
            b"\xDA\xFF\xFF\xFF\xFF\x81a\x01",
            b"\xCE\xFF\xFF\xFF\xFF",
            b"\xCB\0",
            // The name of an entry is a text.
            b"\xA1\x01\x01",
            // Markers that mean nothing.
            b"\xC4",
            b"\xDC\0\0",
            b"\xDF",
        ] {
            assert_eq!(read(bytes), None, "{bytes:02X?}");
        }
        let nested = |depth: usize| [&vec![0x91; depth][..], &[0x01]].concat();
        assert!(read(&nested(MAX_DEPTH)).is_some());
        assert!(read(&nested(MAX_DEPTH + 1)).is_none());
        assert!(read(&nested(60_000)).is_none());
        // Structures nest no deeper for being skipped.
        assert!(read(&[b"\xB1\x4E".repeat(30_000), vec![0x01]].concat()).is_none());
    }

    #[test]
    fn a_message_is_one_structure() {
        assert_eq!(structure(b"\xB1\x70\x01"), Some((0x70, vec![Value::Integer(1)])));
        assert_eq!(structure(b"\xB0\x7E"), Some((0x7E, vec![])));
        for bytes in [&b""[..], b"\xB1", b"\xB1\x70", b"\x01", b"\xB0\x7E\x01", b"\xA1\x70\x01"] {
            assert_eq!(structure(bytes), None, "{bytes:02X?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_sent_can_be_read(name in "\\PC{0,20}", value in "\\PC{0,300}", n in -16..=127i8) {
            let inner = [(name.as_str(), Given::Tiny(n))];
            let given = Given::Map(&[("text", Given::Text(&value)), ("map", Given::Map(&inner))]);
            let mut bytes = Vec::new();
            given.put(&mut bytes);
            proptest::prop_assert!(bytes.len() <= given.size());
            let map = Map(vec![(name.clone(), Value::Integer(i64::from(n)))]);
            let expected = vec![("text".to_owned(), text(&value)), ("map".to_owned(), Value::Map(map))];
            proptest::prop_assert_eq!(read(&bytes), Some(Value::Map(Map(expected))));
        }

        #[test]
        fn t10_no_bytes_make_it_panic(bytes in proptest::collection::vec(marker(), 0..60)) {
            let _ = read(&bytes);
            let _ = structure(&bytes);
        }
    }

    /// Bytes, most of them markers of what holds others or has a length.
    fn marker() -> impl proptest::strategy::Strategy<Value = u8> {
        proptest::prop_oneof![0x80..=0xDFu8, 0..=3u8, proptest::prelude::any::<u8>()]
    }

    #[test]
    fn long_texts_are_sent_with_their_length() {
        for (length, head) in [
            (15, &[0x8F][..]),
            (16, &[0xD0, 16]),
            (255, &[0xD0, 255]),
            (256, &[0xD1, 1, 0]),
            (65_535, &[0xD1, 255, 255]),
            (65_536, &[0xD2, 0, 1, 0, 0]),
        ] {
            let long = "x".repeat(length);
            let mut bytes = Vec::new();
            Given::Text(&long).put(&mut bytes);
            assert!(bytes.starts_with(head), "{length}");
            assert_eq!(read(&bytes), Some(Value::Text(long)));
        }
    }
}
