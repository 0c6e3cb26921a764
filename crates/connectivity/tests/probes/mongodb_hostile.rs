//! MongoDB servers that break off, are broken, or mean harm.

use crate::mongodb_server::{
    Heard, Reply, Server, error, hello, message, run, sasl, serve, spec, start,
};
use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, drip, holds, saying, test};
use crate::tls::untrusted;
use bson::rawdoc;
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, Step, TlsMode};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn a_server_that_hangs_up_in_any_step() {
    for (command, step) in [
        ("hello", Step::Authenticate),
        ("saslStart", Step::Authenticate),
        ("saslContinue", Step::Authenticate),
        ("listCollections", Step::Query),
        ("ping", Step::Query),
        ("buildInfo", Step::Query),
    ] {
        let half = message(1, &hello(&[]))[..30].to_vec();
        for reply in [Reply::HangUp, Reply::Bytes(half)] {
            let only_half = matches!(reply, Reply::Bytes(_));
            let (fake, heard) = start(Server::doing(command, reply)).await;
            let deadline = if only_half { Duration::from_millis(200) } else { ENOUGH };
            let report = test(&spec(&fake), deadline).await;
            let code = if only_half { FailureCode::Timeout } else { FailureCode::ServerClosed };
            assert_failed(&report, step, code);
            assert_eq!(heard.names().last().map(String::as_str), Some(command));
            assert_eq!(fake.accepted(), 1, "no second try");
        }
    }
}

#[tokio::test]
async fn t17_what_the_server_repeats_is_not_shown() {
    let version = format!("\x1b[31m8.0 {PASSWORD}\x1b[0m");
    let build = rawdoc! { "version": version, "ok": 1.0 };
    let (report, _) = run(Server::good().with("buildInfo", build)).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("MongoDB [31m8.0 ***[0m"));

    let (report, _) = run(Server::good().with("hello", hello(&[PASSWORD]))).await;
    let code = FailureCode::AuthenticationUnsupported;
    let message = assert_failed(&report, Step::Authenticate, code);
    assert!(!message.contains(PASSWORD), "{message}");
    let (report, _) = run(Server::good().with("saslStart", error(9_999_999))).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::QueryFailed);
    assert!(!message.contains("no:"), "{message}");
}

/// Whoever does not know the password cannot say that it is right.
#[tokio::test]
async fn an_impostor_is_found_out() {
    for server in [
        Server { password: "another", ..Server::good() },
        // Without a signature, and with one that is none.
        Server::good().with("saslContinue", sasl("", true)),
        Server::good().with("saslContinue", sasl("v=", true)),
        Server::good().with("saslContinue", sasl("v=AAAA", true)),
        Server::good().with("saslContinue", sasl("v=%%%", true)),
        Server::good().with("saslContinue", rawdoc! { "ok": 1.0 }),
        Server::good().with("saslContinue", rawdoc! { "done": true, "ok": 1.0 }),
        // Another server's answer, and a nonce that is not ours.
        Server::good().with("saslStart", sasl("r=abcdef,s=c2FsdA==,i=4096", false)),
        Server { skips: false, ..Server::good() }.with("saslStart", sasl("n,,", false)),
    ] {
        let (report, heard) = run(server).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        assert!(!heard.names().contains(&"ping".to_owned()));
        assert!(!heard.contains(PASSWORD.as_bytes()));
    }
    // Let in before anything was proven.
    let (report, _) = run(Server::good().with("saslStart", sasl("", true))).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    assert!(message.contains("did not prove"), "{message}");
}

#[tokio::test]
async fn t10_scram_rounds_are_bounded() {
    for rounds in ["0", "1", "4095", "600001", "50000000", "4294967295", "99999999999999999999"] {
        let (report, heard) = run(Server { rounds, ..Server::good() }).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        assert!(message.contains("SCRAM"), "{message}");
        assert_eq!(heard.names(), ["hello", "saslStart"], "nothing was hashed");
    }
}

#[tokio::test]
async fn t10_answers_that_are_none_are_a_mismatch() {
    let ok = message(1, &hello(&["SCRAM-SHA-256"]));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = ok.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    for (what, bytes) in [
        ("a length beyond reason", with(0, &[0xff; 4])),
        ("a length that is too short", with(0, &[20, 0, 0, 0])),
        ("an answer to another command", with(8, &[2])),
        ("an old kind of message", with(12, &[1, 0])),
        ("a compressed message", with(12, &[0xdc, 7])),
        ("more to come", with(16, &[2])),
        ("a sequence of documents", with(20, &[1])),
        ("a document beyond the message", with(21, &[0xff, 0xff, 0, 0])),
        ("a document within the message", with(21, &[6, 0, 0, 0])),
        ("a document that is broken", with(25, &[0xee])),
        ("a document of something else", message(1, &rawdoc! { "a": 1 })),
        ("a document that says ok and nothing else", message(1, &rawdoc! { "ok": 1 })),
    ] {
        let (report, heard) = run(Server::doing("hello", Reply::Bytes(bytes))).await;
        let failure = report.result.expect_err(what);
        assert_eq!(
            (failure.step, failure.code),
            (Step::Authenticate, FailureCode::ProtocolMismatch),
            "{what}"
        );
        assert_eq!(heard.names(), ["hello"], "{what}");
    }
}

/// Sixteen mechanisms are looked at, and one answer of a megabyte is not waited for.
#[tokio::test]
async fn t10_long_lists_and_long_answers_end() {
    let mut list = vec!["x"; 1000];
    list.push("SCRAM-SHA-256");
    let (report, _) = run(Server::good().with("hello", hello(&list))).await;
    let code = FailureCode::AuthenticationUnsupported;
    assert_failed(&report, Step::Authenticate, code);

    let long = rawdoc! { "version": "8".repeat(1024 * 1024), "ok": 1.0 };
    let (report, _) = run(Server::good().with("buildInfo", long)).await;
    assert_failed(&report, Step::Query, FailureCode::ProtocolMismatch);
}

#[tokio::test]
async fn t10_an_answer_byte_by_byte_ends_at_the_deadline() {
    let fake = Fake::start(|mut stream| async move {
        let _ = stream.write_all(&[0, 0x10, 0, 0]).await;
        drip(&mut stream, b"\0").await;
    })
    .await;
    let report = test(&spec(&fake), Duration::from_millis(300)).await;
    let failure = report.result.expect_err("no answer");
    assert_eq!(failure.step, Step::Authenticate);
    assert!(matches!(failure.code, FailureCode::Timeout | FailureCode::ProtocolMismatch));
}

/// Somebody in between who answers the start of TLS in plain text, and listens.
#[tokio::test]
async fn t08_tls_is_not_given_up_where_it_is_required() {
    let (fake, mut heard) = saying(message(1, &hello(&["SCRAM-SHA-256"]))).await;
    for tls in [TlsMode::Require, TlsMode::VerifyFull] {
        let report = test(&ConnectSpec { tls, ..spec(&fake) }, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("not TLS"), "{message}");
        assert_eq!(report.tls_used, Some(false));
        let heard = heard.all().await;
        assert!(heard.starts_with(b"\x16\x03"), "TLS: {heard:?}");
        for canary in ["app_user", PASSWORD, "hello"] {
            assert!(!holds(&heard, canary.as_bytes()));
        }
    }
}

/// A login by PLAIN at a server of ours, over TLS.
async fn by_plain(server: Server) -> (ProbeReport, Arc<Heard>) {
    let heard = Arc::<Heard>::default();
    let (record, acceptor) = (Arc::clone(&heard), untrusted());
    let fake = Fake::start(move |stream| {
        let (record, acceptor, server) = (Arc::clone(&record), acceptor.clone(), server.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, server, record).await;
            }
        }
    })
    .await;
    let (tls, auth_mechanism) = (TlsMode::Require, Some("PLAIN".to_owned()));
    let report = test(&ConnectSpec { tls, auth_mechanism, ..spec(&fake) }, ENOUGH).await;
    assert_eq!(report.tls_used, Some(true));
    (report, heard)
}

/// Inside TLS the password goes to a server that asks for it: the first question is refused, and
/// answered after the login.
#[tokio::test]
async fn t08_plain_goes_over_tls_and_to_who_asks_for_it() {
    let closed = Server::good().with("listCollections", error(13));
    let (report, heard) = by_plain(closed.clone().with("saslStart", sasl("", true))).await;
    // This server refuses the question after the login as well.
    assert_failed(&report, Step::Query, FailureCode::PermissionDenied);
    assert_eq!(report.password_required, Some(true));
    let start = heard.command("saslStart");
    assert_eq!(start.get_str("mechanism").ok(), Some("PLAIN"));
    assert_eq!(start.get_str("$db").ok(), Some("$external"));
    let payload = format!("\0app_user\0{PASSWORD}");
    assert_eq!(start.get_binary("payload").expect("bytes").bytes, payload.as_bytes());

    let (report, heard) = by_plain(closed.clone().with("saslStart", error(18))).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(heard.names(), ["hello", "listCollections", "saslStart"]);
    let (report, _) = by_plain(closed.with("saslStart", sasl("more", false))).await;
    assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);

    // Whoever lets anybody in gets no password.
    let (report, heard) = by_plain(Server::good()).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(report.password_required, Some(false));
    assert!(!heard.contains(PASSWORD.as_bytes()));
}
