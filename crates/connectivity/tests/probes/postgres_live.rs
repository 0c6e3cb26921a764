//! Against a real PostgreSQL.

use crate::support::{
    ENOUGH, FixedClock, PASSWORD, assert_failed, assert_logged_in, database, host, login, place,
    spec, test, test_with, trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{
    ChannelBinding, ConnectSpec, ConnectionString, FailureCode, Secret, Step, System, TlsMode,
};
use datastore_testkit::{PostgresServer, live};

fn server() -> ConnectSpec {
    let (host, port, name) = place(&live("TEST_POSTGRES_URL"));
    assert_eq!(live("TEST_DATABASE_PASSWORD"), PASSWORD);
    ConnectSpec {
        database: database(&name, System::Postgres),
        tls: TlsMode::Disable,
        ..spec(System::Postgres, &host, port)
    }
}

#[tokio::test]
async fn right_login_live() {
    let report = test(&server(), ENOUGH).await;
    let details = report.result.expect("logs in");
    let version = details.server_version.expect("has a version");
    let (product, number) = version.split_once(' ').expect("product and number");
    assert_eq!(product, "PostgreSQL");
    assert!(number.chars().all(|c| c.is_ascii_digit() || c == '.'), "{version}");
    assert_eq!(details.database_name.as_deref(), Some("app_db"));
    assert_eq!(details.connected_at, FixedClock::time());
    assert_eq!((report.tls_used, report.password_required), (Some(false), Some(true)));
}

#[tokio::test]
async fn every_tls_mode_live() {
    for (mode, used) in [
        (TlsMode::Disable, false),
        (TlsMode::Prefer, true),
        (TlsMode::Require, true),
        (TlsMode::VerifyFull, true),
    ] {
        let spec = ConnectSpec { tls: mode, ..server() };
        let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
        assert!(report.result.is_ok(), "{mode}: {:?}", report.result);
        assert_eq!(report.tls_used, Some(used), "{mode}");
    }
}

#[tokio::test]
async fn unknown_ca_live() {
    let spec = ConnectSpec { tls: TlsMode::VerifyFull, ..server() };
    for settings in [ProbeSettings::default(), trusting("TEST_OTHER_CA_FILE")] {
        let report = test_with(settings, &spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("unknown CA"), "{message}");
    }
}

/// The server listens on 127.0.0.2 too, which its certificate does not list.
#[tokio::test]
async fn wrong_host_name_live() {
    let mut spec = ConnectSpec { tls: TlsMode::VerifyFull, ..server() };
    spec.endpoints[0].host = host("127.0.0.2");
    let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("another host name"), "{message}");
    // A numeric spelling of an address is no name that a certificate could list.
    spec.endpoints[0].host = host("2130706433");
    let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
    assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
}

/// `localhost` may lead to `::1` first, where nobody listens.
#[tokio::test]
async fn a_name_with_several_addresses_live() {
    let mut spec = ConnectSpec { tls: TlsMode::VerifyFull, ..server() };
    for name in ["localhost", "LOCALHOST"] {
        spec.endpoints[0].host = host(name);
        let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
        assert!(report.result.is_ok(), "{name}: {:?}", report.result);
    }
}

#[tokio::test]
async fn every_kind_of_login_live() {
    for mode in [TlsMode::Disable, TlsMode::Require] {
        for (user, password, required) in [
            ("app_user", Some(PASSWORD), true),
            ("md5_user", Some(PASSWORD), true),
            ("clear_user", Some(PASSWORD), true),
            ("trust_user", Some("anything"), false),
            ("trust_user", None, false),
        ] {
            let credentials = login(Some(user), password);
            let report = test(&ConnectSpec { credentials, tls: mode, ..server() }, ENOUGH).await;
            assert!(report.result.is_ok(), "{user} {mode}: {:?}", report.result);
            assert_eq!(report.password_required, Some(required), "{user}");
        }
    }
}

/// What `channel_binding=require` insists on: only SCRAM over TLS proves the channel.
#[tokio::test]
async fn t08_a_required_channel_binding_lets_no_other_login_pass_live() {
    let channel_binding = ChannelBinding::Require;
    for (user, tls, passes) in [
        ("app_user", TlsMode::Require, true),
        ("app_user", TlsMode::Disable, false),
        ("md5_user", TlsMode::Require, false),
        ("clear_user", TlsMode::Require, false),
        ("trust_user", TlsMode::Require, false),
    ] {
        let credentials = login(Some(user), Some(PASSWORD));
        let spec = ConnectSpec { credentials, tls, channel_binding, ..server() };
        let report = test(&spec, ENOUGH).await;
        if passes {
            assert!(report.result.is_ok(), "{user}: {:?}", report.result);
        } else {
            let code = FailureCode::AuthenticationUnsupported;
            let message = assert_failed(&report, Step::Authenticate, code);
            assert!(message.contains("channel_binding"), "{message}");
        }
    }
}

/// Which of `target_session_attrs` a test of `url` does not pass, and the words that say why.
async fn unmet(url: &str) -> Vec<(&'static str, &'static str)> {
    const REASONS: [&str; 4] = [
        "the server is read-only",
        "the server takes writes",
        "the server is a standby",
        "the server is none",
    ];
    let mut unmet = Vec::new();
    for value in ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] {
        let text = Secret::new(format!("{url}?target_session_attrs={value}"));
        let string = ConnectionString::parse(text, System::Postgres).expect("a connection string");
        let report = test(&string.connect_spec(), ENOUGH).await;
        if report.result.is_err() {
            let message = assert_failed(&report, Step::Query, FailureCode::QueryFailed);
            let reason = REASONS.into_iter().find(|reason| message.contains(reason));
            unmet.push((value, reason.expect("a reason")));
        }
    }
    unmet
}

/// As libpq has it: of a primary, of a database of it that is told to take no writes, and of a
/// standby.
#[tokio::test]
async fn the_server_must_be_what_the_string_asks_for_live() {
    let mut server = PostgresServer::start_with(&["fsync=off"]);
    let read_only = "CREATE DATABASE reports;
        ALTER DATABASE reports SET default_transaction_read_only = on";
    let _ = server.execute("postgres", read_only);
    let [takes_writes, reports] = ["postgres", "reports"].map(|name| server.url(name));
    let none = ("standby", "the server is none");
    assert_eq!(unmet(&takes_writes).await, [("read-only", "the server takes writes"), none]);
    assert_eq!(unmet(&reports).await, [("read-write", "the server is read-only"), none]);
    server.stop();
    server.start_again_as_standby();
    let expected =
        [("read-write", "the server is read-only"), ("primary", "the server is a standby")];
    for url in [takes_writes, reports] {
        assert_eq!(unmet(&url).await, expected);
    }
}

#[tokio::test]
async fn rejected_logins_live() {
    for mode in [TlsMode::Disable, TlsMode::Require] {
        for (user, password) in [
            ("app_user", "wrong"),
            ("app_user", "p@ss:w/rd%20#"),
            ("app_user", "p@ss:w/rd #?"),
            ("md5_user", "wrong"),
            ("clear_user", "wrong"),
            ("nobody", PASSWORD),
            ("nologin_user", "wrong"),
        ] {
            let credentials = login(Some(user), Some(password));
            let report = test(&ConnectSpec { credentials, tls: mode, ..server() }, ENOUGH).await;
            let message =
                assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
            assert!(message.contains("password"), "{message}");
        }
    }
    let spec = ConnectSpec { credentials: login(Some("app_user"), None), ..server() };
    let report = test(&spec, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(report.password_required, Some(true));
}

/// A right password is never called a wrong one: the first is for a role that may not log in, the
/// others for users whom the server does not even ask.
#[tokio::test]
async fn who_is_not_let_in_whatever_the_password_live() {
    for (user, password, required, word) in [
        ("nologin_user", PASSWORD, Some(true), "accepted the password"),
        ("reject_user", PASSWORD, None, "pg_hba.conf"),
        ("reject_user", "wrong", None, "pg_hba.conf"),
    ] {
        let credentials = login(Some(user), Some(password));
        let report = test(&ConnectSpec { credentials, ..server() }, ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::PermissionDenied);
        assert!(message.contains(word), "{message}");
        assert_eq!(report.password_required, required, "{user}");
    }
}

#[tokio::test]
async fn databases_that_cannot_be_opened_live() {
    for (name, code, word) in [
        ("missing_db", FailureCode::DatabaseNotFound, "database"),
        ("locked_db", FailureCode::PermissionDenied, "Permission"),
        ("template0", FailureCode::PermissionDenied, "Permission"),
    ] {
        let spec = ConnectSpec { database: database(name, System::Postgres), ..server() };
        let report = test(&spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
    }
    // Without a database the one named like the user is opened.
    let report = test(&ConnectSpec { database: None, ..server() }, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::DatabaseNotFound);
}

#[tokio::test]
async fn a_user_without_room_live() {
    let spec = ConnectSpec { credentials: login(Some("full_user"), Some(PASSWORD)), ..server() };
    let report = test(&spec, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::TooManyConnections);
}

/// PgBouncer stands for the server, and has one code for everything that it says itself.
#[tokio::test]
async fn behind_a_pooler_live() {
    let (host, port, name) = place(&live("TEST_PGBOUNCER_URL"));
    let pooler = |user: &str, password: &str, name: &str, tls| ConnectSpec {
        credentials: login(Some(user), Some(password)),
        database: database(name, System::Postgres),
        tls,
        ..spec(System::Postgres, &host, port)
    };
    for tls in [TlsMode::Disable, TlsMode::Require] {
        let report = test(&pooler("app_user", PASSWORD, &name, tls), ENOUGH).await;
        assert_logged_in(&report, "PostgreSQL", Some("app_db"), true);
        for (user, password, name, code) in [
            ("app_user", "wrong", "app_db", FailureCode::AuthenticationFailed),
            ("nobody", PASSWORD, "app_db", FailureCode::AuthenticationFailed),
            ("app_user", PASSWORD, "missing_db", FailureCode::DatabaseNotFound),
            ("app_user", PASSWORD, "dropped_db", FailureCode::DatabaseNotFound),
        ] {
            let report = test(&pooler(user, password, name, tls), ENOUGH).await;
            assert_failed(&report, Step::Authenticate, code);
        }
    }
    let report = test(&pooler("app_user", PASSWORD, "away_db", TlsMode::Disable), ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::QueryFailed);
    assert!(message.contains("pooler"), "{message}");
}

/// The second opinion: the official client agrees about each login.
#[tokio::test]
async fn agrees_with_psql_live() {
    let (host, port, _) = place(&live("TEST_POSTGRES_URL"));
    for mode in ["disable", "require"] {
        for (user, password, name) in [
            ("app_user", PASSWORD, "app_db"),
            ("app_user", "wrong", "app_db"),
            ("app_user", PASSWORD, "missing_db"),
            ("app_user", PASSWORD, "locked_db"),
            ("md5_user", PASSWORD, "app_db"),
            ("md5_user", "wrong", "app_db"),
            ("trust_user", "anything", "app_db"),
            ("nologin_user", PASSWORD, "app_db"),
            ("nobody", PASSWORD, "app_db"),
        ] {
            let psql = std::process::Command::new("psql")
                .args(["-h", &host, "-p", &port.to_string(), "-U", user, "-d", name])
                .args(["-qAtX", "-c", "SELECT 1"])
                .env("PGPASSWORD", password)
                .env("PGSSLMODE", mode)
                .output()
                .expect("psql, which scripts/databases installs");
            let spec = ConnectSpec {
                credentials: login(Some(user), Some(password)),
                database: database(name, System::Postgres),
                tls: mode.parse().expect("a mode"),
                ..server()
            };
            let report = test(&spec, ENOUGH).await;
            assert_eq!(report.result.is_ok(), psql.status.success(), "{user} {name} {mode}");
        }
    }
}
