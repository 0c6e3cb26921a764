//! Packets, whole and broken.

use super::*;

fn framed(sequence: u8, payload: &[u8]) -> Vec<u8> {
    packet(sequence, payload).to_vec()
}

/// A greeting as MySQL 8 sends it, with `capabilities` and the name of a method.
fn greeting_of(capabilities: u32, method: &[u8]) -> Vec<u8> {
    let [c0, c1, c2, c3] = capabilities.to_le_bytes();
    let mut bytes = b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0".to_vec();
    bytes.extend([c0, c1, 0xff, 2, 0, c2, c3, 21]);
    bytes.extend([0; 10]);
    bytes.extend(b"ijklmnopqrst\0");
    bytes.extend(method);
    bytes
}

const ALL: u32 = 0xffff_ffff;

#[test]
fn a_packet_is_taken_only_when_it_is_whole() {
    let whole = [framed(0, b"one"), framed(1, b"two!")].concat();
    let mut buffer = BytesMut::new();
    let mut taken = Vec::new();
    for byte in &whole {
        buffer.extend_from_slice(&[*byte]);
        taken.extend(take(&mut buffer).expect("valid so far"));
    }
    let expected = [(0, &b"one"[..]), (1, b"two!")];
    let expected = expected.map(|(sequence, payload)| Packet { sequence, payload: payload.into() });
    assert_eq!(taken, expected);
    assert!(buffer.is_empty());
}

#[test]
fn t10_lengths_are_judged_before_memory_is_reserved() {
    for header in [b"\0\0\0\0", b"\x01\0\x01\0", b"\xff\xff\xff\0", b"HTTP", b"SSH-", b"220 "] {
        let mut buffer = BytesMut::from(&header[..]);
        assert_eq!(take(&mut buffer).err(), Some(Cause::NOT_THE_PROTOCOL), "{header:?}");
        assert!(buffer.capacity() < 1024);
    }
    let mut buffer = BytesMut::from(&b"\0\0\x01\0"[..]);
    assert_eq!(take(&mut buffer), Ok(None));
    assert!(buffer.capacity() < 1024, "a long packet is waited for, not reserved for");
}

#[test]
fn t06_no_file_is_ever_offered() {
    for capabilities in
        [CLIENT, capability::TLS, capability::CONNECT_WITH_DB, capability::PLUGIN_AUTH]
    {
        assert_eq!(capabilities & 0x80, 0, "CLIENT_LOCAL_FILES");
    }
}

#[test]
fn greetings_are_read() {
    let whole = greeting(&greeting_of(ALL, b"caching_sha2_password\0")).expect("a greeting");
    assert_eq!(&whole.nonce, b"abcdefghijklmnopqrst");
    assert_eq!(whole.method, Some(Method::Sha2));
    assert!(whole.has(capability::TLS | capability::PROTOCOL_41));
    // Without the NUL at the end, without a method, and of before 4.1.
    let read = greeting(&greeting_of(ALL, b"mysql_native_password")).expect("a greeting");
    assert_eq!(read.method, Some(Method::Native));
    let read = greeting(&greeting_of(!capability::PLUGIN_AUTH, b"")).expect("a greeting");
    assert_eq!(read.method, None);
    let read = greeting(b"\x0a4.0\0\x07\0\0\0abcdefgh\0\x08\0").expect("a greeting");
    assert_eq!((read.capabilities, read.method), (8, None));
}

#[test]
fn what_is_no_greeting_is_told() {
    let whole = greeting_of(ALL, b"mysql_native_password\0");
    // The name of the method may be cut, and what is left names none; the rest may not.
    for end in 0..whole.len() - b"mysql_native_password\0".len() {
        let read = greeting(&whole[..end]);
        assert!(read.is_none() || read.is_some_and(|g| g.method.is_none()), "{end}");
    }
    for version in [0, 9, 11, 0xfe] {
        let other = [&[version], &whole[1..]].concat();
        assert_eq!(greeting(&other), None, "{version}");
    }
}

#[test]
fn t17_of_an_error_only_the_number_is_kept() {
    assert_eq!(error(b"\xff\x15\x04#28000no: hunter2"), Some(1045));
    assert_eq!(error(b"\xff\x10\x04Too many connections"), Some(1040));
    for broken in [&b""[..], b"\xff", b"\xff\x15", b"\0\x15\x04"] {
        assert_eq!(error(broken), None);
    }
}

#[test]
fn answers_to_a_login_are_read() {
    let check = |payload: &'static [u8], expected: Option<LoginReply>| {
        assert_eq!(login_reply(&Bytes::from_static(payload)), expected, "{payload:?}");
    };
    check(b"\0\0\0\x02\0\0\0", Some(LoginReply::Ok));
    check(b"\0\0\0\x02\0\0\0Location: mysql://elsewhere:3306/", Some(LoginReply::Ok));
    check(b"\0\0\0\x02\0\0", None);
    check(b"\x01\x04", Some(LoginReply::More(Bytes::from_static(b"\x04"))));
    check(b"\xfemysql_clear_password\0", Some(LoginReply::Switch(Method::Clear, Bytes::new())));
    check(
        b"\xfecaching_sha2_password\0abc\0",
        Some(LoginReply::Switch(Method::Sha2, Bytes::from_static(b"abc\0"))),
    );
    check(b"\xfe", Some(LoginReply::Switch(Method::old(), Bytes::new())));
    check(b"\xfemysql_clear_password", None);
    check(b"\xff\x15\x04x", Some(LoginReply::Failed(1045)));
    // Multiple factors, and a file.
    check(b"\x02mysql_native_password\0", None);
    check(b"\xfb/etc/passwd", None);
    check(b"", None);
}

#[test]
fn answers_to_a_query_are_read() {
    let check = |payload: &'static [u8], expected: Option<QueryReply>| {
        assert_eq!(query_reply(&Bytes::from_static(payload)), expected, "{payload:?}");
    };
    check(b"\x03", Some(QueryReply::Columns(3)));
    check(b"\xfc\x03\0", Some(QueryReply::Columns(3)));
    check(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", Some(QueryReply::Columns(u64::MAX)));
    check(b"\xfb/etc/passwd", Some(QueryReply::LocalFile));
    check(b"\0\0\0\x02\0\0\0", Some(QueryReply::Ok));
    check(b"\xff\x28\x04#42000x", Some(QueryReply::Failed(1064)));
    check(b"\x03\x03", None);
    check(b"\xfe", None);
    check(b"", None);
}

#[test]
fn rows_that_do_not_add_up_are_refused() {
    let two = |row: &[u8]| values::<2>(row);
    assert_eq!(two(b"\x011\xfb"), Some([Some("1".to_owned()), None]));
    assert_eq!(two(b"\0\x01\xff"), Some([Some(String::new()), Some("\u{fffd}".to_owned())]));
    for broken in [
        &b""[..],
        b"\x011",
        b"\x011\x02a",
        b"\x011\xfb\xfb",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffa",
        b"\xffa",
    ] {
        assert_eq!(two(broken), None, "{broken:?}");
    }
    assert_eq!(row_reply(Bytes::from_static(b"\xfe\0\0\x02\0")), Some(RowReply::End));
    assert_eq!(row_reply(Bytes::from_static(b"\xff\x28\x04x")), Some(RowReply::Failed(1064)));
    assert_eq!(row_reply(Bytes::new()), None);
}

proptest::proptest! {
    #[test]
    fn t10_no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..120)) {
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(packet)) = take(&mut buffer) {
            read_all(&packet.payload);
        }
        read_all(&Bytes::from(bytes));
    }

    /// A greeting that is right but for its end and a few bytes.
    #[test]
    fn t10_no_greeting_makes_it_panic(
        end in 0_usize..80, changes in proptest::collection::vec((0_usize..80, 0_u8..), 0..4)
    ) {
        let mut bytes = greeting_of(ALL, b"mysql_native_password\0");
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(end);
        read_all(&Bytes::from(bytes));
    }
}

fn read_all(payload: &Bytes) {
    let _ = greeting(payload);
    let _ = error(payload);
    let _ = login_reply(payload);
    let _ = query_reply(payload);
    let _ = row_reply(payload.clone());
    let _ = values::<3>(payload);
}
