//! Against a real Redis.

use crate::support::{
    ENOUGH, PASSWORD, assert_failed, assert_logged_in, assert_rejected, database, host, login,
    place, spec, test, test_with,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{ConnectSpec, Credentials, FailureCode, Step, System, TlsMode};
use datastore_testkit::live;
use std::time::Duration;

/// A server that is spoken to in the wrong way waits in silence for the rest of the message.
const A_MOMENT: Duration = Duration::from_millis(500);

fn server(variable: &str) -> ConnectSpec {
    let (host, port, _) = place(&live(variable));
    spec(System::Redis, &host, port)
}

fn with_login(credentials: Option<Credentials>) -> ConnectSpec {
    ConnectSpec { credentials, ..server("TEST_REDIS_URL") }
}

#[tokio::test]
async fn right_logins_live() {
    for (user, password, required) in [
        (Some("app_user"), Some(PASSWORD), true),
        (Some("default"), Some(PASSWORD), true),
        (None, Some(PASSWORD), true),
        // A user who may log in without a password: any is accepted, none is needed.
        (Some("nopass_user"), Some("anything"), true),
        (Some("nopass_user"), None, false),
    ] {
        let report = test(&with_login(login(user, password)), ENOUGH).await;
        assert_logged_in(&report, "Redis", Some("0"), required);
        assert_eq!(report.tls_used, Some(false));
    }
}

#[tokio::test]
async fn rejected_logins_live() {
    for (user, password) in [
        (Some("app_user"), Some("wrong")),
        (Some("app_user"), Some("p@ss:w/rd%20#")),
        (Some("app_user"), None),
        (Some("nobody"), Some(PASSWORD)),
        (Some("off_user"), Some(PASSWORD)),
        (Some("default"), Some("wrong")),
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
    let open = server("TEST_REDIS_OPEN_URL");
    for credentials in [None, login(None, Some("anything")), login(Some("default"), Some("x"))] {
        let report = test(&ConnectSpec { credentials, ..open.clone() }, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(false));
    }
    // A user that the server does not know is rejected all the same.
    let report = test(&open, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
}

#[tokio::test]
async fn indexes_live() {
    for (index, shown) in [("0", "0"), ("5", "5"), ("05", "05"), ("15", "15")] {
        let database = database(index, System::Redis);
        let report = test(&ConnectSpec { database, ..server("TEST_REDIS_URL") }, ENOUGH).await;
        let details = report.result.unwrap_or_else(|failure| panic!("{index}: {failure:?}"));
        assert_eq!(details.database_name.as_deref(), Some(shown));
    }
    let spec = ConnectSpec { database: database("16", System::Redis), ..server("TEST_REDIS_URL") };
    let report = test(&spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Query, FailureCode::DatabaseNotFound);
    assert!(message.contains("database"), "{message}");
}

#[tokio::test]
async fn rights_live() {
    let report = test(&with_login(login(Some("quiet_user"), Some(PASSWORD))), ENOUGH).await;
    let message = assert_failed(&report, Step::Query, FailureCode::PermissionDenied);
    assert!(message.contains("Permission"), "{message}");

    let report = test(&with_login(login(Some("no_info_user"), Some(PASSWORD))), ENOUGH).await;
    let details = report.result.expect("a good login all the same");
    assert_eq!(details.server_version, None);
}

#[tokio::test]
async fn tls_live() {
    let pem = std::fs::read(live("TEST_CA_FILE")).expect("the CA file");
    let trusting = ProbeSettings { ca_pem: Some(pem), ..ProbeSettings::default() };
    let verified = ConnectSpec { tls: TlsMode::VerifyFull, ..server("TEST_REDIS_TLS_URL") };

    let report = test_with(trusting.clone(), &verified, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(report.tls_used, Some(true));

    let report = test(&ConnectSpec { tls: TlsMode::Require, ..verified.clone() }, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);

    let report = test(&verified, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("unknown CA"), "{message}");

    let mut elsewhere = verified.clone();
    elsewhere.endpoints[0].host = host("127.0.0.2");
    let report = test_with(trusting, &elsewhere, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("another host name"), "{message}");

    // TLS at the plain port, and plain text at the TLS port.
    let plain = ConnectSpec { tls: TlsMode::Require, ..server("TEST_REDIS_URL") };
    let report = test(&plain, A_MOMENT).await;
    assert_eq!(report.result.expect_err("no TLS there").step, Step::Tls);
    let report = test(&ConnectSpec { tls: TlsMode::Disable, ..verified }, A_MOMENT).await;
    assert_eq!(report.result.expect_err("no plain text there").step, Step::Authenticate);
}

/// The second opinion: the official client agrees about each login.
#[tokio::test]
async fn agrees_with_redis_cli_live() {
    let (host, port, _) = place(&live("TEST_REDIS_URL"));
    for (user, password) in [
        ("app_user", PASSWORD),
        ("app_user", "wrong"),
        ("default", PASSWORD),
        ("default", "wrong"),
        ("off_user", PASSWORD),
        ("nopass_user", "anything"),
        ("nobody", PASSWORD),
    ] {
        let client = std::process::Command::new("redis-cli")
            .args(["-h", &host, "-p", &port.to_string(), "--user", user, "PING"])
            .env("REDISCLI_AUTH", password)
            .output()
            .expect("redis-cli, which scripts/databases installs");
        let report = test(&with_login(login(Some(user), Some(password))), ENOUGH).await;
        let pong = client.stdout.starts_with(b"PONG");
        assert_eq!(report.result.is_ok(), pong, "{user}");
    }
}
