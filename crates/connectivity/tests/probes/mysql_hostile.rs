//! MySQL servers that break off, are broken, or mean harm.

use crate::mysql_fake::{
    OK, WITH_TLS, answer, ask, error, greeting, hear, native, plain, row, run, say, scripted,
    switch,
};
use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, drip, test};
use datastore_domain::{ConnectSpec, FailureCode, Step, TlsMode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn t17_what_the_server_repeats_is_not_shown() {
    for replies in [vec![vec![error(1045)]], vec![vec![error(9999)]]] {
        let report = run(native(), replies).await;
        let failure = report.result.expect_err("refused");
        assert!(!failure.message.contains("no:"), "{}", failure.message);
    }
    let report = run(native(), vec![vec![switch(&format!("x{PASSWORD}"))]]).await;
    let code = FailureCode::AuthenticationUnsupported;
    let message = assert_failed(&report, Step::Authenticate, code);
    assert!(!message.contains(PASSWORD));

    let version = format!("\x1b[31m8.0 {PASSWORD}\x1b[0m");
    let report = ask(answer(&[row(&["1", &format!("db{PASSWORD}"), &version, "u@%"])])).await;
    let details = report.result.expect("let in");
    assert_eq!(details.server_version.as_deref(), Some("MySQL [31m8.0 ***[0m"));
    assert_eq!(details.database_name.as_deref(), Some("db***"));
}

#[tokio::test]
async fn packets_out_of_turn_are_a_mismatch() {
    for (first, second) in [(1, 2), (0, 3), (0, 1)] {
        let fake = Fake::start(move |mut stream| async move {
            let _ = say(&mut stream, first, &native()).await;
            hear(&mut stream).await;
            let _ = say(&mut stream, second, OK).await;
            hear(&mut stream).await;
        })
        .await;
        let report = test(&plain(&fake), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    }
}

/// A server that lets nobody in says so instead of its greeting, with and without a number.
#[tokio::test]
async fn an_error_instead_of_the_greeting() {
    for (number, code) in [
        (1040, FailureCode::TooManyConnections),
        (1203, FailureCode::TooManyConnections),
        (1129, FailureCode::PermissionDenied),
        (1130, FailureCode::PermissionDenied),
        (1053, FailureCode::QueryFailed),
        (1043, FailureCode::QueryFailed),
    ] {
        for (tls, step) in [(TlsMode::Disable, Step::Authenticate), (TlsMode::Prefer, Step::Tls)] {
            for sequence in [0, 1] {
                let fake = Fake::start(move |mut stream| async move {
                    let _ = say(&mut stream, sequence, &error(number)).await;
                    hear(&mut stream).await;
                })
                .await;
                let report = test(&ConnectSpec { tls, ..plain(&fake) }, ENOUGH).await;
                assert_failed(&report, step, code);
                assert_eq!(report.password_required, None);
            }
        }
    }
}

#[tokio::test]
async fn other_versions_of_the_protocol_are_a_mismatch() {
    for version in [9, 11] {
        let greeting = [&[version], &native()[1..]].concat();
        for (tls, step) in [(TlsMode::Disable, Step::Authenticate), (TlsMode::Prefer, Step::Tls)] {
            let (fake, heard) = scripted(greeting.clone(), Vec::new()).await;
            let report = test(&ConnectSpec { tls, ..plain(&fake) }, ENOUGH).await;
            assert_failed(&report, step, FailureCode::ProtocolMismatch);
            assert!(heard.lock().expect("no panic").is_empty());
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_in_any_step() {
    for (said, step) in [(0, Step::Authenticate), (1, Step::Authenticate), (2, Step::Query)] {
        let fake = Fake::start(move |mut stream| async move {
            for (sequence, payload) in [(0, native()), (2, OK.to_vec())].into_iter().take(said) {
                let _ = say(&mut stream, sequence, &payload).await;
                hear(&mut stream).await;
            }
        })
        .await;
        let report = test(&plain(&fake), ENOUGH).await;
        assert_failed(&report, step, FailureCode::ServerClosed);
        assert_eq!(fake.accepted(), 1, "no second try");
    }
    for greeting in [Vec::new(), native()[..9].to_vec(), greeting(WITH_TLS, "x")] {
        let fake = Fake::start(move |mut stream| {
            let greeting = greeting.clone();
            async move {
                let header = [u8::try_from(native().len()).expect("short"), 0, 0, 0];
                let whole = greeting.len() > 9;
                if whole {
                    let _ = say(&mut stream, 0, &greeting).await;
                    hear(&mut stream).await;
                } else {
                    let _ = stream.write_all(&[&header[..], &greeting].concat()).await;
                }
            }
        })
        .await;
        let report = test(&ConnectSpec { tls: TlsMode::Require, ..plain(&fake) }, ENOUGH).await;
        assert_failed(&report, Step::Tls, FailureCode::ServerClosed);
    }
}

/// A greeting that never ends.
#[tokio::test]
async fn t10_a_greeting_byte_by_byte_ends_at_the_deadline() {
    for (tls, step) in [(TlsMode::Disable, Step::Authenticate), (TlsMode::Prefer, Step::Tls)] {
        let fake = Fake::start(|mut stream| async move {
            let _ = stream.write_all(b"\0\x10\0\0\x0a").await;
            drip(&mut stream, b"8").await;
        })
        .await;
        let report = test(&ConnectSpec { tls, ..plain(&fake) }, Duration::from_millis(300)).await;
        assert_failed(&report, step, FailureCode::Timeout);
    }
}

#[tokio::test]
async fn t08_tls_is_not_stripped_where_it_is_required() {
    for tls in [TlsMode::Require, TlsMode::VerifyFull] {
        let (fake, heard) = scripted(native(), vec![vec![OK.to_vec()]]).await;
        let report = test(&ConnectSpec { tls, ..plain(&fake) }, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("offers none"), "{message}");
        assert_eq!(report.tls_used, Some(false));
        assert!(heard.lock().expect("no panic").is_empty(), "not a word was said");
    }
    // What is smuggled in behind the greeting is never taken for something said inside TLS; neither
    // is there a way back once TLS was offered.
    for behind in [&b"\x07\0\0\x03\0\0\0\x02\0\0\0"[..], b"HTTP/1.1 400"] {
        for tls in [TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyFull] {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let record = Arc::clone(&heard);
            let fake = Fake::start(move |mut stream| {
                let record = Arc::clone(&record);
                async move {
                    let greeting = greeting(WITH_TLS, "mysql_native_password");
                    let _ = say(&mut stream, 0, &greeting).await;
                    let _ = stream.write_all(behind).await;
                    let mut all = Vec::new();
                    let _ = stream.read_to_end(&mut all).await;
                    *record.lock().expect("no panic") = all;
                }
            })
            .await;
            let report = test(&ConnectSpec { tls, ..plain(&fake) }, ENOUGH).await;
            assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
            let heard = heard.lock().expect("no panic");
            assert!(!heard.windows(8).any(|window| window == b"app_user"));
        }
    }
}

#[tokio::test]
async fn t06_a_file_that_is_asked_for_stays_here() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("canary");
    std::fs::write(&file, "canary").expect("written");
    let path = file.to_str().expect("a path");
    let request = [b"\xfb", path.as_bytes()].concat();
    let replies = vec![vec![OK.to_vec()], vec![request]];
    let (fake, heard) = scripted(native(), replies).await;
    let report = test(&plain(&fake), ENOUGH).await;
    let message = assert_failed(&report, Step::Query, FailureCode::ProtocolMismatch);
    assert!(message.contains("LOCAL INFILE"), "{message}");
    let heard = heard.lock().expect("no panic");
    assert_eq!(heard.len(), 2, "not a packet after the request");
    assert_eq!(u32::from_le_bytes(heard[0][..4].try_into().expect("four")) & 0x80, 0);
}

/// A server that names a local socket wherever it can.
#[tokio::test]
async fn t04_a_socket_that_a_server_names_gets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    listener.set_nonblocking(true).expect("can be asked");
    let text = path.to_str().expect("a path");
    let report = ask(answer(&[row(&["1", text, text, text])])).await;
    let accepted = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(accepted, Err(std::io::ErrorKind::WouldBlock));
}

/// Redirects of MariaDB, MySQL in the cloud, and MySQL's session state.
#[tokio::test]
async fn t03_other_servers_are_not_gone_to() {
    let other = Fake::start(|_| async {}).await;
    let place = format!("mysql://{}/?user=app_user&ttl=600", other.address);
    let location = format!("Location: {place}\n");
    let tracked =
        format!("\x0credirect_url{}{place}", char::from(u8::try_from(place.len()).expect("short")));
    for text in [location, place.clone(), tracked] {
        let ok = [OK, &[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
        let rows = [row(&["1", "db", "8.0.36", "app_user@%"])];
        let (fake, _) = scripted(native(), vec![vec![ok], answer(&rows)]).await;
        let report = test(&plain(&fake), ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(fake.accepted(), 1);
    }
    assert_eq!(other.accepted(), 0);
}
