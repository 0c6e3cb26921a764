//! Fake Cassandra servers: what a real one cannot be made to do.

use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, database, holds, login, saying, test};
use datastore_domain::{ConnectSpec, FailureCode, Step, System, TlsMode};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const READY: &[u8] = b"\x84\0\0\0\x02\0\0\0\0";
const SUCCESS: &[u8] = b"\x84\0\0\0\x10\0\0\0\x04\xff\xff\xff\xff";
const CHALLENGE: &[u8] = b"\x84\0\0\0\x0e\0\0\0\x05\0\0\0\x01x";
/// One row of `release_version`, without metadata.
const ROW: &[u8] = b"\x84\0\0\0\x08\0\0\0\x17\0\0\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x035.0";
const VOID: &[u8] = b"\x84\0\0\0\x08\0\0\0\x04\0\0\0\x01";

fn frame(opcode: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[0x84, 0, 0, 0, opcode][..], &length, body].concat()
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short").to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

fn asks(class: &str) -> Vec<u8> {
    frame(0x03, &text(class))
}

fn error(code: i32) -> Vec<u8> {
    // A text that must not be shown.
    frame(0x00, &[&code.to_be_bytes()[..], &text("hidden words of the server")].concat())
}

fn keyspace(name: &str) -> Vec<u8> {
    frame(0x08, &[&b"\0\0\0\x03"[..], &text(name)].concat())
}

fn password() -> Vec<u8> {
    asks("org.apache.cassandra.auth.PasswordAuthenticator")
}

/// Answers each request with the next of `replies`, and hangs up after the last. Hands out what
/// the client sent.
async fn scripted(replies: Vec<Vec<u8>>) -> (Fake, Arc<Mutex<Vec<u8>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let fake = Fake::start(move |mut stream| {
        let (record, replies) = (Arc::clone(&record), replies.clone());
        async move {
            for reply in replies {
                let mut header = [0; 9];
                if stream.read_exact(&mut header).await.is_err() {
                    return;
                }
                let length = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
                let mut body = vec![0; length as usize];
                if stream.read_exact(&mut body).await.is_err() {
                    return;
                }
                record.lock().expect("no panic").extend([&header[..], &body].concat());
                if stream.write_all(&reply).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (fake, seen)
}

fn contains(seen: &Arc<Mutex<Vec<u8>>>, text: &str) -> bool {
    holds(&seen.lock().expect("no panic"), text.as_bytes())
}

/// The spec of a record with the keyspace `ks`.
fn with_keyspace(fake: &Fake) -> ConnectSpec {
    let system = System::Cassandra;
    ConnectSpec { database: database("ks", system), ..fake.spec(system) }
}

#[tokio::test]
async fn t11_one_connection_that_succeeds() {
    let replies = vec![password(), SUCCESS.to_vec(), keyspace("ks"), ROW.to_vec()];
    let (fake, seen) = scripted(replies).await;
    let report = test(&with_keyspace(&fake), ENOUGH).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("Cassandra 5.0"));
    assert_eq!(details.database_name.as_deref(), Some("ks"));
    assert_eq!((report.password_required, fake.accepted()), (Some(true), 1));
    assert!(contains(&seen, "\0app_user\0p@ss:w/rd%20#?") && contains(&seen, "USE \"ks\""));
    // Nothing asks for other addresses.
    assert!(!contains(&seen, "peers"));
}

/// A node that tells of others, by an event that nobody asked for or beside an answer.
#[tokio::test]
async fn t03_other_nodes_are_not_gone_to() {
    let other = Fake::start(|_| async {}).await;
    let port = other.address.port();
    let node = [&b"\x04\x7f\0\0\x01\0\0"[..], &port.to_be_bytes()].concat();
    let event = frame(0x0c, &[text("STATUS_CHANGE"), text("UP"), node].concat());
    let (fake, _) = scripted(vec![password(), event]).await;
    let report = test(&fake.spec(System::Cassandra), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    // A warning comes before the content, and is passed over.
    let warnings = [&b"\0\x01"[..], &text(&format!("use 127.0.0.1:{port}"))].concat();
    let mut warned = frame(0x08, &[&warnings, &ROW[9..]].concat());
    warned[1] = 0x08;
    let (fake, _) = scripted(vec![password(), SUCCESS.to_vec(), warned]).await;
    let report = test(&fake.spec(System::Cassandra), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(other.accepted(), 0);
}

/// A server that lets anybody in says so, and gets no password.
#[tokio::test]
async fn a_server_without_passwords_is_told() {
    for credentials in [login(Some("app_user"), Some(PASSWORD)), login(Some("x"), None), None] {
        let (fake, seen) = scripted(vec![READY.to_vec(), ROW.to_vec()]).await;
        let spec = ConnectSpec { credentials, ..fake.spec(System::Cassandra) };
        let report = test(&spec, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(false));
        assert!(!contains(&seen, PASSWORD));
    }
}

/// One that takes a wrong password as well says so, and one that does not, too.
#[tokio::test]
async fn a_server_that_insists_on_no_password_is_told() {
    for (class, required) in [
        ("com.scylladb.auth.TransitionalAuthenticator", false),
        ("com.scylladb.auth.CertificateOrPasswordAuthenticator", true),
        ("org.apache.cassandra.auth.PasswordAuthenticator", true),
    ] {
        let (fake, seen) = scripted(vec![asks(class), SUCCESS.to_vec(), ROW.to_vec()]).await;
        let report = test(&fake.spec(System::Cassandra), ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(required), "{class}");
        assert!(contains(&seen, PASSWORD));
    }
}

#[tokio::test]
async fn errors_are_told_by_their_codes() {
    let system = System::Cassandra;
    for (replies, step, code) in [
        (vec![error(0x0100)], Step::Authenticate, FailureCode::AuthenticationFailed),
        (vec![error(0x1001)], Step::Authenticate, FailureCode::TooManyConnections),
        (vec![error(0x1002)], Step::Authenticate, FailureCode::QueryFailed),
        (vec![password(), error(0x0100)], Step::Authenticate, FailureCode::AuthenticationFailed),
        (vec![password(), error(0x1001)], Step::Authenticate, FailureCode::TooManyConnections),
        (vec![READY.to_vec(), error(0x2200)], Step::Query, FailureCode::DatabaseNotFound),
        (vec![READY.to_vec(), error(0x2100)], Step::Query, FailureCode::PermissionDenied),
        (
            vec![READY.to_vec(), keyspace("ks"), error(0x2200)],
            Step::Query,
            FailureCode::QueryFailed,
        ),
        (
            vec![READY.to_vec(), keyspace("ks"), error(0x2100)],
            Step::Query,
            FailureCode::PermissionDenied,
        ),
    ] {
        let (fake, _) = scripted(replies).await;
        let report = test(&with_keyspace(&fake), ENOUGH).await;
        let message = assert_failed(&report, step, code);
        assert!(!message.contains("hidden"), "{message}");
        assert_eq!(fake.accepted(), 1, "{system:?}");
    }
}

#[tokio::test]
async fn a_login_that_is_not_spoken_is_named_and_gets_no_password() {
    for (class, named) in [
        ("com.datastax.bdp.cassandra.auth.DseAuthenticator", "DataStax Enterprise"),
        ("org.apache.cassandra.auth.MutualTlsAuthenticator", "client certificates"),
        ("com.example.TheirOwn", "a kind of authentication"),
        ("PasswordAuthenticator.Other", "a kind of authentication"),
        ("", "a kind of authentication"),
    ] {
        let (fake, seen) = scripted(vec![asks(class), SUCCESS.to_vec()]).await;
        let report = test(&fake.spec(System::Cassandra), ENOUGH).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(named) && !message.contains("TheirOwn"), "{message}");
        assert!(!contains(&seen, PASSWORD));
    }
    let (fake, _) = scripted(vec![password(), CHALLENGE.to_vec()]).await;
    let report = test(&fake.spec(System::Cassandra), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationUnsupported);
}

/// Answers that belong elsewhere are no success, wherever they come.
#[tokio::test]
async fn t10_answers_out_of_turn_are_a_mismatch() {
    let mismatch = FailureCode::ProtocolMismatch;
    for (replies, step, code) in [
        (vec![SUCCESS.to_vec()], Step::Authenticate, mismatch),
        (vec![ROW.to_vec()], Step::Authenticate, mismatch),
        (vec![password(), READY.to_vec()], Step::Authenticate, mismatch),
        (vec![password(), password()], Step::Authenticate, mismatch),
        (vec![password(), ROW.to_vec()], Step::Authenticate, mismatch),
        (vec![READY.to_vec(), READY.to_vec()], Step::Query, mismatch),
        (vec![READY.to_vec(), SUCCESS.to_vec()], Step::Query, mismatch),
        (vec![READY.to_vec(), VOID.to_vec()], Step::Query, FailureCode::QueryFailed),
        (vec![READY.to_vec(), ROW.to_vec()], Step::Query, FailureCode::QueryFailed),
        (
            vec![READY.to_vec(), keyspace("ks"), keyspace("ks")],
            Step::Query,
            FailureCode::QueryFailed,
        ),
    ] {
        let (fake, _) = scripted(replies).await;
        let report = test(&with_keyspace(&fake), ENOUGH).await;
        assert_failed(&report, step, code);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_at_each_step() {
    let all = [password(), SUCCESS.to_vec(), keyspace("ks"), ROW.to_vec()];
    for (count, step) in
        [(0, Step::Authenticate), (1, Step::Authenticate), (2, Step::Query), (3, Step::Query)]
    {
        let (fake, _) = scripted(all[..count].to_vec()).await;
        let report = test(&with_keyspace(&fake), ENOUGH).await;
        let message = assert_failed(&report, step, FailureCode::ServerClosed);
        assert_eq!(message.contains("insists on TLS"), count == 0, "{message}");
    }
}

/// No TLS there: nothing goes on in the clear.
#[tokio::test]
async fn t08_tls_that_is_asked_for_is_never_left_out() {
    let (fake, mut heard) = saying(password()).await;
    for tls in [TlsMode::Require, TlsMode::VerifyFull] {
        let report = test(&ConnectSpec { tls, ..fake.spec(System::Cassandra) }, ENOUGH).await;
        assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        let heard = heard.all().await;
        assert!(heard.starts_with(b"\x16\x03"), "TLS: {heard:?}");
        assert!(!holds(&heard, PASSWORD.as_bytes()));
    }
}
