//! Against a real Neo4j.

use crate::support::{
    ENOUGH, Fake, PASSWORD, assert_failed, assert_logged_in, assert_rejected, database, host,
    login, place, spec, test, test_with, trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{
    ConnectSpec, ConnectionString, Credentials, FailureCode, Secret, Step, System, TlsMode,
};
use datastore_testkit::live;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

fn server(variable: &str) -> ConnectSpec {
    let (host, port, name) = place(&live(variable));
    ConnectSpec {
        database: database(&name, System::Neo4j),
        tls: TlsMode::Disable,
        ..spec(System::Neo4j, &host, port)
    }
}

fn with_login(credentials: Option<Credentials>) -> ConnectSpec {
    ConnectSpec { credentials, ..server("TEST_NEO4J_URL") }
}

#[tokio::test]
async fn right_logins_live() {
    for credentials in [
        login(Some("app_user"), Some(PASSWORD)),
        login(Some("neo4j"), Some(PASSWORD)),
        login(None, Some(PASSWORD)),
    ] {
        let report = test(&with_login(credentials), ENOUGH).await;
        assert_logged_in(&report, "Neo4j", Some("app-db"), true);
        assert_eq!(report.tls_used, Some(false));
    }
}

/// The schemes say how much of TLS; routing or not, the one server is spoken to.
#[tokio::test]
async fn every_scheme_live() {
    let url = live("TEST_NEO4J_URL");
    let rest = url.strip_prefix("bolt://").expect("the plain scheme");
    for (scheme, encrypted) in [
        ("bolt", false),
        ("neo4j", false),
        ("bolt+s", true),
        ("neo4j+s", true),
        ("bolt+ssc", true),
        ("neo4j+ssc", true),
    ] {
        let text = Secret::new(format!("{scheme}://{rest}"));
        let string = ConnectionString::parse(text, System::Neo4j).expect("a connection string");
        let report = test_with(trusting("TEST_CA_FILE"), &string.connect_spec(), ENOUGH).await;
        assert_logged_in(&report, "Neo4j", Some("app-db"), true);
        assert_eq!(report.tls_used, Some(encrypted), "{scheme}");
    }
}

#[tokio::test]
async fn rejected_logins_live() {
    for (user, password) in [
        (Some("app_user"), Some("wrong")),
        (Some("app_user"), Some("p@ss:w/rd%20#")),
        (Some("app_user"), None),
        (Some("App_User"), Some(PASSWORD)),
        (Some("nobody"), Some(PASSWORD)),
        (None, Some("wrong")),
        (None, None),
    ] {
        let report = test(&with_login(login(user, password)), ENOUGH).await;
        assert_rejected(&report);
    }
    let report = test(&with_login(None), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

/// A server that lets anybody in says so, with and without a password in the record.
#[tokio::test]
async fn a_server_without_passwords_live() {
    for credentials in [
        None,
        login(Some("app_user"), Some("anything")),
        login(Some("app_user"), None),
        login(None, Some("anything")),
    ] {
        let spec = ConnectSpec { credentials, ..server("TEST_NEO4J_OPEN_URL") };
        let report = test(&spec, ENOUGH).await;
        assert_logged_in(&report, "Neo4j", Some("app-db"), false);
    }
}

#[tokio::test]
async fn databases_live() {
    for (name, shown) in [(Some("APP-DB"), "app-db"), (Some("system"), "system"), (None, "app-db")]
    {
        let database = name.and_then(|name| database(name, System::Neo4j));
        let report = test(&ConnectSpec { database, ..server("TEST_NEO4J_URL") }, ENOUGH).await;
        assert_logged_in(&report, "Neo4j", Some(shown), true);
    }
    let database = database("missing", System::Neo4j);
    let report = test(&ConnectSpec { database, ..server("TEST_NEO4J_URL") }, ENOUGH).await;
    let message = assert_failed(&report, Step::Query, FailureCode::DatabaseNotFound);
    assert!(message.contains("database"), "{message}");
    assert_eq!(report.password_required, Some(true));
}

/// The right password, which its user must change first: no failed login.
#[tokio::test]
async fn an_expired_password_live() {
    let spec = with_login(login(Some("expired_user"), Some(PASSWORD)));
    let report = test(&spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Query, FailureCode::PermissionDenied);
    assert!(message.contains("expired"), "{message}");
    assert_eq!(report.password_required, Some(true));
}

/// After too many wrong passwords the server does not look at the right one: no failed login.
#[tokio::test]
async fn a_user_who_is_locked_out_live() {
    let try_with = |password| with_login(login(Some("limited_user"), Some(password)));
    let mut report = test(&try_with("wrong"), ENOUGH).await;
    // The server of the tests locks after 20.
    for _ in 0..20 {
        if report.result.as_ref().is_err_and(|f| f.code == FailureCode::PermissionDenied) {
            break;
        }
        assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
        report = test(&try_with("wrong"), ENOUGH).await;
    }
    assert_failed(&report, Step::Authenticate, FailureCode::PermissionDenied);
    let report = test(&try_with(PASSWORD), ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::PermissionDenied);
    assert!(message.contains("Wait"), "{message}");
    assert_eq!(report.password_required, Some(true));
}

#[tokio::test]
async fn tls_live() {
    let plain = server("TEST_NEO4J_URL");
    for (tls, used) in [
        (TlsMode::Disable, false),
        // There is no upgrade in band to be preferred.
        (TlsMode::Prefer, false),
        (TlsMode::Require, true),
        (TlsMode::VerifyFull, true),
    ] {
        let spec = ConnectSpec { tls, ..plain.clone() };
        let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
        assert_logged_in(&report, "Neo4j", Some("app-db"), true);
        assert_eq!(report.tls_used, Some(used), "{tls}");
    }
    let mut verified = ConnectSpec { tls: TlsMode::VerifyFull, ..plain };
    for settings in [ProbeSettings::default(), trusting("TEST_OTHER_CA_FILE")] {
        let report = test_with(settings, &verified, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("unknown CA"), "{message}");
    }
    verified.endpoints[0].host = host("localhost");
    let report = test_with(trusting("TEST_CA_FILE"), &verified, ENOUGH).await;
    assert_logged_in(&report, "Neo4j", Some("app-db"), true);
    // The server listens there too, and its certificate does not list it.
    verified.endpoints[0].host = host("127.0.0.2");
    let report = test_with(trusting("TEST_CA_FILE"), &verified, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("another host name"), "{message}");
    // A wrong password is one inside TLS, too.
    let credentials = login(Some("app_user"), Some("wrong"));
    let spec = ConnectSpec { credentials, tls: TlsMode::Require, ..server("TEST_NEO4J_URL") };
    let report = test(&spec, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

/// In front of the real server, as one that knows a single version of the protocol.
#[expect(clippy::disallowed_methods, reason = "a proxy of the test, not a test of a connection")]
async fn knowing_only(minor: u8, major: u8, variable: &str) -> (Fake, ConnectSpec) {
    let direct = server(variable);
    let endpoint = &direct.endpoints[0];
    let to = (endpoint.host.to_string(), endpoint.port.expect("a port").get());
    let fake = Fake::start(move |mut near| {
        let to = to.clone();
        async move {
            let mut far = TcpStream::connect(to).await.expect("the server is up");
            let mut greeting = [0; 20];
            near.read_exact(&mut greeting).await.expect("a greeting");
            greeting[4..].fill(0);
            greeting[6..8].copy_from_slice(&[minor, major]);
            far.write_all(&greeting).await.expect("the server is up");
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    })
    .await;
    let spec = ConnectSpec { endpoints: fake.spec(System::Neo4j).endpoints, ..direct };
    (fake, spec)
}

/// Versions differ in who carries the login, what must be in HELLO, and how errors look.
#[tokio::test]
async fn every_version_of_the_protocol_live() {
    for (major, minor) in [(4, 4), (5, 0), (5, 1), (5, 2), (5, 3), (5, 4), (5, 6), (5, 7), (5, 8)] {
        let (fake, spec) = knowing_only(minor, major, "TEST_NEO4J_URL").await;
        assert_logged_in(&test(&spec, ENOUGH).await, "Neo4j", Some("app-db"), true);

        let wrong = ConnectSpec { credentials: login(Some("app_user"), Some("wrong")), ..spec };
        let report = test(&wrong, ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);

        let spec = ConnectSpec { credentials: login(None, None), ..wrong };
        let report = test(&spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
        assert!(message.contains("none is given"), "{message}");

        let credentials = login(Some("expired_user"), Some(PASSWORD));
        let report = test(&ConnectSpec { credentials, ..spec.clone() }, ENOUGH).await;
        assert_failed(&report, Step::Query, FailureCode::PermissionDenied);

        let credentials = login(Some("app_user"), Some(PASSWORD));
        let database = database("missing", System::Neo4j);
        let report = test(&ConnectSpec { credentials, database, ..spec }, ENOUGH).await;
        assert_failed(&report, Step::Query, FailureCode::DatabaseNotFound);
        assert_eq!(fake.accepted(), 5, "one connection per test");

        let (_fake, spec) = knowing_only(minor, major, "TEST_NEO4J_OPEN_URL").await;
        assert_logged_in(&test(&spec, ENOUGH).await, "Neo4j", Some("app-db"), false);
    }
    // As a server does that is too old, or too new.
    let (_fake, spec) = knowing_only(0, 3, "TEST_NEO4J_URL").await;
    let report = test(&spec, ENOUGH).await;
    let _ = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
}

/// Logs in and asks `RETURN 1`; prints the code when that fails.
const CLIENT: &str = "
import os, sys, neo4j
scheme, host, port, user, name = sys.argv[1:]
try:
    login = (user, os.environ['TEST_LOGIN_PASSWORD'])
    with neo4j.GraphDatabase.driver(f'{scheme}://{host}:{port}', auth=login) as driver:
        with driver.session(database=name) as session:
            assert session.run('RETURN 1').single().value() == 1
except neo4j.exceptions.Neo4jError as error:
    sys.exit(error.code)
";

/// The second opinion: the official driver agrees about each login.
#[tokio::test]
async fn agrees_with_the_official_driver_live() {
    let (host, port, _) = place(&live("TEST_NEO4J_URL"));
    for (scheme, tls) in [("bolt", TlsMode::Disable), ("bolt+ssc", TlsMode::Require)] {
        for (user, password, name, code) in [
            ("app_user", PASSWORD, "app-db", None),
            ("neo4j", PASSWORD, "app-db", None),
            ("app_user", "wrong", "app-db", Some("Neo.ClientError.Security.Unauthorized")),
            ("nobody", PASSWORD, "app-db", Some("Neo.ClientError.Security.Unauthorized")),
            ("app_user", PASSWORD, "nowhere", Some("Neo.ClientError.Database.DatabaseNotFound")),
            (
                "expired_user",
                PASSWORD,
                "app-db",
                Some("Neo.ClientError.Security.CredentialsExpired"),
            ),
        ] {
            let client = std::process::Command::new(live("TEST_NEO4J_PYTHON"))
                .args(["-c", CLIENT, scheme, &host, &port.to_string(), user, name])
                .env("TEST_LOGIN_PASSWORD", password)
                .output()
                .expect("the driver, which scripts/databases installs");
            let said = String::from_utf8_lossy(&client.stderr);
            assert_eq!(client.status.success(), code.is_none(), "{user} {name}: {said}");
            assert_eq!(said.trim(), code.unwrap_or_default(), "{user} {name}");
            let spec = ConnectSpec {
                credentials: login(Some(user), Some(password)),
                database: database(name, System::Neo4j),
                tls,
                ..server("TEST_NEO4J_URL")
            };
            let report = test(&spec, ENOUGH).await;
            assert_eq!(report.result.is_ok(), client.status.success(), "{user} {name} {tls}");
        }
    }
}
