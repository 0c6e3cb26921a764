//! Against a real server of MongoDB's protocol (FerretDB, which knows users but no roles).

use crate::support::{
    ENOUGH, PASSWORD, assert_failed, assert_rejected, closed_port, database, endpoint, host, login,
    place, spec, test, test_with, trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{
    ConnectSpec, ConnectionString, FailureCode, ProbeReport, Secret, Step, System, TlsMode,
};
use datastore_testkit::live;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server that is spoken to in the wrong way waits in silence for the rest of the message.
const A_MOMENT: Duration = Duration::from_millis(500);

const SHA_1: Option<&str> = Some("SCRAM-SHA-1");
const SHA_256: Option<&str> = Some("SCRAM-SHA-256");

fn server(variable: &str) -> ConnectSpec {
    let (host, port, _) = place(&live(variable));
    spec(System::Mongodb, &host, port)
}

fn by_string(text: String) -> ConnectSpec {
    ConnectionString::parse(Secret::new(text), System::Mongodb).expect("valid").connect_spec()
}

/// Who logs in with what, by which database's word, and by which mechanism.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    user: &'static str,
    password: &'static str,
    source: Option<&'static str>,
    mechanism: Option<&'static str>,
}

const fn attempt(
    user: &'static str,
    password: &'static str,
    source: Option<&'static str>,
    mechanism: Option<&'static str>,
) -> Attempt {
    Attempt { user, password, source, mechanism }
}

const RIGHT: [Attempt; 8] = [
    attempt("app_user", PASSWORD, None, None),
    attempt("app_user", PASSWORD, Some("admin"), None),
    attempt("app_user", PASSWORD, None, SHA_1),
    attempt("app_user", PASSWORD, None, SHA_256),
    attempt("sha1_user", PASSWORD, None, None),
    attempt("sha1_user", PASSWORD, None, SHA_1),
    attempt("sha256_user", PASSWORD, None, None),
    attempt("db_user", PASSWORD, Some("app_db"), None),
];

const WRONG: [Attempt; 8] = [
    attempt("app_user", "wrong", None, None),
    attempt("app_user", "p@ss:w/rd%20#", None, SHA_1),
    attempt("app_user", PASSWORD, Some("app_db"), None),
    attempt("sha1_user", "wrong", None, None),
    attempt("sha256_user", "wrong", None, None),
    attempt("db_user", PASSWORD, None, None),
    attempt("nobody", PASSWORD, None, None),
    attempt("a=b,c=d", PASSWORD, None, SHA_256),
];

/// Known users, by a mechanism that they do not have.
const OTHER_MECHANISM: [Attempt; 2] =
    [attempt("sha1_user", PASSWORD, None, SHA_256), attempt("sha256_user", PASSWORD, None, SHA_1)];

impl Attempt {
    fn at(self, variable: &str) -> ConnectSpec {
        ConnectSpec {
            credentials: login(Some(self.user), Some(self.password)),
            auth_source: self.source.and_then(|source| database(source, System::Mongodb)),
            auth_mechanism: self.mechanism.map(str::to_owned),
            ..server(variable)
        }
    }
}

async fn run(attempt: Attempt) -> ProbeReport {
    test(&attempt.at("TEST_MONGODB_URL"), ENOUGH).await
}

#[tokio::test]
async fn right_logins_live() {
    for attempt in RIGHT {
        let report = run(attempt).await;
        let details = report.result.unwrap_or_else(|failure| panic!("{attempt:?}: {failure:?}"));
        assert_eq!(details.server_version.as_deref(), Some("FerretDB 1.24.0"));
        assert_eq!(details.database_name.as_deref(), Some("admin"));
        assert_eq!((report.tls_used, report.password_required), (Some(false), Some(true)));
    }
    let report = test(&by_string(live("TEST_MONGODB_URL")), ENOUGH).await;
    let details = report.result.unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(details.database_name.as_deref(), Some("app_db"));
}

#[tokio::test]
async fn rejected_logins_live() {
    for attempt in WRONG {
        let report = run(attempt).await;
        let message = assert_rejected(&report);
        assert!(message.contains("admin"), "{message}");
    }
    for attempt in OTHER_MECHANISM {
        let report = run(attempt).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains("authMechanism"), "{message}");
    }
    for database in [None, database("app_db", System::Mongodb)] {
        let spec = ConnectSpec { credentials: None, database, ..server("TEST_MONGODB_URL") };
        let report = test(&spec, ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
        assert!(message.contains("none is given"), "{message}");
        assert_eq!(report.password_required, Some(true));
    }
}

/// Without access control: whoever gives no login is let in, and that is said.
#[tokio::test]
async fn a_server_without_access_control_live() {
    let open = by_string(live("TEST_MONGODB_OPEN_URL"));
    let report = test(&open, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(report.password_required, Some(false));

    // It knows no users, so a login is none, and nothing makes us hand over the password.
    let report = test(&server("TEST_MONGODB_OPEN_URL"), ENOUGH).await;
    let code = FailureCode::AuthenticationUnsupported;
    let message = assert_failed(&report, Step::Authenticate, code);
    assert!(message.contains("PLAIN"), "{message}");
}

/// Any name can be opened: databases come into being with the first write.
#[tokio::test]
async fn databases_live() {
    for name in ["app_db", "admin", "not_there_yet"] {
        let database = database(name, System::Mongodb);
        let report = test(&ConnectSpec { database, ..server("TEST_MONGODB_URL") }, ENOUGH).await;
        let details = report.result.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert_eq!(details.database_name.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn replica_sets_live() {
    let of_set =
        |set: &str| ConnectSpec { replica_set: Some(set.to_owned()), ..server("TEST_MONGODB_URL") };
    let report = test(&of_set("rs0"), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    let report = test(&of_set("rs1"), ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    assert!(message.contains("replica set"), "{message}");

    // The first member is down, the next one answers.
    let mut members = of_set("rs0");
    members.endpoints.insert(0, endpoint("127.0.0.1", closed_port()));
    let report = test(&members, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
}

#[tokio::test]
async fn tls_live() {
    let verified = by_string(live("TEST_MONGODB_TLS_URL"));
    assert_eq!(verified.tls, TlsMode::VerifyFull);

    let report = test_with(trusting("TEST_CA_FILE"), &verified, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(report.tls_used, Some(true));

    let report = test(&ConnectSpec { tls: TlsMode::Require, ..verified.clone() }, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);

    for settings in [ProbeSettings::default(), trusting("TEST_OTHER_CA_FILE")] {
        let report = test_with(settings, &verified, ENOUGH).await;
        let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        assert!(message.contains("unknown CA"), "{message}");
    }

    let mut elsewhere = verified.clone();
    elsewhere.endpoints[0].host = host("127.0.0.2");
    let report = test_with(trusting("TEST_CA_FILE"), &elsewhere, ENOUGH).await;
    let message = assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
    assert!(message.contains("another host name"), "{message}");

    // TLS at the plain port, and plain text at the TLS port.
    let plain = ConnectSpec { tls: TlsMode::Require, ..server("TEST_MONGODB_URL") };
    let report = test(&plain, A_MOMENT).await;
    assert_eq!(report.result.expect_err("no TLS there").step, Step::Tls);
    let report = test(&ConnectSpec { tls: TlsMode::Disable, ..verified }, A_MOMENT).await;
    assert_eq!(report.result.expect_err("no plain text there").step, Step::Authenticate);
}

/// Logs in once for each line of its input, and says how that went.
const PYMONGO: &str = r#"
import sys, pymongo
from pymongo.errors import OperationFailure
host, port, authorities = sys.argv[1], int(sys.argv[2]), sys.argv[3]
tls = {"tls": True, "tlsCAFile": authorities} if authorities else {}
for line in sys.stdin.read().splitlines():
    user, password, source, mechanism = line.split("\t")
    options = tls | ({"authMechanism": mechanism} if mechanism else {})
    client = pymongo.MongoClient(host, port, username=user, password=password, authSource=source,
                                 directConnection=True, **options)
    try:
        client.admin.command("ping")
        print("let in")
    except OperationFailure:
        print("rejected")
"#;

/// What pymongo says about each of `attempts`.
fn by_pymongo(variable: &str, authorities: &str, attempts: &[Attempt]) -> Vec<String> {
    let (host, port, _) = place(&live(variable));
    let mut client = Command::new(live("TEST_PYMONGO"))
        .args(["-c", PYMONGO, &host, &port.to_string(), authorities])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python with pymongo, which scripts/databases installs");
    let lines = attempts.iter().map(|Attempt { user, password, source, mechanism }| {
        let (source, mechanism) = (source.unwrap_or("admin"), mechanism.unwrap_or_default());
        format!("{user}\t{password}\t{source}\t{mechanism}\n")
    });
    let mut input = client.stdin.take().expect("piped");
    input.write_all(lines.collect::<String>().as_bytes()).expect("written");
    drop(input);
    let output = client.wait_with_output().expect("ended");
    let said: Vec<_> =
        std::str::from_utf8(&output.stdout).expect("text").lines().map(str::to_owned).collect();
    assert_eq!(said.len(), attempts.len(), "{said:?}");
    said
}

/// The second opinion: MongoDB's own client for Python agrees about each login.
#[tokio::test]
async fn agrees_with_pymongo_live() {
    let attempts = [&RIGHT[..], &WRONG, &OTHER_MECHANISM].concat();
    for (variable, authorities, tls) in [
        ("TEST_MONGODB_URL", String::new(), TlsMode::Disable),
        ("TEST_MONGODB_TLS_URL", live("TEST_CA_FILE"), TlsMode::VerifyFull),
    ] {
        let said = by_pymongo(variable, &authorities, &attempts);
        for (attempt, said) in attempts.iter().zip(said) {
            let spec = ConnectSpec { tls, ..attempt.at(variable) };
            let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
            let agrees = report.result.is_ok() == (said == "let in");
            assert!(agrees, "{tls} {attempt:?}: {said}, {:?}", report.result);
        }
    }
}
