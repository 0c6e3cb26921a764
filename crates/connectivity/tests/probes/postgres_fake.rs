//! Fake PostgreSQL servers.

use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, await_true, holds, test};
use datastore_domain::{
    ConnectSpec, FailureCode, ProbeReport, SessionAttributes, Step, System, TlsMode,
};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A message of a server.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn auth(kind: u32, body: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], body].concat())
}

fn ok() -> Vec<u8> {
    auth(0, b"")
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn error(state: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0C{state}\0Mno: {PASSWORD}\0\0").as_bytes())
}

fn row(values: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
    for value in values {
        body.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        body.extend(value.as_bytes());
    }
    message(b'D', &body)
}

const ONE_COLUMN: &[u8] = b"\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";

/// The whole answer to the query, with `rows`.
fn answer(rows: &[Vec<u8>]) -> Vec<u8> {
    [message(b'T', ONE_COLUMN), rows.concat(), message(b'C', b"SELECT 1\0"), ready()].concat()
}

/// What the client says next, with its length; the startup message has no tag.
async fn hear(stream: &mut TcpStream, tagged: bool) -> Option<Vec<u8>> {
    let mut said = vec![0; if tagged { 5 } else { 4 }];
    stream.read_exact(&mut said).await.ok()?;
    let length = u32::from_be_bytes(said[said.len() - 4..].try_into().expect("four bytes"));
    let mut body = vec![0; usize::try_from(length).expect("short") - 4];
    stream.read_exact(&mut body).await.ok()?;
    said.extend(body);
    Some(said)
}

type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Answers the startup message and each further one with the next of `replies`.
async fn scripted(replies: Vec<Vec<u8>>) -> (Fake, Heard) {
    let heard = Heard::default();
    let record = Arc::clone(&heard);
    let replies = Arc::new(replies);
    let fake = Fake::start(move |mut stream| {
        let (record, replies) = (Arc::clone(&record), Arc::clone(&replies));
        async move {
            for (i, reply) in replies.iter().enumerate() {
                let Some(said) = hear(&mut stream, i > 0).await else { return };
                record.lock().expect("no panic").push(said);
                if stream.write_all(reply).await.is_err() {
                    return;
                }
            }
            while let Some(said) = hear(&mut stream, true).await {
                record.lock().expect("no panic").push(said);
            }
        }
    })
    .await;
    (fake, heard)
}

async fn run(replies: Vec<Vec<u8>>) -> ProbeReport {
    let (fake, _) = scripted(replies).await;
    let report = test(&plain(&fake), ENOUGH).await;
    assert_eq!(fake.accepted(), 1, "one connection per test");
    report
}

fn plain(fake: &Fake) -> ConnectSpec {
    ConnectSpec { tls: TlsMode::Disable, ..fake.spec(System::Postgres) }
}

#[tokio::test]
async fn t11_one_connection_with_a_goodbye() {
    let version = "PostgreSQL 15.18 (x) on y";
    let (fake, heard) =
        scripted(vec![[ok(), ready()].concat(), answer(&[row(&["1", "db", version])])]).await;
    let report = test(&plain(&fake), ENOUGH).await;
    let details = report.result.expect("let in");
    assert_eq!(details.server_version.as_deref(), Some("PostgreSQL 15.18"));
    assert_eq!(details.database_name.as_deref(), Some("db"));
    assert_eq!(report.password_required, Some(false));
    assert_eq!(fake.accepted(), 1);
    let last = || heard.lock().expect("no panic").last().cloned();
    await_true(|| last().is_some_and(|last| last == b"X\0\0\0\x04")).await;
    let heard = heard.lock().expect("no panic");
    assert!(!heard.concat().windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes()));
}

#[tokio::test]
async fn t17_what_the_server_repeats_is_not_shown() {
    let report = run(vec![error("28P01")]).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert!(!message.contains("no:"), "{message}");

    let version = format!("\x1b[31mPostgreSQL {PASSWORD}\x1b[0m");
    let name = format!("db{PASSWORD}");
    let answer = answer(&[row(&["1", &name, &version])]);
    let report = run(vec![[ok(), ready()].concat(), answer]).await;
    let details = report.result.expect("let in");
    assert_eq!(details.server_version.as_deref(), Some("[31mPostgreSQL ***[0m"));
    assert_eq!(details.database_name.as_deref(), Some("db***"));
}

/// In the one round trip of the query, and only when it is asked for.
#[tokio::test]
async fn a_server_of_another_kind_than_is_asked_for_is_no_success() {
    use SessionAttributes::{Primary, ReadOnly, ReadWrite, Standby};
    for (attributes, column, good, bad) in [
        (ReadWrite, "transaction_read_only", "off", "on"),
        (ReadOnly, "transaction_read_only", "on", "off"),
        (Primary, "pg_is_in_recovery", "f", "t"),
        (Standby, "pg_is_in_recovery", "t", "f"),
    ] {
        for (values, is_ok) in [
            (&["1", "db", "v", good][..], true),
            (&["1", "db", "v", bad], false),
            (&["1", "db", "v"], false),
        ] {
            let (fake, heard) =
                scripted(vec![[ok(), ready()].concat(), answer(&[row(values)])]).await;
            let session_attributes = Some(attributes);
            let report = test(&ConnectSpec { session_attributes, ..plain(&fake) }, ENOUGH).await;
            if is_ok {
                assert!(report.result.is_ok(), "{attributes:?}: {:?}", report.result);
            } else {
                assert_failed(&report, Step::Query, FailureCode::QueryFailed);
            }
            let heard = heard.lock().expect("no panic").concat();
            assert!(holds(&heard, column.as_bytes()), "{attributes:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_answer_to_the_query_is_never_a_success() {
    let good = || row(&["1", "db", "v"]);
    let done = || [message(b'C', b"SELECT 1\0"), ready()].concat();
    for (reply, code) in [
        (answer(&[row(&["2", "db", "v"])]), FailureCode::QueryFailed),
        (answer(&[row(&["1"])]), FailureCode::QueryFailed),
        (answer(&[]), FailureCode::QueryFailed),
        (answer(&[good(), good()]), FailureCode::QueryFailed),
        // No description of the row, no end of the command, nothing at all.
        ([good(), done()].concat(), FailureCode::QueryFailed),
        ([message(b'T', ONE_COLUMN), good(), ready()].concat(), FailureCode::QueryFailed),
        (ready(), FailureCode::QueryFailed),
        ([message(b'I', b""), ready()].concat(), FailureCode::QueryFailed),
        (error("42501"), FailureCode::PermissionDenied),
        (error("57014"), FailureCode::QueryFailed),
        (error("57P01"), FailureCode::ServerClosed),
        (ok(), FailureCode::ProtocolMismatch),
        (message(b'G', b"\0\0\0"), FailureCode::ProtocolMismatch),
        (message(b'D', b"\0\x03\0\0\0\x01"), FailureCode::QueryFailed),
    ] {
        let report = run(vec![[ok(), ready()].concat(), reply]).await;
        assert_failed(&report, Step::Query, code);
    }
}

#[tokio::test]
async fn a_login_out_of_order_is_a_mismatch() {
    for (replies, code) in [
        (vec![ready()], FailureCode::ProtocolMismatch),
        (vec![[ok(), ok()].concat()], FailureCode::ProtocolMismatch),
        (vec![auth(99, b"")], FailureCode::ProtocolMismatch),
        (vec![auth(10, b"SCRAM-SHA-256")], FailureCode::ProtocolMismatch),
        // A second question, and "ok" where the server's own proof is due.
        (vec![auth(5, b"salt"), auth(3, b"")], FailureCode::ProtocolMismatch),
        (vec![auth(10, b"SCRAM-SHA-256\0\0"), ok()], FailureCode::ProtocolMismatch),
        (vec![error("57P03")], FailureCode::QueryFailed),
        (vec![error("53300")], FailureCode::TooManyConnections),
        (vec![[ok(), error("3D000")].concat()], FailureCode::DatabaseNotFound),
    ] {
        let report = run(replies).await;
        assert_failed(&report, Step::Authenticate, code);
    }
}

#[tokio::test]
async fn methods_that_we_do_not_speak_are_named() {
    for (asked, word) in [
        (auth(2, b""), "Kerberos"),
        (auth(7, b""), "Kerberos"),
        (auth(9, b""), "Windows"),
        (auth(10, b"OAUTHBEARER\0\0"), "OAUTHBEARER"),
        (auth(10, b"SCRAM-SHA-256-PLUS\0\0"), "SCRAM-SHA-256-PLUS"),
        (auth(10, b"SOMETHING-NEW\0\0"), "kind of authentication"),
        (auth(10, b"\0"), "kind of authentication"),
    ] {
        let report = run(vec![asked]).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
    }
}

/// Reads the startup message and the first SCRAM message, and hands out the client's nonce.
async fn begin_scram(stream: &mut TcpStream) -> Option<String> {
    hear(stream, false).await?;
    stream.write_all(&auth(10, b"SCRAM-SHA-256\0\0")).await.ok()?;
    let said = hear(stream, true).await?;
    let text = String::from_utf8_lossy(&said).into_owned();
    Some(text.split_once(",r=")?.1.to_owned())
}

#[tokio::test]
async fn t10_scram_rounds_are_bounded() {
    for rounds in ["4294967295", "50000000", "600001", "4095", "1", "0"] {
        let fake = Fake::start(move |mut stream| async move {
            let Some(nonce) = begin_scram(&mut stream).await else { return };
            let challenge = format!("r={nonce}x,s=c2FsdHNhbHQ=,i={rounds}");
            let _ = stream.write_all(&auth(11, challenge.as_bytes())).await;
            hear(&mut stream, true).await;
        })
        .await;
        let began = Instant::now();
        let report = test(&plain(&fake), ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        assert!(message.contains("600000"), "{message}");
        assert!(began.elapsed() < Duration::from_secs(1), "{rounds} rounds were not computed");
    }
}

/// An impostor accepts any password, but cannot prove that it knows it.
#[tokio::test]
async fn a_server_must_prove_that_it_knows_the_password() {
    for proof in [Some("v=AAAA"), Some("v="), Some(""), None] {
        let fake = Fake::start(move |mut stream| async move {
            let Some(nonce) = begin_scram(&mut stream).await else { return };
            let challenge = format!("r={nonce}x,s=c2FsdHNhbHQ=,i=4096");
            let _ = stream.write_all(&auth(11, challenge.as_bytes())).await;
            hear(&mut stream, true).await;
            let last = proof.map_or_else(Vec::new, |proof| auth(12, proof.as_bytes()));
            let _ = stream.write_all(&[last, ok(), ready()].concat()).await;
            hear(&mut stream, true).await;
        })
        .await;
        let report = test(&plain(&fake), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    }
}

#[tokio::test]
async fn t08_tls_is_not_stripped_where_it_is_required() {
    for (answer, step, code) in [
        (&b"N"[..], Step::Tls, FailureCode::TlsFailed),
        (b"E", Step::Tls, FailureCode::TlsFailed),
        (b"H", Step::Tls, FailureCode::ProtocolMismatch),
        // Bytes smuggled in behind the "S" are never taken for something said inside TLS.
        (b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", Step::Tls, FailureCode::TlsFailed),
        (b"S", Step::Tls, FailureCode::ServerClosed),
    ] {
        for tls in [TlsMode::Require, TlsMode::VerifyFull] {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let record = Arc::clone(&heard);
            let fake = Fake::start(move |mut stream| {
                let record = Arc::clone(&record);
                async move {
                    let Some(said) = hear(&mut stream, false).await else { return };
                    *record.lock().expect("no panic") = said;
                    let _ = stream.write_all(answer).await;
                    let mut rest = [0; 4096];
                    // As long as the client hopes for TLS it says hello; then we hang up.
                    let n = stream.read(&mut rest).await.unwrap_or(0);
                    record.lock().expect("no panic").extend(&rest[..n]);
                }
            })
            .await;
            let report = test(&ConnectSpec { tls, ..fake.spec(System::Postgres) }, ENOUGH).await;
            assert_failed(&report, step, code);
            assert_eq!(report.tls_used, Some(false));
            let heard = heard.lock().expect("no panic");
            assert!(heard.starts_with(b"\0\0\0\x08\x04\xd2\x16\x2f"));
            assert!(!heard.windows(8).any(|window| window == b"app_user"), "no startup message");
        }
    }
}
