//! Bolt: greeting, messages and the chunks that carry them, bounded
//! (<https://neo4j.com/docs/bolt/current/bolt/message/>).

use super::errors;
use super::packstream::{Given, Map, Value, structure};
use crate::failure::Cause;
use crate::session::Session;
use bytes::{Buf, Bytes, BytesMut};
use zeroize::Zeroizing;

/// Longest message. What answers us has less than 4 KiB.
const MAX_MESSAGE: usize = 64 * 1024;

/// What a chunk begins with: its length.
const HEAD: usize = 2;

/// The versions that we speak, in the order in which we would have them: each as a range (how many
/// minor versions down), minor and major version. The first four bytes say that this is Bolt.
pub(super) const GREETING: [u8; 20] =
    *b"\x60\x60\xB0\x17\0\x08\x08\x05\0\0\x04\x04\0\0\0\0\0\0\0\0";

/// The GOODBYE message.
pub(super) const GOODBYE: &[u8] = b"\0\x02\xB0\x02\0\0";

/// What messages are for, in requests.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Tag {
    Hello = 0x01,
    LogOn = 0x6A,
    Run = 0x10,
    Pull = 0x3F,
    Reset = 0x0F,
}

/// A version of Bolt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// Takes what answers the greeting from the front of `buffer`; `None` when more bytes are
    /// needed.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Cause> {
        let Some(answer) = buffer.first_chunk::<4>().copied() else { return Ok(None) };
        buffer.advance(answer.len());
        match answer {
            [0, 0, 0, 0] => Err(Cause::SERVER_TOO_OLD),
            [0, 0, minor @ 0..=8, 5] => Ok(Some(Self { major: 5, minor })),
            [0, 0, 4, 4] => Ok(Some(Self { major: 4, minor: 4 })),
            _ => Err(Cause::NOT_THE_PROTOCOL),
        }
    }

    /// Whether the login is a message of its own, after HELLO (5.1 and later).
    pub(super) fn has_log_on(self) -> bool {
        self >= Self { major: 5, minor: 1 }
    }

    /// Whether HELLO names the library, too (5.3 and later: the server insists).
    pub(super) fn has_bolt_agent(self) -> bool {
        self >= Self { major: 5, minor: 3 }
    }
}

/// What the server answers.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(super) enum Message {
    Success(Map),
    Record(Vec<Value>),
    /// An earlier request failed, and this one was not looked at.
    Ignored,
    Failure(Cause),
}

/// A request in chunks. Wiped on drop, since one of them holds the password.
pub(super) fn request(tag: Tag, fields: &[Given<'_>]) -> Zeroizing<Vec<u8>> {
    let size = 2 + fields.iter().map(Given::size).sum::<usize>();
    // The lengths are known beforehand, so that growing leaves no copy behind.
    let mut message = Zeroizing::new(Vec::with_capacity(size));
    let count = u8::try_from(fields.len()).expect("few fields");
    message.extend([0xB0 | count, tag as u8]);
    for field in fields {
        field.put(&mut message);
    }
    let most = usize::from(u16::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 2 * size.div_ceil(most) + 2));
    for chunk in message.chunks(most) {
        let length = u16::try_from(chunk.len()).expect("cut to this size");
        bytes.extend(length.to_be_bytes());
        bytes.extend_from_slice(chunk);
    }
    bytes.extend([0, 0]);
    bytes
}

/// The next message.
pub(super) async fn next(session: &mut Session) -> Result<Message, Cause> {
    let mut arriving = Arriving::default();
    loop {
        let chunk = session.next(take).await?;
        if let Some(message) = arriving.add(&chunk)? {
            return Ok(message);
        }
    }
}

/// Takes a chunk from the front of `buffer`; `None` when more bytes are needed.
fn take(buffer: &mut BytesMut) -> Result<Option<Bytes>, Cause> {
    let Some(head) = buffer.first_chunk::<HEAD>().copied() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(head));
    if buffer.len() < HEAD + length {
        return Ok(None);
    }
    buffer.advance(HEAD);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// The message that is arriving: its chunks so far.
#[derive(Default)]
struct Arriving(Vec<u8>);

impl Arriving {
    /// The message, when `chunk` ends it. What ends one is an empty chunk; before one, that is a
    /// sign of life.
    fn add(&mut self, chunk: &[u8]) -> Result<Option<Message>, Cause> {
        if self.0.len() + chunk.len() > MAX_MESSAGE {
            return Err(Cause::TOO_MUCH_DATA);
        }
        self.0.extend_from_slice(chunk);
        if !chunk.is_empty() || self.0.is_empty() {
            return Ok(None);
        }
        message(&std::mem::take(&mut self.0)).map(Some)
    }
}

fn message(bytes: &[u8]) -> Result<Message, Cause> {
    let (tag, mut fields) = structure(bytes).ok_or(Cause::NOT_THE_PROTOCOL)?;
    match (tag, fields.pop(), fields.is_empty()) {
        (0x70, Some(Value::Map(about)), true) => Ok(Message::Success(about)),
        (0x71, Some(Value::List(values)), true) => Ok(Message::Record(values)),
        (0x7E, _, true) => Ok(Message::Ignored),
        (0x7F, Some(Value::Map(about)), true) => {
            // `neo4j_code` since 5.7.
            let code = about.text("neo4j_code").or_else(|| about.text("code"));
            Ok(Message::Failure(errors::cause(code.ok_or(Cause::NOT_THE_PROTOCOL)?)))
        }
        _ => Err(Cause::NOT_THE_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SUCCESS that names a server, in two chunks after a sign of life.
    const SUCCESS: &[u8] = b"\0\0\0\x04\xB1\x70\xA1\x86\0\x08server\x81x\0\0";

    /// The first message in `bytes`.
    fn read(bytes: &[u8]) -> Result<Option<Message>, Cause> {
        let (mut arriving, mut buffer) = (Arriving::default(), BytesMut::from(bytes));
        while let Some(chunk) = take(&mut buffer)? {
            if let Some(message) = arriving.add(&chunk)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    #[test]
    fn versions_are_those_that_were_offered() {
        for (answer, expected) in [
            (*b"\0\0\x08\x05", Ok((true, true))),
            (*b"\0\0\x03\x05", Ok((true, true))),
            (*b"\0\0\x02\x05", Ok((true, false))),
            (*b"\0\0\x01\x05", Ok((true, false))),
            (*b"\0\0\0\x05", Ok((false, false))),
            (*b"\0\0\x04\x04", Ok((false, false))),
            (*b"\0\0\x09\x05", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"\0\0\x03\x04", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"\0\0\0\x06", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"\0\x08\x08\x05", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"\0\0\x01\xFF", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"HTTP", Err(Cause::NOT_THE_PROTOCOL)),
            (*b"\0\0\0\0", Err(Cause::SERVER_TOO_OLD)),
        ] {
            let version = Version::take(&mut BytesMut::from(&answer[..]));
            let has = version.map(|v| v.map(|v| (v.has_log_on(), v.has_bolt_agent())));
            assert_eq!(has, expected.map(Some), "{answer:?}");
        }
        assert_eq!(Version::take(&mut BytesMut::from(&b"\0\0\x08"[..])), Ok(None));
    }

    #[test]
    fn t09_no_text_ends_its_message() {
        let bytes = request(Tag::LogOn, &[Given::Map(&[("a", Given::Text("b\0\0\0\x02\u{B0}"))])]);
        assert_eq!(&bytes[..], b"\0\x0D\xB1\x6A\xA1\x81a\x87b\0\0\0\x02\xC2\xB0\0\0");
        assert_eq!(&request(Tag::Reset, &[])[..], b"\0\x02\xB0\x0F\0\0");
    }

    #[test]
    fn long_requests_are_cut_into_chunks() {
        let bytes = request(Tag::LogOn, &[Given::Text(&"x".repeat(70_000))]);
        let mut rest = &bytes[..];
        let mut lengths = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*head));
            lengths.push(length);
            rest = &after[length..];
        }
        assert_eq!(lengths, [65_535, 70_007 - 65_535, 0]);
        assert_eq!(bytes.capacity(), bytes.len(), "nothing grew");
    }

    #[test]
    fn messages_are_read() {
        let Ok(Some(Message::Success(about))) = read(SUCCESS) else { panic!("a success") };
        assert_eq!(about.text("server"), Some("x"));
        assert_eq!(about.text("serve"), None);
        assert_eq!(
            read(b"\0\x04\xB1\x71\x91\x01\0\0"),
            Ok(Some(Message::Record(vec![Value::Integer(1)])))
        );
        assert_eq!(read(b"\0\x02\xB0\x7E\0\0"), Ok(Some(Message::Ignored)));
        assert_eq!(read(b"\0\x03\xB1\x7E\xA0\0\0"), Ok(Some(Message::Ignored)));
        for failure in [
            &b"\0\x0B\xB1\x7F\xA1\x84code\x82ab\0\0"[..],
            b"\0\x15\xB1\x7F\xA2\x81m\x81t\x8Aneo4j_code\x82ab\0\0",
        ] {
            assert_eq!(read(failure), Ok(Some(Message::Failure(Cause::SERVER_ERROR))));
        }
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"\0"), Ok(None));
        assert_eq!(read(b"\0\0\0\0\0\0"), Ok(None));
        assert_eq!(read(b"\0\x04\xB1\x71\x91\x01\0"), Ok(None));
    }

    #[test]
    fn t10_other_bytes_and_lengths_are_refused() {
        for bytes in [
            &b"\0\x04HTTP\0\0"[..],
            b"\0\x03\xB1\x55\xA0\0\0",
            b"\0\x03\xB1\x70\x01\0\0",
            b"\0\x03\xB1\x71\xA0\0\0",
            b"\0\x04\xB2\x70\x01\xA0\0\0",
            b"\0\x02\xB0\x70\0\0",
            b"\0\x02\xB0\x7F\0\0",
            b"\0\x03\xB1\x7F\xA0\0\0",
            b"\0\x09\xB1\x7F\xA1\x84code\x01\0\0",
        ] {
            assert_eq!(read(bytes), Err(Cause::NOT_THE_PROTOCOL), "{bytes:02X?}");
        }
        let most = [&b"\xFF\xFF"[..], &[0; 65_535], b"\0\x01\0"].concat();
        assert_eq!(read(&most), Ok(None));
        assert_eq!(read(&[&most[..], b"\0\x01\0"].concat()), Err(Cause::TOO_MUCH_DATA));
    }

    #[test]
    fn messages_arrive_byte_by_byte() {
        let mut arriving = Arriving::default();
        let mut buffer = BytesMut::new();
        let mut arrived = 0;
        for byte in SUCCESS.repeat(2) {
            buffer.extend_from_slice(&[byte]);
            if let Some(chunk) = take(&mut buffer).expect("valid so far") {
                let message = arriving.add(&chunk).expect("valid so far");
                arrived += usize::from(message.is_some());
            }
        }
        assert_eq!((arrived, buffer.len(), arriving.0.len()), (2, 0, 0));
    }

    proptest::proptest! {
        #[test]
        fn t10_no_bytes_make_it_panic(bytes in chunks()) {
            let (mut arriving, mut buffer) = (Arriving::default(), BytesMut::from(&bytes[..]));
            while let Ok(Some(chunk)) = take(&mut buffer) {
                let _ = arriving.add(&chunk);
            }
        }
    }

    /// Bytes that are mostly messages, so that the inner parsers see them.
    fn chunks() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
        use proptest::collection::vec;
        use proptest::prelude::{Strategy, any};
        let tag = proptest::sample::select(&b"\x70\x71\x7E\x7F\x01"[..]);
        let body = vec(proptest::prop_oneof![0x80..=0xDFu8, any::<u8>()], 0..40);
        let messages = vec((tag, body), 0..4);
        (messages, vec(any::<u8>(), 0..8)).prop_map(|(messages, rest)| {
            let whole = messages.into_iter().flat_map(|(tag, body)| {
                let length = u8::try_from(body.len() + 2).expect("short");
                [vec![0, length, 0xB1, tag], body, vec![0, 0]].concat()
            });
            whole.chain(rest).collect()
        })
    }
}
