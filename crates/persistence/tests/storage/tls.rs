//! TLS to PostgreSQL. The certificate of the test server names localhost and 127.0.0.1; it listens
//! on 127.0.0.2 too.

use crate::support::postgres::TestServer;
use datastore_persistence::{DatabaseUrl, PoolSettings, SchemaError, Storage};
use datastore_testkit::live;
use std::time::Duration;

fn authority(variable: &str) -> Vec<u8> {
    std::fs::read(live(variable)).expect("reads")
}

struct Case {
    host: &'static str,
    mode: &'static str,
    ca: Option<&'static str>,
}

/// Connects, and tells whether the session is encrypted; or why there is none.
async fn connect(database: &TestServer, case: &Case) -> Result<bool, String> {
    let address = database.address().replace("127.0.0.1", case.host);
    let application = format!("{}-{}", case.mode, case.ca.unwrap_or("none"));
    let url: DatabaseUrl =
        format!("{address}?sslmode={}&application_name={application}", case.mode)
            .parse()
            .expect("valid");
    let patient = Duration::from_secs(60);
    let settings = PoolSettings {
        connection_timeout: patient,
        deadline: patient,
        ca_pem: case.ca.map(authority),
        ..PoolSettings::default()
    };
    let storage = Storage::open(&url, settings).map_err(|error| format!("{error:?}"))?;
    match storage.schema_state().await {
        Ok(_) => Ok(database.is_encrypted(&application)),
        Err(SchemaError::Unavailable(cause)) => Err(format!("{cause:?}")),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encryption_and_verification_follow_sslmode() {
    let (ca, other) = (Some("TEST_CA_FILE"), Some("TEST_OTHER_CA_FILE"));
    let case = |host, mode, ca| Case { host, mode, ca };
    let database = TestServer::new();
    let connected = [
        (case("127.0.0.1", "disable", None), false),
        (case("127.0.0.1", "prefer", None), true),
        (case("127.0.0.1", "require", None), true),
        (case("127.0.0.2", "require", None), true),
        (case("127.0.0.1", "require", ca), true),
        (case("127.0.0.1", "verify-ca", ca), true),
        (case("127.0.0.1", "verify-full", ca), true),
        (case("localhost", "verify-full", ca), true),
    ];
    for (case, encrypted) in connected {
        let answer = connect(&database, &case).await;
        assert_eq!(answer, Ok(encrypted), "{} {} {:?}", case.host, case.mode, case.ca);
    }
    let (authority, name) = ("database.tls_ca_file", "write the name that is in it");
    let refused = [
        (case("127.0.0.1", "verify-full", other), authority),
        (case("127.0.0.1", "require", other), authority),
        (case("127.0.0.2", "verify-full", ca), name),
        (case("127.0.0.2", "verify-ca", ca), name),
        // The authorities of the system know nothing of this one.
        (case("127.0.0.1", "verify-full", None), authority),
    ];
    for (case, advice) in refused {
        let answer = connect(&database, &case).await;
        let error = answer.expect_err(case.mode);
        assert!(error.contains(case.host) && error.contains(advice), "{error}");
        assert!(!error.contains("p@ss"), "{error}");
    }
}

/// A server without TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_cannot_do_is_refused_where_it_is_demanded() {
    let private = crate::support::private::Private::start().await;
    let open = |mode: &str| {
        let url = format!("{}?sslmode={mode}", private.server.url("postgres"));
        Storage::open(&url.parse().expect("valid"), PoolSettings::default()).expect("opens")
    };
    open("prefer").schema_state().await.expect("in the clear");
    let refused = open("require").schema_state().await;
    assert!(matches!(refused, Err(SchemaError::Unavailable(_))), "{refused:?}");
}
