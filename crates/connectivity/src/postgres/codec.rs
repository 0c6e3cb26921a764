//! Messages from bytes, bounded.

use super::errors::{self, SqlState};
use crate::failure::Cause;
use crate::session::Session;
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{self, DataRowBody, ErrorResponseBody, Header, Message};

/// Longest message that a test accepts. The longest real one is an error or a notice of some KiB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// Length of the type byte and the length field.
const HEADER: usize = 5;

/// What the server says, once its text is dropped.
pub(super) enum Reply {
    Message(Message),
    Failed(SqlState),
}

/// The next message that matters; notices and parameters are passed over.
pub(super) async fn next(session: &mut Session) -> Result<Reply, Cause> {
    loop {
        match session.next(take).await? {
            Message::NoticeResponse(_)
            | Message::ParameterStatus(_)
            | Message::NotificationResponse(_) => {}
            Message::ErrorResponse(body) => return Ok(Reply::Failed(sql_state(&body)?)),
            message => return Ok(Reply::Message(message)),
        }
    }
}

/// Takes a whole message from the front of `buffer`; `None` when more bytes are needed.
///
/// The parser of `postgres-protocol` reserves memory by the length from the wire, so it sees a
/// message only when that is whole and its length was judged.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Message>, Cause> {
    let Some(tag) = buffer.first() else { return Ok(None) };
    if !is_known(*tag) {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    let header = Header::parse(buffer).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
    let Some(header) = header else { return Ok(None) };
    let length = usize::try_from(header.len()).map_err(|_| Cause::NOT_THE_PROTOCOL)?;
    if length > MAX_MESSAGE {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    if buffer.len() < HEADER - 4 + length {
        return Ok(None);
    }
    Message::parse(buffer).map_err(|_| Cause::NOT_THE_PROTOCOL)
}

/// Types of messages that a server can send to a client that runs one simple query.
fn is_known(tag: u8) -> bool {
    matches!(
        tag,
        backend::AUTHENTICATION_TAG
            | backend::BACKEND_KEY_DATA_TAG
            | backend::COMMAND_COMPLETE_TAG
            | backend::DATA_ROW_TAG
            | backend::EMPTY_QUERY_RESPONSE_TAG
            | backend::ERROR_RESPONSE_TAG
            | backend::NOTICE_RESPONSE_TAG
            | backend::NOTIFICATION_RESPONSE_TAG
            | backend::PARAMETER_STATUS_TAG
            | backend::READY_FOR_QUERY_TAG
            | backend::ROW_DESCRIPTION_TAG
    )
}

/// The code of an error; all else in it is the server's text, and dropped.
fn sql_state(body: &ErrorResponseBody) -> Result<SqlState, Cause> {
    let (mut state, mut meant) = (None, None);
    let mut fields = body.fields();
    // Whatever is wrong behind the code takes nothing from it.
    while let Ok(Some(field)) = fields.next() {
        match field.type_() {
            b'C' => {
                let code = field.value_bytes().try_into();
                state = Some(code.map_err(|_| Cause::NOT_THE_PROTOCOL)?);
            }
            b'M' => meant = errors::of_pooler(field.value_bytes()),
            _ => {}
        }
    }
    match (state, meant) {
        (Some(errors::PROTOCOL_VIOLATION), Some(meant)) => Ok(meant),
        (Some(state), _) => Ok(state),
        (None, _) => Err(Cause::NOT_THE_PROTOCOL),
    }
}

/// The values of a row as text.
pub(super) fn values(body: &DataRowBody) -> Result<Vec<Option<String>>, Cause> {
    let bytes = body.buffer();
    body.ranges()
        .map(|range| Ok(range.map(|r| String::from_utf8_lossy(&bytes[r]).into_owned())))
        .collect()
        .map_err(|_| Cause::NOT_THE_PROTOCOL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    #[test]
    fn a_message_is_taken_only_when_it_is_whole() {
        let whole = [message(b'Z', b"I"), message(b'R', &[0, 0, 0, 0])].concat();
        let mut buffer = BytesMut::new();
        let mut taken = Vec::new();
        for byte in &whole {
            buffer.extend_from_slice(&[*byte]);
            if let Some(message) = take(&mut buffer).expect("valid so far") {
                taken.push(message);
            }
        }
        assert!(matches!(taken[..], [Message::ReadyForQuery(_), Message::AuthenticationOk]));
        assert!(buffer.is_empty());
    }

    #[test]
    fn t10_lengths_are_judged_before_memory_is_reserved() {
        for length in [0_u32, 3, 1024 * 1024 + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            let mut buffer = BytesMut::from(&[&b"D"[..], &length.to_be_bytes()].concat()[..]);
            assert_eq!(take(&mut buffer).err(), Some(Cause::NOT_THE_PROTOCOL), "{length}");
            assert!(buffer.capacity() < 1024);
        }
        let mut buffer =
            BytesMut::from(&[&b"D"[..], &(1024_u32 * 1024).to_be_bytes()].concat()[..]);
        assert!(matches!(take(&mut buffer), Ok(None)));
        assert!(buffer.capacity() < 1024, "a long message is waited for, not reserved for");
    }

    #[test]
    fn other_protocols_are_told_by_their_first_byte() {
        for greeting in
            [&b"HTTP/1.1 400"[..], b"-ERR unknown", b"J\0\0\0\x0a8.0", b"\x15\x03\x01", b"*1"]
        {
            let mut buffer = BytesMut::from(greeting);
            assert_eq!(take(&mut buffer).err(), Some(Cause::NOT_THE_PROTOCOL));
        }
    }

    #[test]
    fn t17_of_an_error_only_the_code_is_kept() {
        let error = |body: &[u8]| {
            let mut buffer = BytesMut::from(&message(b'E', body)[..]);
            match take(&mut buffer) {
                Ok(Some(Message::ErrorResponse(body))) => sql_state(&body),
                _ => panic!("not an error"),
            }
        };
        assert_eq!(error(b"SFATAL\0C28P01\0Mno: hunter2\0\0"), Ok(*b"28P01"));
        assert_eq!(error(b"C28P01\0Mno"), Ok(*b"28P01"));
        assert_eq!(error(b"C08P01\0Mno such database: x\0\0"), Ok(*b"3D000"));
        assert_eq!(error(b"C08P01\0Mhunter2\0\0"), Ok(*b"08P01"));
        assert_eq!(error(b"C42501\0Mno such database: x\0\0"), Ok(*b"42501"));
        assert_eq!(error(b"Mno\0\0"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(error(b"C28P0\0\0"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(error(b"SFATAL"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(error(b""), Err(Cause::NOT_THE_PROTOCOL));
    }

    #[test]
    fn rows_that_do_not_add_up_are_refused() {
        let row = |body: &[u8]| {
            let mut buffer = BytesMut::from(&message(b'D', body)[..]);
            match take(&mut buffer) {
                Ok(Some(Message::DataRow(body))) => values(&body),
                _ => panic!("not a row"),
            }
        };
        let good = b"\0\x02\0\0\0\x01A\xff\xff\xff\xff";
        assert_eq!(row(good), Ok(vec![Some("A".to_owned()), None]));
        assert_eq!(row(b"\0\x01\0\0\0\x05A"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(row(b"\0\x01\x7f\xff\xff\xffA"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(row(b"\0\0A"), Err(Cause::NOT_THE_PROTOCOL));
        assert_eq!(row(b"\xff\xff"), Err(Cause::NOT_THE_PROTOCOL));
    }

    proptest::proptest! {
        #[test]
        fn t10_no_bytes_make_it_panic(bytes in messages()) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(message)) = take(&mut buffer) {
                match message {
                    Message::ErrorResponse(body) => drop(sql_state(&body)),
                    Message::DataRow(body) => drop(values(&body)),
                    Message::AuthenticationSasl(body) => {
                        let _ = body.mechanisms().take(16).count();
                    }
                    _ => {}
                }
            }
        }
    }

    /// Bytes that are mostly messages, so that the inner parsers see them.
    fn messages() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
        use proptest::prelude::{Strategy, any};
        let tag = proptest::sample::select(&b"RKCDIENASZT"[..]);
        let body = proptest::collection::vec(any::<u8>(), 0..40);
        let messages = proptest::collection::vec((tag, body), 0..4);
        (messages, proptest::collection::vec(any::<u8>(), 0..8)).prop_map(|(messages, rest)| {
            let whole = messages.iter().flat_map(|(tag, body)| match tag {
                // A list of mechanisms, which is what an `R` is for that says more than a number.
                b'R' => message(*tag, &[&[0, 0, 0, 10], &body[..]].concat()),
                _ => message(*tag, body),
            });
            whole.chain(rest).collect()
        })
    }
}
