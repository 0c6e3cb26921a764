//! Resolve and connect: the policy, the resolver, ports that answer nothing, and the slots.

use crate::support::{
    ENOUGH, Fake, assert_failed, await_true, closed_port, endpoint, host, order, probes, saying,
    spec, test, test_with,
};
use datastore_connectivity::{Cidr, EgressPolicy, ProbeSettings};
use datastore_domain::{
    ConnectSpec, Endpoint, FailureCode, ProbeReport, Step, System, TlsMode, TokenId,
};
use datastore_ports::{ConnectionTest, ConnectionTester, TestError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

fn policy(allow: &[&str], deny: &[&str]) -> ProbeSettings {
    let list = |ranges: &[&str]| -> Vec<Cidr> {
        ranges.iter().map(|range| range.parse().expect(range)).collect()
    };
    let policy = EgressPolicy::new(&list(allow), &list(deny));
    ProbeSettings { policy, ..ProbeSettings::default() }
}

#[tokio::test]
async fn t01_every_spelling_of_a_denied_address_is_blocked_at_resolve() {
    let probes = probes(ProbeSettings::default());
    for spelling in [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "::ffff:a9fe:a9fe",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1%lo]",
        "[fe80::1%25lo]",
        "fe80::1%nosuchinterface",
        "[::]",
        "0",
        "0.0.0.0",
    ] {
        let began = Instant::now();
        let spec = spec(System::Postgres, spelling, 5432);
        let report = probes.test(order(spec, ENOUGH)).await.expect("a slot is free");
        let message = assert_failed(&report, Step::Resolve, FailureCode::BlockedByPolicy);
        assert!(message.contains("blocked"), "{message}");
        assert_eq!(report.response_time_ms, None, "{spelling}: no packet left");
        assert!(began.elapsed() < Duration::from_millis(100), "{spelling}");
    }
}

#[tokio::test]
async fn t01_a_denied_listener_accepts_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.9:0").expect("loopback");
    listener.set_nonblocking(true).expect("can be asked");
    let port = listener.local_addr().expect("bound").port();
    for system in System::ALL {
        for spelling in ["127.0.0.9", "127.0.0.9.", "127.9", "2130706441", "[::ffff:7f00:9]"] {
            let settings = policy(&["0.0.0.0/0", "::/0"], &["127.0.0.9/32"]);
            let report = test_with(settings, &spec(system, spelling, port), ENOUGH).await;
            assert_failed(&report, Step::Resolve, FailureCode::BlockedByPolicy);
        }
    }
    let accepted = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(accepted, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn t01_an_allow_list_replaces_the_default() {
    let settings = policy(&["10.20.0.0/16"], &[]);
    for name in ["127.0.0.1", "localhost", "::1"] {
        let report = test_with(settings.clone(), &spec(System::Redis, name, 1), ENOUGH).await;
        assert_failed(&report, Step::Resolve, FailureCode::BlockedByPolicy);
    }
}

/// One denied member shuts the door for all, before any of them is connected to.
#[tokio::test]
async fn t03_one_denied_endpoint_blocks_the_whole_test() {
    let fake = Fake::start(|_| async {}).await;
    let mut spec = fake.spec(System::Mongodb);
    spec.endpoints.push(endpoint("169.254.169.254", 27017));
    let report = test(&spec, ENOUGH).await;
    assert_failed(&report, Step::Resolve, FailureCode::BlockedByPolicy);
    assert_eq!(fake.accepted(), 0);
}

#[tokio::test]
async fn a_closed_port_refuses() {
    for system in System::ALL {
        let report = test(&spec(system, "127.0.0.1", closed_port()), ENOUGH).await;
        let message = assert_failed(&report, Step::Connect, FailureCode::ConnectionRefused);
        assert!(message.contains("refused"), "{message}");
    }
}

#[tokio::test]
async fn the_next_endpoint_is_tried_when_one_refuses() {
    let fake = Fake::start(|_| async {}).await;
    let mut spec = spec(System::Redis, "127.0.0.1", closed_port());
    spec.endpoints.push(endpoint("127.0.0.1", fake.address.port()));
    let report = test(&spec, ENOUGH).await;
    // The server hangs up at once, which is as far as a test of the order needs to come.
    assert_failed(&report, Step::Authenticate, FailureCode::ServerClosed);
    assert_eq!(fake.accepted(), 1);
}

#[tokio::test]
async fn a_name_that_does_not_exist_cannot_be_resolved() {
    let settings =
        ProbeSettings { lookup_timeout: Duration::from_millis(500), ..ProbeSettings::default() };
    let report = test_with(settings, &spec(System::Redis, "no-such-host.invalid", 1), ENOUGH).await;
    let message = assert_failed(&report, Step::Resolve, FailureCode::DnsFailed);
    assert!(message.contains("resolve"), "{message}");
}

#[tokio::test]
async fn a_name_without_srv_records_cannot_be_resolved() {
    let settings =
        ProbeSettings { lookup_timeout: Duration::from_millis(500), ..ProbeSettings::default() };
    let spec = ConnectSpec {
        endpoints: vec![Endpoint { host: host("no-such-cluster.example.invalid"), port: None }],
        discover_by_srv: true,
        ..spec(System::Mongodb, "localhost", 1)
    };
    let report = test_with(settings, &spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Resolve, FailureCode::DnsFailed);
    assert!(message.contains("resolve"), "{message}");
}

/// The listener never accepts: the system completes the connection, and nobody says anything.
#[tokio::test]
async fn t10_a_silent_port_times_out_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    for (system, tls, step) in [
        (System::Postgres, TlsMode::Disable, Step::Authenticate),
        (System::Postgres, TlsMode::Prefer, Step::Tls),
        (System::Redis, TlsMode::Disable, Step::Authenticate),
        (System::Redis, TlsMode::Require, Step::Tls),
        (System::Mysql, TlsMode::Disable, Step::Authenticate),
        (System::Mysql, TlsMode::Prefer, Step::Tls),
        (System::Mongodb, TlsMode::Prefer, Step::Authenticate),
        (System::Mongodb, TlsMode::Require, Step::Tls),
        (System::Neo4j, TlsMode::Disable, Step::Authenticate),
        (System::Neo4j, TlsMode::Require, Step::Tls),
        (System::Cassandra, TlsMode::Disable, Step::Authenticate),
        (System::Cassandra, TlsMode::Require, Step::Tls),
    ] {
        let spec = ConnectSpec { tls, ..spec(system, "127.0.0.1", port) };
        let began = Instant::now();
        let report = test(&spec, Duration::from_millis(300)).await;
        let took = began.elapsed();
        let message = assert_failed(&report, step, FailureCode::Timeout);
        assert!(message.to_lowercase().contains("timed out"), "{message}");
        assert!((300..600).contains(&took.as_millis()), "{took:?}");
    }
}

#[tokio::test]
async fn t13_beyond_the_slots_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let spec = spec(System::Redis, "127.0.0.1", listener.local_addr().expect("bound").port());
    let probes = probes(ProbeSettings { slots: 2, ..ProbeSettings::default() });
    let mut running = Vec::new();
    for _ in 0..2 {
        let mut test = probes.test(order(spec.clone(), ENOUGH));
        // The first poll takes the slot.
        assert!(poll_once(&mut test).await.is_none());
        running.push(test);
    }
    let began = Instant::now();
    let refused = probes.test(order(spec.clone(), ENOUGH)).await;
    assert!(matches!(refused, Err(TestError::CapacityExceeded)));
    assert!(began.elapsed() < Duration::from_millis(100));
    drop(running);
    // The slots come back as soon as the dropped tests have ended.
    let end = Instant::now() + ENOUGH;
    while probes.test(order(spec.clone(), Duration::from_millis(1))).await.is_err() {
        assert!(Instant::now() < end, "the slots were not given back");
        tokio::task::yield_now().await;
    }
}

/// Polls each test once, which takes its slot if there is one; how many were refused at once.
async fn begin<F: Future<Output = Result<ProbeReport, TestError>> + Unpin>(
    tests: &mut [F],
) -> usize {
    let mut refused = 0;
    for test in tests {
        match poll_once(test).await {
            None => {}
            Some(Err(TestError::CapacityExceeded)) => refused += 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    refused
}

#[tokio::test]
async fn t13_a_token_takes_its_share_of_the_slots() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let spec = spec(System::Redis, "127.0.0.1", listener.local_addr().expect("bound").port());
    let settings = ProbeSettings { slots_per_target: 32, ..ProbeSettings::default() };
    let probes = probes(settings);
    let of_token = |token| ConnectionTest { token, ..order(spec.clone(), ENOUGH) };
    let mut first: Vec<_> = (0..40).map(|_| probes.test(of_token(TokenId(1)))).collect();
    assert_eq!(begin(&mut first).await, 40 - 16);
    let mut second: Vec<_> = (0..40).map(|_| probes.test(of_token(TokenId(2)))).collect();
    assert_eq!(begin(&mut second).await, 40 - 16);
    let mut third = [probes.test(of_token(TokenId(3)))];
    assert_eq!(begin(&mut third).await, 1, "all 32 are taken");
}

/// By however many names and tokens.
#[tokio::test]
async fn t13_a_target_is_talked_to_by_a_few_at_a_time() {
    let (fake, _heard) = saying(Vec::new()).await;
    let settings = ProbeSettings { slots: 200, slots_per_token: 200, ..ProbeSettings::default() };
    let probes = Arc::new(probes(settings));
    let (told, mut refusals) = mpsc::unbounded_channel();
    let tests: Vec<_> = (0..200)
        .map(|number| {
            let host = if number % 2 == 0 { "127.0.0.1" } else { "localhost" };
            let spec = spec(System::Redis, host, fake.address.port());
            let test = ConnectionTest { token: TokenId(number), ..order(spec, ENOUGH) };
            let (probes, told) = (Arc::clone(&probes), told.clone());
            tokio::spawn(async move {
                if let Err(TestError::CapacityExceeded) = probes.test(test).await {
                    let _ = told.send(());
                }
            })
        })
        .collect();
    for _ in 0..192 {
        timeout(ENOUGH, refusals.recv()).await.expect("at once").expect("a test is refused");
    }
    await_true(|| fake.accepted() >= 8).await;
    assert_eq!(fake.accepted(), 8);
    tests.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut once = std::pin::Pin::new(future);
    std::future::poll_fn(|cx| match once.as_mut().poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn a_dropped_test_closes_its_connection() {
    let (fake, mut heard) = saying(Vec::new()).await;
    let probes = probes(ProbeSettings::default());
    let mut test = probes.test(order(fake.spec(System::Redis), Duration::from_secs(30)));
    while fake.accepted() == 0 {
        assert!(poll_once(&mut test).await.is_none());
        tokio::task::yield_now().await;
    }
    drop(test);
    assert!(heard.all().await.len() <= 14, "a PING at most");
}

#[tokio::test]
async fn the_tester_may_be_dropped_in_async_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let spec = spec(System::Redis, "127.0.0.1", listener.local_addr().expect("bound").port());
    let probes = probes(ProbeSettings::default());
    let report = probes.test(order(spec, Duration::from_millis(1))).await.expect("ran");
    assert!(report.result.is_err());
    drop(probes);
}
