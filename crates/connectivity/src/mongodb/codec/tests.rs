//! Messages, whole and broken.

use super::*;
use bson::rawdoc;

/// An answer to `request` as a server sends it, with `behind` after the document.
fn framed(request: i32, flags: u32, document: &RawDocument, behind: &[u8]) -> Vec<u8> {
    let length = HEADER + 5 + document.as_bytes().len() + behind.len();
    let head = [i32::try_from(length).expect("short"), 77, request, OP_MSG];
    let head = head.map(i32::to_le_bytes).concat();
    [&head, &flags.to_le_bytes()[..], &[BODY], document.as_bytes(), behind].concat()
}

fn check(bytes: &[u8], expected: Result<Option<i32>, Cause>) {
    let taken = take(&mut BytesMut::from(bytes));
    let number = taken.map(|message| message.map(|m| m.answers));
    assert_eq!(number, expected, "{}", bytes.escape_ascii());
}

#[test]
fn a_command_names_its_database_and_its_length() {
    let bytes = command(7, "app_db", rawdoc! { "ping": 1 });
    let mut buffer = BytesMut::from(&bytes[..]);
    let message = take(&mut buffer).expect("valid").expect("whole");
    assert_eq!(message.document.whole("ping"), Some(1));
    assert_eq!(message.document.text("$db"), Some("app_db"));
    assert_eq!(bytes[4..12], [7, 0, 0, 0, 0, 0, 0, 0], "number 7, and no answer");
    assert!(buffer.is_empty());
}

#[test]
fn answers_arrive_byte_by_byte() {
    let one = framed(1, 0, &rawdoc! { "ok": 1 }, b"");
    let two = framed(2, CHECKSUM, &rawdoc! { "ok": 0, "code": 18 }, b"\xde\xad\xbe\xef");
    let mut buffer = BytesMut::new();
    let mut taken = Vec::new();
    for byte in [one, two].concat() {
        buffer.extend_from_slice(&[byte]);
        taken.extend(take(&mut buffer).expect("valid so far").map(|message| message.answers));
    }
    assert_eq!((taken, buffer.len()), (vec![1, 2], 0));
}

#[test]
fn t10_lengths_are_judged_before_memory_is_reserved() {
    for length in [0, 16, 25, 65_537, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_u32] {
        check(&length.to_le_bytes(), Err(Cause::NOT_THE_PROTOCOL));
    }
    for text in [&b"HTTP/1.1 400"[..], b"SSH-2.0-", b"+PONG\r\n", b"\x15\x03\x01\0\x02\x02\x28"] {
        check(text, Err(Cause::NOT_THE_PROTOCOL));
    }
    let mut buffer = BytesMut::from(&65_536_u32.to_le_bytes()[..]);
    assert!(take(&mut buffer).is_ok_and(|message| message.is_none()));
    assert!(buffer.capacity() < 1024, "a long answer is waited for, not reserved for");
}

#[test]
fn what_is_no_answer_is_told() {
    let ok = rawdoc! { "ok": 1 };
    let whole = framed(1, 0, &ok, b"");
    check(&whole, Ok(Some(1)));
    let changed = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    for (what, bytes) in [
        ("compressed (OP_COMPRESSED)", changed(12, 0xdc)),
        ("more to come", changed(16, 2)),
        ("a flag that must be known", changed(17, 1)),
        ("a sequence of documents", changed(20, 1)),
        ("a document that is longer than the message", changed(21, 200)),
        ("a document that is shorter than the message", framed(1, 0, &ok, b"\0")),
        ("a type that is none", changed(25, 0xee)),
        ("no checksum where one is said to be", changed(16, 1)),
    ] {
        let taken = take(&mut BytesMut::from(&bytes[..])).err();
        assert_eq!(taken, Some(Cause::NOT_THE_PROTOCOL), "{what}");
    }
    // A flag that may be unknown.
    check(&changed(18, 1), Ok(Some(1)));
}

#[test]
fn whether_a_command_was_carried_out() {
    let check = |document: RawDocumentBuf, expected: Result<Option<i32>, Cause>| {
        let reply = read(Answer(document.clone())).map(|reply| match reply {
            Reply::Done(_) => None,
            Reply::Failed(code) => Some(code),
        });
        assert_eq!(reply, expected, "{document:?}");
    };
    check(rawdoc! { "ok": 1.0 }, Ok(None));
    check(rawdoc! { "ok": 1_i64 }, Ok(None));
    check(rawdoc! { "ok": true }, Ok(None));
    check(rawdoc! { "ok": 0.0, "code": 13 }, Ok(Some(13)));
    check(rawdoc! { "ok": 0, "code": 8000_i64 }, Ok(Some(8000)));
    check(rawdoc! { "ok": 0 }, Ok(Some(0)));
    check(rawdoc! { "ok": f64::NAN }, Ok(Some(0)));
    check(rawdoc! { "ok": "1" }, Err(Cause::NOT_THE_PROTOCOL));
    check(rawdoc! {}, Err(Cause::NOT_THE_PROTOCOL));
}

/// Each document inside the next one, as deep as a message has room for.
#[test]
fn t10_nesting_costs_nothing() {
    let mut inside = rawdoc! { "ok": 1 }.into_bytes();
    while inside.len() < MAX_MESSAGE - 64 {
        let length = i32::try_from(inside.len() + 8).expect("short").to_le_bytes();
        inside = [&length[..], b"\x03a\0", &inside, b"\0"].concat();
    }
    let document = RawDocumentBuf::from_bytes(inside).expect("well-formed outside");
    check(&framed(1, 0, &document, b""), Ok(Some(1)));
}

#[test]
fn the_password_is_wiped_with_the_command_that_holds_it() {
    let mut document = roomy(100);
    let before = document.as_bytes().as_ptr();
    document.append(cstr!("payload"), "p".repeat(100));
    document.append(cstr!("$db"), "\u{1f5c4}".repeat(255));
    assert_eq!(document.as_bytes().as_ptr(), before, "it was never moved");
}

proptest::proptest! {
    #[test]
    fn t10_no_bytes_make_it_panic(
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
        framed in proptest::bool::ANY,
    ) {
        let mut bytes = body;
        if framed && bytes.len() >= HEADER {
            let length = u32::try_from(bytes.len()).expect("short");
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            bytes[12..16].copy_from_slice(&OP_MSG.to_le_bytes());
            if let Some(flags) = bytes.get_mut(16..21) {
                flags.fill(0);
            }
        }
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(message)) = take(&mut buffer) {
            let _ = message.document.texts("a", 4);
            let _ = read(message.document);
        }
    }

    /// An answer that is right but for its end and a few bytes, and says how long it is.
    #[test]
    fn t10_no_answer_makes_it_panic(
        end in 26_usize..160, changes in proptest::collection::vec((25_usize..160, 0_u8..), 0..4)
    ) {
        let document = rawdoc! {
            "ok": 1, "names": ["SCRAM-SHA-256", "SCRAM-SHA-1"], "number": 1_i64, "done": false,
            "payload": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![7; 9] },
        };
        let mut bytes = framed(1, 0, &document, b"");
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(end);
        for (at, behind) in [(0, 0), (HEADER + 5, HEADER + 5)] {
            let length = u32::try_from(bytes.len() - behind).expect("short").to_le_bytes();
            bytes[at..at + 4].copy_from_slice(&length);
        }
        if let Some(last) = bytes.last_mut() {
            *last = 0;
        }
        if let Ok(Some(message)) = take(&mut BytesMut::from(&bytes[..])) {
            let answer = message.document;
            let _ = (answer.texts("names", 4), answer.whole("number"), answer.flag("done"));
            let _ = (answer.bytes("payload"), answer.text("ok"));
            let _ = read(answer);
        }
    }
}
