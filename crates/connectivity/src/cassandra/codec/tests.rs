use super::*;

const ERROR: &[u8] = b"\x84\0\0\0\0\0\0\0\x0b\0\0\x01\0\0\x05wrong";
const READY: &[u8] = b"\x84\0\0\0\x02\0\0\0\0";
const ASKS: &[u8] = b"\x84\0\0\0\x03\0\0\0\x05\0\x03a.B";
const CHALLENGE: &[u8] = b"\x84\0\0\0\x0e\0\0\0\x04\xff\xff\xff\xff";
const SUCCESS: &[u8] = b"\x84\0\0\0\x10\0\0\0\x04\xff\xff\xff\xff";

/// A row of one text, with what is said about it; and a keyspace.
const VERSION_ROW: &[u8] = b"\x84\0\0\0\x08\0\0\0\x25\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01k\0\x01t\0\x01c\0\x0d\0\0\0\x01\0\0\0\x035.0";
const OPENED: &[u8] = b"\x84\0\0\0\x08\0\0\0\x08\0\0\0\x03\0\x02ks";

fn taken(bytes: &[u8]) -> Result<Option<Answer>, Cause> {
    take(&mut BytesMut::from(bytes))
}

#[test]
fn what_is_changed_below_is_right_before() {
    assert_eq!(single_text(Bytes::from_static(&VERSION_ROW[9..])).as_deref(), Some("5.0"));
    assert_eq!(opened_keyspace(Bytes::from_static(&OPENED[9..])).as_deref(), Some("ks"));
}

#[test]
fn answers_are_read() {
    for (bytes, expected) in [
        (ERROR, Answer::Error(ServerError::new(0x0100, "wrong"))),
        (READY, Answer::Ready),
        (ASKS, Answer::Authenticate("a.B".to_owned())),
        (CHALLENGE, Answer::AuthChallenge),
        (SUCCESS, Answer::AuthSuccess),
        (b"\x84\0\0\0\x08\0\0\0\x01x", Answer::Result(Bytes::from_static(b"x"))),
        // Warnings come first.
        (
            b"\x84\x08\0\0\x08\0\0\0\x09\0\x02\0\x01a\0\0xy",
            Answer::Result(Bytes::from_static(b"xy")),
        ),
    ] {
        assert_eq!(taken(bytes), Ok(Some(expected)));
        for length in 0..bytes.len() {
            assert_eq!(taken(&bytes[..length]), Ok(None));
        }
    }
}

#[test]
fn answers_arrive_byte_by_byte() {
    let mut buffer = BytesMut::new();
    let mut count = 0;
    for byte in [ERROR, READY, ASKS, SUCCESS].concat() {
        buffer.extend_from_slice(&[byte]);
        count += usize::from(take(&mut buffer).expect("valid so far").is_some());
    }
    assert_eq!((count, buffer.len()), (4, 0));
}

#[test]
fn t10_what_is_no_answer_is_refused_as_soon_as_it_shows() {
    for bytes in [
        // Requests, another version's answers, other protocols.
        &b"\x04"[..],
        b"\x83\0\0\0\x02\0\0\0\0",
        b"\x87",
        b"\x80",
        b"HTTP",
        b"\x15\x03\x01",
        // Compressed, with a payload, of another stream, pushed.
        b"\x84\x01\0\0\x02\0\0\0\0",
        b"\x84\x04\0\0\x02\0\0\0\0",
        b"\x84\0\0\x01\x02\0\0\0\0",
        b"\x84\0\xff\xff\x0c\0\0\0\0",
        // Lengths beyond the limit, and beyond the frame.
        b"\x84\0\0\0\x08\xff\xff\xff\xff",
        b"\x84\0\0\0\x08\0\x01\0\x01",
        b"\x84\0\0\0\x03\0\0\0\x04\0\x03aB",
        b"\x84\0\0\0\0\0\0\0\x04\0\0\x01\0",
        b"\x84\x08\0\0\x08\0\0\0\x02\xff\xff",
        b"\x84\x08\0\0\x08\0\0\0\x04\0\x01\xff\xff",
        // Messages that nobody asked for, and a class that is no text.
        b"\x84\0\0\0\x06\0\0\0\0",
        b"\x84\0\0\0\x99\0\0\0\0",
        b"\x84\0\0\0\x03\0\0\0\x03\0\x01\xff",
    ] {
        assert_eq!(taken(bytes), Err(Cause::NOT_THE_PROTOCOL), "{bytes:x?}");
    }
}

#[test]
fn an_old_server_is_told_from_another_protocol() {
    let mut error = ERROR.to_vec();
    error[0] = 0x83;
    assert_eq!(taken(&error), Err(Cause::SERVER_TOO_OLD));
}

#[test]
fn requests_are_written() {
    assert_eq!(startup()[..9], *b"\x04\0\0\0\x01\0\0\0\x16");
    assert_eq!(login("u", "p")[..], *b"\x04\0\0\0\x0f\0\0\0\x08\0\0\0\x04\0u\0p");
    assert_eq!(query("x")[..], *b"\x04\0\0\0\x07\0\0\0\x08\0\0\0\x01x\0\x01\0");
}

#[test]
fn t09_no_name_of_a_keyspace_ends_it() {
    let request = use_keyspace("a\"; DROP KEYSPACE b; --");
    let text = String::from_utf8_lossy(&request[13..]).into_owned();
    assert_eq!(text, "USE \"a\"\"; DROP KEYSPACE b; --\"\0\u{1}\0");
}

fn rows(bytes: &'static [u8]) -> Option<String> {
    single_text(Bytes::from_static(bytes))
}

#[test]
fn one_text_is_read_and_nothing_else() {
    const FLAGS: &[u8] =
        b"\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01s\0\x01l\0\x01v\0\x0d\0\0\0\x01\0\0\0\x035.0";
    assert_eq!(rows(FLAGS).as_deref(), Some("5.0"));
    assert_eq!(
        rows(b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x035.0").as_deref(),
        Some("5.0")
    );
    for bytes in [
        // Void, two columns, no row, two rows, null, more than there is, less, no text, more pages.
        &b"\0\0\0\x01"[..],
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x02\0\0\0\x01\0\0\0\x01a\0\0\0\x01b",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\0",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x02\0\0\0\x01a\0\0\0\x01b",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\x7f\xff\xff\xffa",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x01ab",
        b"\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x01\xff",
        b"\0\0\0\x02\0\0\0\x06\0\0\0\x01\0\0\0\x01\0\0\0\x01a",
        // A number instead of a text.
        b"\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01s\0\x01l\0\x01v\0\x09\0\0\0\x01\0\0\0\x04\0\0\0\x05",
        b"",
    ] {
        assert_eq!(rows(bytes), None, "{bytes:x?}");
    }
    let opened = |bytes: &'static [u8]| opened_keyspace(Bytes::from_static(bytes));
    assert_eq!(opened(b"\0\0\0\x03\0\x02ks").as_deref(), Some("ks"));
    assert_eq!((opened(b"\0\0\0\x01"), opened(b"\0\0\0\x03\0\x02k")), (None, None));
}

proptest::proptest! {
    #[test]
    fn t10_no_bytes_make_it_panic(
        start in proptest::sample::select(vec![&b""[..], b"\x84\0\0\0", b"\x84\x08\0\0\x08\0\0\0\x10"]),
        rest in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
    ) {
        let bytes = [start, &rest].concat();
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = take(&mut buffer) {}
        let _ = single_text(Bytes::from(rest.clone()));
        let _ = opened_keyspace(Bytes::from(rest));
    }

    /// Answers and results that are right but for their ends and a few bytes.
    #[test]
    fn t10_no_answer_makes_it_panic(
        whole in proptest::sample::select(vec![ERROR, ASKS, SUCCESS, VERSION_ROW, OPENED]),
        end in 9_usize..64,
        changes in proptest::collection::vec((0_usize..64, 0_u8..), 0..4),
    ) {
        let mut bytes = whole.to_vec();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(end);
        let length = u32::try_from(bytes.len() - 9).expect("short");
        bytes[5..9].copy_from_slice(&length.to_be_bytes());
        let _ = taken(&bytes);
        let _ = single_text(Bytes::copy_from_slice(&bytes[9..]));
        let _ = opened_keyspace(Bytes::copy_from_slice(&bytes[9..]));
    }
}
