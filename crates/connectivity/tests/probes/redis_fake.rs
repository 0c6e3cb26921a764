//! Fake Redis servers.

use crate::support::{
    ENOUGH, Fake, FixedClock, PASSWORD, assert_failed, await_true, database, login, order, test,
};
use datastore_connectivity::{ProbeSettings, Probes};
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, Step, System, Timestamp};
use datastore_ports::{Clock, ConnectionTester as _, TestError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers each command with the next of `replies`, then waits for the client to leave. Hands out
/// what the client sent.
async fn scripted(replies: &'static [&'static str]) -> (Fake, Arc<Mutex<Vec<u8>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let fake = Fake::start(move |mut stream| {
        let record = Arc::clone(&record);
        async move {
            let mut commands = 0;
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                let whole = {
                    let mut record = record.lock().expect("no panic");
                    record.extend_from_slice(&buffer[..n]);
                    record.iter().filter(|byte| **byte == b'*').count()
                };
                while commands < whole {
                    let Some(reply) = replies.get(commands) else { break };
                    commands += 1;
                    if stream.write_all(reply.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    (fake, seen)
}

async fn run(replies: &'static [&'static str]) -> ProbeReport {
    let (fake, _) = scripted(replies).await;
    let report = test(&fake.spec(System::Redis), ENOUGH).await;
    assert_eq!(fake.accepted(), 1, "one connection per test");
    report
}

const NOAUTH: &str = "-NOAUTH Authentication required.\r\n";

/// A whole test that succeeds.
const GOOD: &[&str] =
    &[NOAUTH, "+OK\r\n", "+PONG\r\n", "$22\r\nredis_version:7.0.15\r\n\r\n", "+OK\r\n"];

#[tokio::test]
async fn t11_one_connection_with_a_goodbye() {
    let (fake, seen) = scripted(GOOD).await;
    let report = test(&fake.spec(System::Redis), ENOUGH).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("Redis 7.0.15"));
    assert_eq!(fake.accepted(), 1);
    await_true(|| seen.lock().expect("no panic").ends_with(b"QUIT\r\n")).await;
}

#[tokio::test]
async fn t11_a_failed_test_takes_leave_too() {
    let (fake, seen) = scripted(&[NOAUTH, "-WRONGPASS x\r\n", "+OK\r\n"]).await;
    let report = test(&fake.spec(System::Redis), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(fake.accepted(), 1, "no second try");
    await_true(|| seen.lock().expect("no panic").ends_with(b"QUIT\r\n")).await;
}

#[tokio::test]
async fn t17_what_the_server_repeats_is_not_shown() {
    let report = run(&["-ERR no: p@ss:w/rd%20#?\r\n"]).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::QueryFailed);
    assert!(!message.contains("no:"), "{message}");

    let report = run(&[NOAUTH, "-WRONGPASS p@ss:w/rd%20#?\r\n"]).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert!(!format!("{report:?}").contains(PASSWORD));

    let report = run(&[
        NOAUTH,
        "+OK\r\n",
        "+PONG\r\n",
        "$44\r\nredis_version:\x1b[31m7.0 p@ss:w/r\x07d%20#?\x1b[0m\r\n\r\n",
    ])
    .await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("Redis [31m7.0 ***[0m"));
}

#[tokio::test]
async fn a_wrong_answer_is_never_a_success() {
    let rejected = FailureCode::AuthenticationFailed;
    for (replies, step, code) in [
        (&["+PING\r\n"][..], Step::Authenticate, FailureCode::ProtocolMismatch),
        (&["+OK\r\n"], Step::Authenticate, FailureCode::ProtocolMismatch),
        (&[NOAUTH, "+PONG\r\n"], Step::Authenticate, FailureCode::ProtocolMismatch),
        (&[NOAUTH, ":1\r\n"], Step::Authenticate, FailureCode::ProtocolMismatch),
        (&[NOAUTH, NOAUTH], Step::Authenticate, FailureCode::AuthenticationFailed),
        (&[NOAUTH, "-ERR x\r\n"], Step::Authenticate, FailureCode::QueryFailed),
        (&[NOAUTH, "+OK\r\n", "+OK\r\n"], Step::Query, FailureCode::QueryFailed),
        (&[NOAUTH, "+OK\r\n", "+pong\r\n"], Step::Query, FailureCode::QueryFailed),
        (&[NOAUTH, "+OK\r\n", "$4\r\nPONG\r\n"], Step::Query, FailureCode::QueryFailed),
        (&[NOAUTH, "+OK\r\n", "-NOPERM x\r\n"], Step::Query, FailureCode::PermissionDenied),
        (&[NOAUTH, "+OK\r\n", "-LOADING x\r\n"], Step::Query, FailureCode::QueryFailed),
        (&[NOAUTH, "+OK\r\n", "*1\r\n"], Step::Query, FailureCode::ProtocolMismatch),
        (
            &["-ERR max number of clients reached\r\n"],
            Step::Authenticate,
            FailureCode::TooManyConnections,
        ),
        (&["-DENIED Redis is protected\r\n"], Step::Authenticate, FailureCode::PermissionDenied),
        (&["-LOADING x\r\n"], Step::Authenticate, FailureCode::QueryFailed),
        // Said after the login is checked: a named user's has yet to be.
        (&["-MISCONF x\r\n", "-WRONGPASS x\r\n"], Step::Authenticate, rejected),
        (&["-MISCONF x\r\n", "+OK\r\n", "-MISCONF x\r\n"], Step::Query, FailureCode::QueryFailed),
        (
            &[NOAUTH, "-ERR wrong number of arguments for 'auth' command\r\n"],
            Step::Authenticate,
            FailureCode::AuthenticationUnsupported,
        ),
    ] {
        let report = run(replies).await;
        assert_failed(&report, step, code);
    }
}

/// An open server lets the default user in; a named one is let in by AUTH alone.
#[tokio::test]
async fn an_open_server_proves_nothing_about_a_named_user() {
    let report = run(&["+PONG\r\n", "-WRONGPASS x\r\n"]).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(report.password_required, Some(true));
}

/// Whatever answers the first PING with something else than Redis never sees the password.
#[tokio::test]
async fn t09_the_password_goes_to_redis_only() {
    let (fake, seen) = scripted(&["HTTP/1.1 400 Bad Request\r\n\r\n"]).await;
    let report = test(&fake.spec(System::Redis), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    assert_eq!(&seen.lock().expect("no panic")[..], b"*1\r\n$4\r\nPING\r\n");
}

/// Whoever may write an index learns nothing of the password by how it is shown.
#[tokio::test]
async fn t15_an_index_is_shown_as_it_was_written() {
    for index in ["01234", "1234", "01235"] {
        let selected = &[NOAUTH, "+OK\r\n", "+OK\r\n", "+PONG\r\n", "$-1\r\n"];
        let (fake, _) = scripted(selected).await;
        let spec = ConnectSpec {
            credentials: login(None, Some("1234")),
            database: database(index, System::Redis),
            ..fake.spec(System::Redis)
        };
        let details = test(&spec, ENOUGH).await.result.expect("logs in");
        assert_eq!(details.database_name.as_deref(), Some(index));
    }
}

/// A member of a cluster, or a replica, that sends the client elsewhere.
#[tokio::test]
async fn t03_other_servers_are_not_gone_to() {
    let other = Fake::start(|_| async {}).await;
    let to = |word: &str| -> &'static str {
        Box::leak(format!("-{word} {}\r\n", other.address).into_boxed_str())
    };
    for word in ["MOVED 3999", "ASK 3999", "REDIRECT"] {
        for (replies, step) in [
            (vec![to(word)], Step::Authenticate),
            (vec![NOAUTH, to(word)], Step::Authenticate),
            (vec![NOAUTH, "+OK\r\n", to(word)], Step::Query),
        ] {
            let report = run(Vec::leak(replies)).await;
            assert_failed(&report, step, FailureCode::QueryFailed);
        }
    }
    assert_eq!(other.accepted(), 0);
}

/// With a default user that needs no password, the record's is not sent, and not called required.
#[tokio::test]
async fn a_password_that_nobody_asks_for_is_not_sent() {
    let (fake, seen) = scripted(&["+PONG\r\n", "+PONG\r\n", "-NOPERM no\r\n"]).await;
    let spec = ConnectSpec { credentials: login(None, Some(PASSWORD)), ..fake.spec(System::Redis) };
    let report = test(&spec, ENOUGH).await;
    assert_eq!(report.result.expect("let in").server_version, None);
    assert_eq!(report.password_required, Some(false));
    assert!(!String::from_utf8_lossy(&seen.lock().expect("no panic")).contains(PASSWORD));
}

/// Panics once, when it is first asked: by a test that has just logged in.
#[derive(Default)]
struct Mine(AtomicBool);

impl Clock for Mine {
    fn now(&self) -> Timestamp {
        assert!(self.0.swap(true, Ordering::SeqCst), "a canary in the clock");
        FixedClock::time()
    }
}

#[tokio::test]
async fn t46_a_panic_in_a_test_is_its_error_and_gives_its_slot_back() {
    let settings = ProbeSettings { slots: 1, ..ProbeSettings::default() };
    let probes = Probes::new(settings, Arc::<Mine>::default()).expect("the tester starts");
    let (first, _) = scripted(GOOD).await;
    let panicked = probes.test(order(first.spec(System::Redis), ENOUGH)).await;
    let Err(error @ TestError::Aborted(_)) = panicked else { panic!("{panicked:?}") };
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    let (second, _) = scripted(GOOD).await;
    let report = probes.test(order(second.spec(System::Redis), ENOUGH)).await;
    let _ = report.expect("the one slot is free").result.expect("logs in");
}
