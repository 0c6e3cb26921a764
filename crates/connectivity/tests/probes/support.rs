//! Specs, a tester, fake servers, and the names of the real ones.

use datastore_connectivity::{ProbeSettings, Probes};
use datastore_domain::{
    ChannelBinding, ConnectSpec, Credentials, DatabaseName, Endpoint, FailureCode, Host, Password,
    Port, ProbeReport, Secret, Step, System, Timestamp, TlsMode, TokenId, Username,
};
use datastore_ports::{Clock, ConnectionTest, ConnectionTester};
use datastore_testkit::live;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Characters that break careless handling.
pub(crate) const PASSWORD: &str = "p@ss:w/rd%20#?";

/// Long enough for any server that answers.
pub(crate) const ENOUGH: Duration = Duration::from_secs(10);

/// 2025-01-15T10:30:00Z, always.
pub(crate) struct FixedClock;

impl FixedClock {
    pub(crate) fn time() -> Timestamp {
        Timestamp::parse("2025-01-15T10:30:00Z").expect("a time")
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Self::time()
    }
}

pub(crate) fn probes(settings: ProbeSettings) -> Probes {
    Probes::new(settings, Arc::new(FixedClock)).expect("the tester starts")
}

/// Settings that trust the CA in the file which the environment variable names.
pub(crate) fn trusting(variable: &str) -> ProbeSettings {
    let pem = std::fs::read(live(variable)).expect("the CA file");
    ProbeSettings { ca_pem: Some(pem), ..ProbeSettings::default() }
}

/// A test for the holder of token 1.
pub(crate) fn order(spec: ConnectSpec, deadline: Duration) -> ConnectionTest {
    ConnectionTest { spec, deadline, token: TokenId(1), reuse: None }
}

/// Runs one test with the default settings.
pub(crate) async fn test(spec: &ConnectSpec, deadline: Duration) -> ProbeReport {
    test_with(ProbeSettings::default(), spec, deadline).await
}

pub(crate) async fn test_with(
    settings: ProbeSettings,
    spec: &ConnectSpec,
    deadline: Duration,
) -> ProbeReport {
    let report = probes(settings).test(order(spec.clone(), deadline)).await;
    let report = report.expect("a slot is free");
    assert_consistent(&report);
    report
}

/// What holds of every report, whatever it says.
fn assert_consistent(report: &ProbeReport) {
    assert_eq!(report.steps.map(|s| s.step), Step::ALL);
    let ok: Vec<_> = report.steps.iter().map(|s| s.outcome.map(|(ok, _)| ok)).collect();
    match &report.result {
        Ok(_) => assert!(ok.iter().all(|o| *o == Some(true)), "{ok:?}"),
        Err(failure) => {
            let at = failure.step.index();
            assert!(ok[..at].iter().all(|o| *o == Some(true)), "{ok:?}");
            assert_eq!(ok[at], Some(false), "{ok:?}");
            assert!(ok[at + 1..].iter().all(Option::is_none), "{ok:?}");
            assert!(!failure.message.contains(PASSWORD));
        }
    }
    let reached_tls = report.steps[Step::Tls.index()].outcome.is_some();
    assert_eq!(report.tls_used.is_some(), reached_tls);
    let code = report.result.as_ref().err().map(|failure| failure.code);
    let sent = ok[Step::Connect.index()].is_some()
        || matches!(code, Some(FailureCode::DnsFailed | FailureCode::Timeout));
    assert_eq!(report.response_time_ms.is_some(), sent);
}

/// Asserts that the test failed at `step` with `code`, and hands out the message.
#[track_caller]
pub(crate) fn assert_failed(report: &ProbeReport, step: Step, code: FailureCode) -> &str {
    let failure = report.result.as_ref().expect_err("the test must fail");
    assert_eq!((failure.step, failure.code), (step, code), "{}", failure.message);
    &failure.message
}

/// Asserts that the login was rejected, and hands out the message.
#[track_caller]
pub(crate) fn assert_rejected(report: &ProbeReport) -> &str {
    let message = assert_failed(report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert!(message.contains("password"), "{message}");
    assert_eq!(report.password_required, Some(true));
    message
}

/// Asserts that the test went well with a server of `product`, which has `database` open.
#[track_caller]
pub(crate) fn assert_logged_in(
    report: &ProbeReport,
    product: &str,
    database: Option<&str>,
    required: bool,
) {
    let details = report.result.as_ref().unwrap_or_else(|failure| panic!("{failure:?}"));
    let version = details.server_version.as_deref().expect("has a version");
    let number = version.strip_prefix(product).and_then(|rest| rest.strip_prefix(' '));
    let number = number.expect("the product");
    assert!(number.chars().all(|c| c.is_ascii_digit() || c == '.'), "{version}");
    assert_eq!(details.database_name.as_deref(), database);
    assert_eq!(report.password_required, Some(required));
}

pub(crate) fn host(text: &str) -> Host {
    Host::try_from(text).expect("a host")
}

pub(crate) fn endpoint(text: &str, port: u16) -> Endpoint {
    Endpoint { host: host(text), port: Some(Port::try_from(port).expect("a port")) }
}

/// A spec by its parts; change what a test needs different.
pub(crate) fn spec(system: System, host: &str, port: u16) -> ConnectSpec {
    ConnectSpec {
        system,
        endpoints: vec![endpoint(host, port)],
        discover_by_srv: false,
        credentials: login(Some("app_user"), Some(PASSWORD)),
        database: None,
        tls: TlsMode::Prefer,
        auth_source: None,
        auth_mechanism: None,
        replica_set: None,
        channel_binding: ChannelBinding::default(),
        session_attributes: None,
        unused_password: None,
    }
}

pub(crate) fn login(user: Option<&str>, password: Option<&str>) -> Option<Credentials> {
    Some(Credentials {
        username: user.map(|user| Username::try_from(user).expect("a user")),
        password: password
            .map(|text| Password::try_from(Secret::new(text.to_owned())).expect("a password")),
    })
}

pub(crate) fn database(name: &str, system: System) -> Option<DatabaseName> {
    Some(DatabaseName::new(name, system).expect("a database name"))
}

/// A server on loopback that does what a test tells it, and counts who comes.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Fake {
    /// Serves each connection with `serve`.
    pub(crate) async fn start<F, S>(serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(TcpStream) -> F + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                // As servers do: small answers do not wait for one another.
                stream.set_nodelay(true).expect("a socket");
                tokio::spawn(serve(stream));
            }
        });
        Self { address, accepted }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn spec(&self, system: System) -> ConnectSpec {
        spec(system, "127.0.0.1", self.address.port())
    }
}

/// What each connection heard, once its client has left.
pub(crate) struct Heard<T>(pub(crate) UnboundedReceiver<T>);

impl<T> Heard<T> {
    /// What the next connection heard.
    pub(crate) async fn all(&mut self) -> T {
        timeout(ENOUGH, self.0.recv()).await.expect("the client leaves").expect("the fake runs on")
    }
}

/// Says `bytes` to whoever comes, in whatever protocol, and listens.
pub(crate) async fn saying(bytes: Vec<u8>) -> (Fake, Heard<Vec<u8>>) {
    let (tell, heard) = unbounded_channel();
    let fake = Fake::start(move |mut stream| {
        let (tell, bytes) = (tell.clone(), bytes.clone());
        async move {
            let mut all = Vec::new();
            if stream.write_all(&bytes).await.is_ok() {
                // Ends when the client has closed, one way or the other.
                let _ = stream.read_to_end(&mut all).await;
            }
            let _ = tell.send(all);
        }
    })
    .await;
    (fake, Heard(heard))
}

/// Waits for what a fake hears after the test has ended, such as a goodbye.
pub(crate) async fn await_true(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(ENOUGH, met).await.expect("in time");
}

/// Whether `part` is in `bytes`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Sends `byte` again and again until nobody takes it. Paced by a timer, as an attacker would: each
/// byte alone is a sign of life.
pub(crate) async fn drip(stream: &mut TcpStream, byte: &[u8; 1]) {
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    while stream.write_all(byte).await.is_ok() {
        beat.tick().await;
    }
}

/// A port on loopback where nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("bound").port()
}

/// Host, port and path of a URL from `scripts/databases env`.
pub(crate) fn place(url: &str) -> (String, u16, String) {
    let rest = url.split_once("://").expect("a scheme").1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').expect("a path");
    let (host, port) = authority.rsplit_once(':').expect("a port");
    (host.to_owned(), port.parse().expect("a number"), path.to_owned())
}
