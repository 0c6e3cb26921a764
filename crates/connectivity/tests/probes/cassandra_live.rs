//! Against a real Cassandra.

use crate::support::{
    ENOUGH, PASSWORD, assert_failed, assert_logged_in, assert_rejected, database, host, login,
    place, spec, test, test_with, trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{
    ConnectSpec, ConnectionString, Credentials, FailureCode, Secret, Step, System, TlsMode,
};
use datastore_testkit::live;

fn server() -> ConnectSpec {
    let (host, port, keyspace) = place(&live("TEST_CASSANDRA_URL"));
    ConnectSpec {
        database: database(&keyspace, System::Cassandra),
        ..spec(System::Cassandra, &host, port)
    }
}

fn with_login(credentials: Option<Credentials>) -> ConnectSpec {
    ConnectSpec { credentials, ..server() }
}

#[tokio::test]
async fn right_logins_live() {
    for user in ["app_user", "limited_user"] {
        let report = test(&with_login(login(Some(user), Some(PASSWORD))), ENOUGH).await;
        assert_logged_in(&report, "Cassandra", Some("app_db"), true);
        assert_eq!(report.tls_used, Some(false));
    }
}

#[tokio::test]
async fn strings_live() {
    let url = live("TEST_CASSANDRA_URL");
    for (parameter, encrypted) in
        [("", false), ("?tls=prefer", false), ("?tls=require", true), ("?tls=verify_full", true)]
    {
        let text = Secret::new(format!("{url}{parameter}"));
        let string = ConnectionString::parse(text, System::Cassandra).expect("a string");
        let report = test_with(trusting("TEST_CA_FILE"), &string.connect_spec(), ENOUGH).await;
        assert_logged_in(&report, "Cassandra", Some("app_db"), true);
        assert_eq!(report.tls_used, Some(encrypted), "{parameter}");
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
        (None, Some(PASSWORD)),
        (None, None),
    ] {
        let report = test(&with_login(login(user, password)), ENOUGH).await;
        assert_rejected(&report);
    }
    let report = test(&with_login(None), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

/// The right password of a role that is not one to log in with: no failed login.
#[tokio::test]
async fn a_role_that_may_not_log_in_live() {
    let report = test(&with_login(login(Some("group_role"), Some(PASSWORD))), ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::PermissionDenied);
    assert!(message.contains("rights"), "{message}");
    let report = test(&with_login(login(Some("group_role"), Some("wrong"))), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

/// Names are taken as they are, as drivers take them: not folded to small letters.
#[tokio::test]
async fn keyspaces_live() {
    for name in [Some("app_db"), Some("Mixed"), Some("system"), None] {
        let database = name.and_then(|name| database(name, System::Cassandra));
        let report = test(&ConnectSpec { database, ..server() }, ENOUGH).await;
        assert_logged_in(&report, "Cassandra", name, true);
    }
    for name in ["missing", "mixed", "App_Db"] {
        let spec = ConnectSpec { database: database(name, System::Cassandra), ..server() };
        let report = test(&spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Query, FailureCode::DatabaseNotFound);
        assert!(message.contains("name"), "{message}");
    }
}

#[tokio::test]
async fn tls_live() {
    let verified = ConnectSpec { tls: TlsMode::VerifyFull, ..server() };
    for host_name in ["127.0.0.1", "localhost"] {
        let mut verified = verified.clone();
        verified.endpoints[0].host = host(host_name);
        let report = test_with(trusting("TEST_CA_FILE"), &verified, ENOUGH).await;
        assert_logged_in(&report, "Cassandra", Some("app_db"), true);
        assert_eq!(report.tls_used, Some(true));
    }
    for (tls, settings) in [
        (TlsMode::Require, trusting("TEST_OTHER_CA_FILE")),
        (TlsMode::Require, ProbeSettings::default()),
    ] {
        let report = test_with(settings, &ConnectSpec { tls, ..server() }, ENOUGH).await;
        assert_logged_in(&report, "Cassandra", Some("app_db"), true);
    }
    for settings in [trusting("TEST_OTHER_CA_FILE"), ProbeSettings::default()] {
        let report = test_with(settings, &verified, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("unknown CA"), "{message}");
    }
}

/// Prints `in` or `out` for each login of two arguments.
const DRIVER: &str = r#"
import sys
from cassandra import AuthenticationFailed
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable

host, port, *logins = sys.argv[1:]
for user, password in zip(logins[::2], logins[1::2]):
    cluster = Cluster([host], port=int(port), protocol_version=4,
                      auth_provider=PlainTextAuthProvider(user, password))
    try:
        row = cluster.connect("app_db").execute("SELECT release_version FROM system.local").one()
        print("in", row.release_version)
    except NoHostAvailable as error:
        assert all(isinstance(e, AuthenticationFailed) for e in error.errors.values()), error
        print("out")
    finally:
        cluster.shutdown()
"#;

/// The second opinion: the driver agrees about each login, and about the version.
#[tokio::test]
async fn agrees_with_the_driver_live() {
    let logins = [
        ("app_user", PASSWORD),
        ("app_user", "wrong"),
        ("app_user", "p@ss:w/rd%20#"),
        ("App_User", PASSWORD),
        ("limited_user", PASSWORD),
        ("group_role", PASSWORD),
        ("nobody", PASSWORD),
        ("cassandra", "cassandra"),
    ];
    let (host, port, _) = place(&live("TEST_CASSANDRA_URL"));
    let driver = std::process::Command::new(live("TEST_CASSANDRA_PYTHON"))
        .args(["-c", DRIVER, &host, &port.to_string()])
        .args(logins.iter().flat_map(|(user, password)| [user, password]))
        .output()
        .expect("Python, which scripts/databases installs");
    let errors = String::from_utf8_lossy(&driver.stderr);
    assert!(driver.status.success(), "{errors}");
    let said = String::from_utf8(driver.stdout).expect("text");
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said.len(), logins.len());
    for ((user, password), said) in logins.into_iter().zip(said) {
        let report = test(&with_login(login(Some(user), Some(password))), ENOUGH).await;
        match (&report.result, said.strip_prefix("in ")) {
            (Ok(details), Some(version)) => {
                assert_eq!(details.server_version, Some(format!("Cassandra {version}")));
            }
            (Err(_), None) => {}
            (ours, _) => panic!("{user}: {ours:?}, and the driver says {said}"),
        }
    }
}
