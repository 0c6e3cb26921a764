//! Sessions that are kept for the next test. That each real server's are, and are replaced when they
//! have died, is a row of the table.

use crate::support::{ENOUGH, Fake, assert_failed, order, probes, test};
use datastore_connectivity::{ProbeSettings, Probes};
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, RecordId, Step, System, Version};
use datastore_ports::{ConnectionTest, ConnectionTester as _, SessionKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// A version of one datastore.
pub(crate) fn key(version: i64) -> SessionKey {
    let version = Version::new(version).expect("a version");
    SessionKey { record: RecordId::from_entropy([7; 32]), version }
}

/// A tester that lives for several tests.
pub(crate) struct Keeper(Probes);

impl Default for Keeper {
    fn default() -> Self {
        Self(probes(ProbeSettings::default()))
    }
}

impl Keeper {
    pub(crate) async fn test(&self, spec: &ConnectSpec, key: SessionKey) -> ProbeReport {
        self.test_within(ENOUGH, spec, Some(key)).await
    }

    async fn test_within(
        &self,
        deadline: Duration,
        spec: &ConnectSpec,
        reuse: Option<SessionKey>,
    ) -> ProbeReport {
        let test = ConnectionTest { reuse, ..order(spec.clone(), deadline) };
        self.0.test(test).await.expect("a slot is free")
    }
}

/// What a Redis without a password does with the connections that it takes, counted from 1.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers everything.
    Good,
    /// Answers the first test of its first connection, and then nothing on it.
    FallsSilent,
    /// As before, and refuses whoever comes afterwards.
    LosesRights,
}

/// A server, and how many connections are open.
async fn redis(manner: Manner) -> (Fake, watch::Receiver<usize>) {
    let (open, is_open) = watch::channel(0);
    let (open, taken) = (Arc::new(open), AtomicUsize::new(0));
    let fake = Fake::start(move |stream| {
        let open = open.clone();
        let number = 1 + taken.fetch_add(1, Ordering::SeqCst);
        async move {
            open.send_modify(|count| *count += 1);
            answer(stream, manner, number).await;
            open.send_modify(|count| *count -= 1);
        }
    })
    .await;
    (fake, is_open)
}

async fn answer(mut stream: TcpStream, manner: Manner, number: usize) {
    let (mut buffer, mut tests) = ([0; 1024], 0);
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        // The login, and later a question over the same session, is a PING by itself.
        tests += usize::from(text.contains("PING") && !text.contains("INFO"));
        let reply = match (manner, number, tests) {
            (Manner::Good, ..) | (_, 1, 1) | (Manner::FallsSilent, 2.., _)
                if text.contains("INFO") =>
            {
                "+PONG\r\n$22\r\nredis_version:7.0.15\r\n\r\n"
            }
            (Manner::Good, ..) | (_, 1, 1) | (Manner::FallsSilent, 2.., _) => "+PONG\r\n",
            (Manner::LosesRights, 2.., _) => "-NOAUTH Authentication required.\r\n",
            (Manner::FallsSilent | Manner::LosesRights, ..) => continue,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn without_login(fake: &Fake) -> ConnectSpec {
    ConnectSpec { credentials: None, ..fake.spec(System::Redis) }
}

/// Waits until so many connections are open.
async fn await_open(is_open: &mut watch::Receiver<usize>, expected: usize) {
    let reached = timeout(ENOUGH, is_open.wait_for(|open| *open == expected)).await;
    let _ = reached.expect("in time").expect("the fake runs on");
}

#[tokio::test]
async fn a_kept_session_is_asked_once_and_says_so() {
    let (fake, _is_open) = redis(Manner::Good).await;
    let (spec, keeper) = (without_login(&fake), Keeper::default());
    let first = keeper.test(&spec, key(1)).await;
    let again = keeper.test(&spec, key(1)).await;
    assert_eq!((first.reused, again.reused, fake.accepted()), (false, true, 1));
    assert_eq!(again.result, first.result, "also the time of the login");
    assert_eq!((again.tls_used, again.password_required), (Some(false), Some(false)));
    let steps = again.steps.map(|step| step.outcome.expect("known"));
    assert!(steps.iter().all(|(ok, _)| *ok), "{steps:?}");
    assert!(steps[..4].iter().all(|(_, elapsed)| *elapsed == 0.0), "{steps:?}");
    assert_eq!(again.response_time_ms, Some(steps[4].1));
}

#[tokio::test]
async fn who_does_not_ask_for_it_gets_a_fresh_handshake_and_leaves_nothing() {
    let (fake, mut is_open) = redis(Manner::Good).await;
    let (spec, keeper) = (without_login(&fake), Keeper::default());
    let _ = keeper.test(&spec, key(1)).await;
    let fresh = keeper.test_within(ENOUGH, &spec, None).await;
    assert_eq!((fresh.reused, fake.accepted()), (false, 2));
    await_open(&mut is_open, 1).await;
    assert!(keeper.test(&spec, key(1)).await.reused);
}

#[tokio::test]
async fn t47_a_session_serves_one_version_and_is_closed_by_the_next() {
    let (fake, mut is_open) = redis(Manner::Good).await;
    let (spec, keeper) = (without_login(&fake), Keeper::default());
    let _ = keeper.test(&spec, key(1)).await;
    let other = SessionKey { record: RecordId::from_entropy([8; 32]), ..key(1) };
    assert!(!keeper.test(&spec, other).await.reused, "another datastore's");
    let changed = keeper.test(&spec, key(2)).await;
    assert_eq!((changed.reused, fake.accepted()), (false, 3));
    await_open(&mut is_open, 2).await;
    drop(keeper);
    await_open(&mut is_open, 0).await;
}

/// The first half of the time is the session's, the other one that of a fresh handshake.
#[tokio::test]
async fn a_session_that_falls_silent_is_replaced_in_the_same_test() {
    let (fake, mut is_open) = redis(Manner::FallsSilent).await;
    let (spec, keeper) = (without_login(&fake), Keeper::default());
    let _ = keeper.test(&spec, key(1)).await;
    let report = keeper.test_within(Duration::from_secs(1), &spec, Some(key(1))).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!((report.reused, fake.accepted()), (false, 2));
    await_open(&mut is_open, 1).await;
    assert!(keeper.test(&spec, key(1)).await.reused, "the new one");
}

/// What counts is what a fresh login finds.
#[tokio::test]
async fn a_session_that_died_hides_no_failure() {
    let (fake, mut is_open) = redis(Manner::LosesRights).await;
    let (spec, keeper) = (without_login(&fake), Keeper::default());
    assert!(keeper.test(&spec, key(1)).await.result.is_ok());
    let report = keeper.test_within(Duration::from_secs(1), &spec, Some(key(1))).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    await_open(&mut is_open, 0).await;
}

#[tokio::test]
async fn a_failed_test_keeps_nothing() {
    let (fake, mut is_open) = redis(Manner::LosesRights).await;
    let spec = without_login(&fake);
    assert!(test(&spec, ENOUGH).await.result.is_ok());
    let keeper = Keeper::default();
    let report = keeper.test(&spec, key(1)).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    await_open(&mut is_open, 0).await;
}
