//! Against a real MariaDB, and a MySQL server that is neither: Dolt's engine, which alone of the two
//! knows `caching_sha2_password`.

use crate::support::{
    ENOUGH, Fake, PASSWORD, assert_failed, assert_logged_in, assert_rejected, database, host,
    login, place, spec, test, test_with, trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, Step, System, TlsMode};
use datastore_testkit::live;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MARIADB: &str = "TEST_MARIADB_URL";
const MYSQL: &str = "TEST_MYSQL_URL";
const MYSQL_PLAIN: &str = "TEST_MYSQL_PLAIN_URL";

fn server(variable: &str) -> ConnectSpec {
    let (host, port, name) = place(&live(variable));
    ConnectSpec {
        database: database(&name, System::Mysql),
        tls: TlsMode::Disable,
        ..spec(System::Mysql, &host, port)
    }
}

async fn log_in(variable: &str, user: &str, password: Option<&str>, tls: TlsMode) -> ProbeReport {
    let credentials = login(Some(user), password);
    test(&ConnectSpec { credentials, tls, ..server(variable) }, ENOUGH).await
}

#[tokio::test]
async fn right_logins_live() {
    for (variable, product, user, password, required) in [
        (MARIADB, "MariaDB", "app_user", Some(PASSWORD), true),
        (MARIADB, "MariaDB", "ed25519_user", Some(PASSWORD), true),
        (MARIADB, "MariaDB", "two_user", Some(PASSWORD), true),
        (MARIADB, "MariaDB", "two_user", Some("another"), true),
        (MARIADB, "MariaDB", "nopass_user", None, false),
        (MYSQL, "MySQL", "app_user", Some(PASSWORD), true),
        (MYSQL, "MySQL", "native_user", Some(PASSWORD), true),
        (MYSQL, "MySQL", "nopass_user", None, false),
    ] {
        let report = log_in(variable, user, password, TlsMode::Require).await;
        let details = report.result.unwrap_or_else(|failure| panic!("{user}: {failure:?}"));
        let version = details.server_version.expect("has a version");
        let (name, number) = version.split_once(' ').expect("product and number");
        assert_eq!(name, product);
        assert!(number.chars().all(|c| c.is_ascii_digit() || c == '.'), "{version}");
        assert_eq!(details.database_name.as_deref(), Some("app_db"));
        assert_eq!((report.tls_used, report.password_required), (Some(true), Some(required)));
    }
    // Without a database none is opened.
    let report = test(&ConnectSpec { database: None, ..server(MARIADB) }, ENOUGH).await;
    assert_eq!(report.result.expect("logs in").database_name, None);
}

/// A server that is told to check no login says so, with and without a password in the record.
#[tokio::test]
async fn a_server_without_passwords_live() {
    for credentials in [
        login(Some("app_user"), Some(PASSWORD)),
        login(Some("nobody"), Some("anything")),
        login(Some("nobody"), None),
        None,
    ] {
        let spec = ConnectSpec { credentials, ..server("TEST_MARIADB_OPEN_URL") };
        let report = test(&spec, ENOUGH).await;
        assert_logged_in(&report, "MariaDB", Some("mysql"), false);
    }
}

/// Its certificate is of X.509 version 1, which names no host in the way that is checked.
#[tokio::test]
async fn an_old_certificate_is_for_those_who_check_none_live() {
    for tls in [TlsMode::Prefer, TlsMode::Require] {
        let spec = ConnectSpec { tls, ..server("TEST_MARIADB_OPEN_URL") };
        let report = test(&spec, ENOUGH).await;
        assert_logged_in(&report, "MariaDB", Some("mysql"), false);
        assert_eq!(report.tls_used, Some(true), "{tls}");
    }
    let spec = ConnectSpec { tls: TlsMode::VerifyFull, ..server("TEST_MARIADB_OPEN_URL") };
    let report = test(&spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("version 3"), "{message}");
}

#[tokio::test]
async fn right_logins_without_tls_live() {
    for (variable, user, password, required) in [
        (MARIADB, "app_user", Some(PASSWORD), true),
        (MARIADB, "ed25519_user", Some(PASSWORD), true),
        (MARIADB, "nopass_user", None, false),
        (MYSQL, "native_user", Some(PASSWORD), true),
        (MYSQL_PLAIN, "native_user", Some(PASSWORD), true),
    ] {
        let report = log_in(variable, user, password, TlsMode::Disable).await;
        assert!(report.result.is_ok(), "{user}: {:?}", report.result);
        assert_eq!((report.tls_used, report.password_required), (Some(false), Some(required)));
    }
}

#[tokio::test]
async fn rejected_logins_live() {
    for tls in [TlsMode::Disable, TlsMode::Require] {
        for (variable, user, password) in [
            (MARIADB, "app_user", Some("wrong")),
            (MARIADB, "app_user", Some("p@ss:w/rd%20#")),
            (MARIADB, "app_user", Some("p@ss:w/rd #?")),
            (MARIADB, "app_user", None),
            (MARIADB, "two_user", Some("wrong")),
            (MARIADB, "ed25519_user", Some("wrong")),
            (MARIADB, "ed25519_user", None),
            (MARIADB, "nobody", Some(PASSWORD)),
            (MARIADB, "elsewhere_user", Some(PASSWORD)),
            (MARIADB, "socket_user", Some(PASSWORD)),
            // An account without a password has none, and not any.
            (MARIADB, "nopass_user", Some("anything")),
            (MYSQL, "native_user", Some("wrong")),
            (MYSQL, "native_user", None),
        ] {
            let report = log_in(variable, user, password, tls).await;
            assert_rejected(&report);
        }
    }
    for password in [Some("wrong"), None] {
        let report = log_in(MYSQL, "app_user", password, TlsMode::Require).await;
        assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    }
}

/// What the server calls a wrong login is one, as far as anybody can tell, but we name the reason
/// that comes with plain text.
#[tokio::test]
async fn a_user_who_must_come_over_tls_live() {
    let report = log_in(MARIADB, "tls_user", Some(PASSWORD), TlsMode::Disable).await;
    let code = FailureCode::AuthenticationFailed;
    let message = assert_failed(&report, Step::Authenticate, code);
    assert!(message.contains("TLS"), "{message}");
    let report = log_in(MARIADB, "tls_user", Some(PASSWORD), TlsMode::Prefer).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
}

#[tokio::test]
async fn accounts_that_may_not_live() {
    for (user, code, word) in [
        ("locked_user", FailureCode::PermissionDenied, "locked"),
        ("pam_user", FailureCode::AuthenticationUnsupported, "PAM"),
    ] {
        let report = log_in(MARIADB, user, Some(PASSWORD), TlsMode::Require).await;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
    }
    // An expired password is good for a login, and then for nothing.
    let report = log_in(MARIADB, "expired_user", Some(PASSWORD), TlsMode::Require).await;
    let message = assert_failed(&report, Step::Query, FailureCode::PermissionDenied);
    assert!(message.contains("expired"), "{message}");
    // One connection an hour: this one, or one of an earlier run.
    let _ = log_in(MARIADB, "busy_user", Some(PASSWORD), TlsMode::Require).await;
    let report = log_in(MARIADB, "busy_user", Some(PASSWORD), TlsMode::Require).await;
    assert_failed(&report, Step::Authenticate, FailureCode::TooManyConnections);
}

#[tokio::test]
async fn databases_that_cannot_be_opened_live() {
    for (user, name, code, word) in [
        ("admin_user", "missing_db", FailureCode::DatabaseNotFound, "does not exist"),
        ("app_user", "locked_db", FailureCode::PermissionDenied, "database"),
        // The server does not tell those without rights what there is.
        ("app_user", "missing_db", FailureCode::PermissionDenied, "does not exist"),
    ] {
        let spec = ConnectSpec {
            credentials: login(Some(user), Some(PASSWORD)),
            database: database(name, System::Mysql),
            ..server(MARIADB)
        };
        let report = test(&spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
        assert_eq!(report.password_required, Some(true));
    }
}

#[tokio::test]
async fn every_tls_mode_live() {
    for variable in [MARIADB, MYSQL] {
        for (tls, used) in [
            (TlsMode::Disable, false),
            (TlsMode::Prefer, true),
            (TlsMode::Require, true),
            (TlsMode::VerifyFull, true),
        ] {
            let user = if variable == MYSQL { "native_user" } else { "app_user" };
            let credentials = login(Some(user), Some(PASSWORD));
            let spec = ConnectSpec { credentials, tls, ..server(variable) };
            let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
            assert!(report.result.is_ok(), "{variable} {tls}: {:?}", report.result);
            assert_eq!(report.tls_used, Some(used), "{variable} {tls}");
        }
    }
    let spec = ConnectSpec { tls: TlsMode::VerifyFull, ..server(MARIADB) };
    for settings in [ProbeSettings::default(), trusting("TEST_OTHER_CA_FILE")] {
        let report = test_with(settings, &spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("unknown CA"), "{message}");
    }
    // The server listens on 127.0.0.2 too, which its certificate does not list.
    let mut elsewhere = spec;
    elsewhere.endpoints[0].host = host("127.0.0.2");
    let report = test_with(trusting("TEST_CA_FILE"), &elsewhere, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("another host name"), "{message}");
}

#[tokio::test]
async fn a_server_without_tls_live() {
    for (tls, passes) in [
        (TlsMode::Disable, true),
        (TlsMode::Prefer, true),
        (TlsMode::Require, false),
        (TlsMode::VerifyFull, false),
    ] {
        let report = log_in(MYSQL_PLAIN, "native_user", Some(PASSWORD), tls).await;
        assert_eq!(report.tls_used, Some(false));
        if passes {
            assert!(report.result.is_ok(), "{tls}: {:?}", report.result);
        } else {
            let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
            assert!(message.contains("offers none"), "{message}");
        }
    }
}

/// Somebody in between who strikes TLS out of the server's greeting, and listens.
#[expect(clippy::disallowed_methods, reason = "the way on from somebody in between")]
async fn stripper(variable: &str) -> (Fake, Arc<Mutex<Vec<u8>>>) {
    let (host, port, _) = place(&live(variable));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&heard);
    let fake = Fake::start(move |mut client| {
        let (record, address) = (Arc::clone(&record), format!("{host}:{port}"));
        async move {
            let mut server = TcpStream::connect(address).await.expect("the server");
            let mut header = [0; 4];
            server.read_exact(&mut header).await.expect("a greeting");
            let mut greeting = vec![0; usize::from(header[0])];
            server.read_exact(&mut greeting).await.expect("a greeting");
            // Behind the version: a number, half of the challenge, a NUL, what the server can do.
            let version = greeting.iter().position(|byte| *byte == 0).expect("a version");
            greeting[version + 1 + 4 + 8 + 1 + 1] &= !0x08;
            let _ = client.write_all(&[&header[..], &greeting].concat()).await;
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let listen = async {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
                    record.lock().expect("no panic").extend_from_slice(&buffer[..n]);
                    let _ = to_server.write_all(&buffer[..n]).await;
                }
            };
            // Whoever leaves first ends it for both.
            tokio::select! {
                () = listen => {}
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
            }
        }
    })
    .await;
    (fake, heard)
}

#[tokio::test]
async fn t08_whoever_strips_tls_gets_no_password_live() {
    for (variable, user, tls, result) in [
        // Over loopback the proof is enough, and is all there is to hear.
        (MARIADB, "app_user", TlsMode::Prefer, Ok(())),
        (MARIADB, "ed25519_user", TlsMode::Prefer, Ok(())),
        (MARIADB, "app_user", TlsMode::Require, Err((Step::Tls, FailureCode::TlsFailed))),
        (MARIADB, "app_user", TlsMode::VerifyFull, Err((Step::Tls, FailureCode::TlsFailed))),
        (MYSQL, "app_user", TlsMode::Require, Err((Step::Tls, FailureCode::TlsFailed))),
    ] {
        let (fake, heard) = stripper(variable).await;
        let spec = ConnectSpec {
            credentials: login(Some(user), Some(PASSWORD)),
            tls,
            ..fake.spec(System::Mysql)
        };
        let report = test(&spec, ENOUGH).await;
        let (ended, used) = (report.result.map_err(|f| (f.step, f.code)), report.tls_used);
        assert_eq!((ended.map(|_| ()), used), (result, Some(false)), "{user} {tls}");
        let heard = heard.lock().expect("no panic");
        assert!(!heard.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
        assert_eq!(heard.is_empty(), result.is_err(), "{user} {tls}");
    }
}

/// The second opinion: MariaDB's own client agrees about each login.
#[tokio::test]
async fn agrees_with_the_client_of_mariadb_live() {
    for (tls, flag) in [(TlsMode::Disable, "--skip-ssl"), (TlsMode::Require, "--ssl")] {
        for (variable, user, password) in [
            (MARIADB, "app_user", PASSWORD),
            (MARIADB, "app_user", "wrong"),
            (MARIADB, "ed25519_user", PASSWORD),
            (MARIADB, "ed25519_user", "wrong"),
            (MARIADB, "nopass_user", ""),
            (MARIADB, "nopass_user", "anything"),
            (MARIADB, "app_user", ""),
            (MARIADB, "tls_user", PASSWORD),
            (MARIADB, "locked_user", PASSWORD),
            (MARIADB, "expired_user", PASSWORD),
            (MARIADB, "elsewhere_user", PASSWORD),
            (MARIADB, "socket_user", PASSWORD),
            (MARIADB, "nobody", PASSWORD),
            (MYSQL, "app_user", PASSWORD),
            (MYSQL, "app_user", "wrong"),
            (MYSQL, "native_user", PASSWORD),
            (MYSQL, "native_user", "wrong"),
            (MYSQL, "nobody", PASSWORD),
        ] {
            let (host, port, name) = place(&live(variable));
            let client = Command::new("mariadb")
                .args(["--no-defaults", "--host", &host, "--port", &port.to_string(), flag])
                .args(["--user", user, "--execute", "SELECT 1", &name])
                .env("MYSQL_PWD", password)
                .output()
                .expect("mariadb, which scripts/databases installs");
            let given = (!password.is_empty()).then_some(password);
            let report = log_in(variable, user, given, tls).await;
            let agrees = report.result.is_ok() == client.status.success();
            assert!(agrees, "{variable} {user} {tls}: {:?} {client:?}", report.result);
        }
    }
}
