//! Fake MongoDB servers.

use crate::mongodb_server::{Reply, Server, error, hello, run, spec, start};
use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, database, login, test};
use bson::raw::{CStr, RawArrayBuf};
use bson::{cstr, rawdoc};
use datastore_domain::{ConnectSpec, FailureCode, Step, System, TlsMode};
use tokio::time::timeout;

const WHOLE: [&str; 6] =
    ["hello", "saslStart", "saslContinue", "listCollections", "ping", "buildInfo"];

#[tokio::test]
async fn t11_one_connection_that_is_closed_in_good_order() {
    let (report, heard) = run(Server::good()).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("MongoDB 8.0.4"));
    assert_eq!(details.database_name.as_deref(), Some("app_db"));
    assert_eq!((report.tls_used, report.password_required), (Some(false), Some(true)));
    assert_eq!(heard.names(), WHOLE);
    let told = heard.command("hello");
    assert_eq!(told.get_str("saslSupportedMechs").ok(), Some("admin.app_user"));
    for (command, database) in [("saslStart", "admin"), ("ping", "app_db"), ("buildInfo", "admin")]
    {
        assert_eq!(heard.command(command).get_str("$db").ok(), Some(database), "{command}");
    }
    assert!(!heard.contains(PASSWORD.as_bytes()));
    timeout(ENOUGH, heard.left.notified()).await.expect("closed, not reset");
}

#[tokio::test]
async fn t11_a_failed_login_is_not_tried_again() {
    let (report, heard) = run(Server::good().with("saslContinue", error(18))).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(heard.names(), WHOLE[..3]);
    timeout(ENOUGH, heard.left.notified()).await.expect("closed, not reset");
}

#[tokio::test]
async fn the_database_that_knows_the_user_is_asked_about_it() {
    let (fake, heard) = start(Server::good()).await;
    let spec = ConnectSpec { auth_source: database("users", System::Mongodb), ..spec(&fake) };
    let report = test(&spec, ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(heard.command("hello").get_str("saslSupportedMechs").ok(), Some("users.app_user"));
    for command in ["saslStart", "saslContinue"] {
        assert_eq!(heard.command(command).get_str("$db").ok(), Some("users"), "{command}");
    }
}

/// Before 4.4 there is one more, empty exchange, and before 4.4.2 `hello` has another name.
#[tokio::test]
async fn older_servers_are_spoken_to_in_their_way() {
    let older = rawdoc! { "ismaster": true, "maxWireVersion": 6, "ok": 1.0,
    "saslSupportedMechs": ["SCRAM-SHA-256"] };
    let server = Server { skips: false, ..Server::good() };
    let (report, heard) = run(server.with("hello", error(59)).with("isMaster", older)).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(
        heard.names()[..5],
        ["hello", "isMaster", "saslStart", "saslContinue", "saslContinue"]
    );

    let ancient = rawdoc! { "ismaster": true, "maxWireVersion": 5, "ok": 1.0 };
    let (report, heard) = run(Server::good().with("hello", ancient)).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    assert!(message.contains("since 3.6"), "{message}");
    assert_eq!(heard.names(), ["hello"]);
}

/// What the record does not name is neither opened nor asked about.
#[tokio::test]
async fn without_a_database_nothing_of_one_is_asked() {
    let (fake, heard) = start(Server::good().with("buildInfo", error(13))).await;
    let report = test(&ConnectSpec { database: None, ..spec(&fake) }, ENOUGH).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.database_name.as_deref(), Some("admin"));
    assert_eq!(details.server_version, None, "no right to the version is a good login");
    assert_eq!(heard.names(), ["hello", "saslStart", "saslContinue", "ping", "buildInfo"]);
}

/// A record without a login: whether anybody is let in, decides.
#[tokio::test]
async fn a_server_without_authentication_says_that_none_is_required() {
    let without = |fake: &Fake| ConnectSpec { credentials: None, ..spec(fake) };
    let (fake, heard) = start(Server::good()).await;
    let report = test(&without(&fake), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!(report.password_required, Some(false));
    assert_eq!(heard.names(), ["hello", "listCollections", "ping", "buildInfo"]);

    for (code, required, expected) in
        [(13, Some(true), FailureCode::AuthenticationFailed), (91, None, FailureCode::QueryFailed)]
    {
        let (fake, heard) = start(Server::good().with("listCollections", error(code))).await;
        let report = test(&without(&fake), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, expected);
        assert_eq!(report.password_required, required);
        assert_eq!(heard.names(), ["hello", "listCollections"]);
    }
    // A user without a password is nobody.
    let (fake, heard) = start(Server::good()).await;
    let credentials = login(Some("app_user"), None);
    let report = test(&ConnectSpec { credentials, ..spec(&fake) }, ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert!(heard.names().is_empty());
}

#[tokio::test]
async fn error_codes_are_told_apart() {
    use FailureCode::{
        AuthenticationFailed, AuthenticationUnsupported, DatabaseNotFound, PermissionDenied,
        QueryFailed,
    };
    for (command, step, expected) in [
        ("hello", Step::Authenticate, &[(91, QueryFailed), (13, PermissionDenied)][..]),
        (
            "saslStart",
            Step::Authenticate,
            &[
                (18, AuthenticationFailed),
                (8000, AuthenticationFailed),
                (214, PermissionDenied),
                (334, AuthenticationUnsupported),
                (2, AuthenticationUnsupported),
                (11600, QueryFailed),
            ],
        ),
        ("saslContinue", Step::Authenticate, &[(18, AuthenticationFailed), (0, QueryFailed)]),
        (
            "listCollections",
            Step::Query,
            &[
                (13, PermissionDenied),
                (8000, PermissionDenied),
                (73, DatabaseNotFound),
                (10107, QueryFailed),
                (133, QueryFailed),
                (50, QueryFailed),
            ],
        ),
        ("ping", Step::Query, &[(13, PermissionDenied), (91, QueryFailed)]),
    ] {
        for (number, code) in expected {
            let (report, _) = run(Server::good().with(command, error(*number))).await;
            let message = assert_failed(&report, step, *code);
            assert!(!message.contains("no:"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_replica_set_of_another_name_gets_no_login() {
    let member = |set: &str| {
        let mut answer = hello(&["SCRAM-SHA-256"]);
        answer.append(cstr!("setName"), set);
        answer
    };
    let of_rs0 = |fake: &Fake| ConnectSpec { replica_set: Some("rs0".to_owned()), ..spec(fake) };
    let (fake, _) = start(Server::good().with("hello", member("rs0"))).await;
    let report = test(&of_rs0(&fake), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    for other in [member("rs1"), member("RS0"), hello(&["SCRAM-SHA-256"])] {
        let (fake, heard) = start(Server::good().with("hello", other)).await;
        let report = test(&of_rs0(&fake), ENOUGH).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        assert!(message.contains("replica set"), "{message}");
        assert_eq!(heard.names(), ["hello"]);
    }
}

/// Who holds no data knows no users, and would call the right password a wrong one.
#[tokio::test]
async fn members_without_data_get_no_login() {
    let member = |roles: &[(&CStr, bool)]| {
        let mut answer = rawdoc! { "isWritablePrimary": false, "maxWireVersion": 25, "ok": 1.0,
        "saslSupportedMechs": ["SCRAM-SHA-256"] };
        for (role, has) in roles {
            answer.append(role, *has);
        }
        answer
    };
    let secondary = member(&[(cstr!("secondary"), true)]);
    let (report, _) = run(Server::good().with("hello", secondary)).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    for other in [
        member(&[(cstr!("secondary"), false), (cstr!("arbiterOnly"), true)]),
        member(&[(cstr!("secondary"), false)]),
        member(&[(cstr!("isreplicaset"), true)]),
    ] {
        let (report, heard) = run(Server::good().with("hello", other)).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::QueryFailed);
        assert!(message.contains("holds no data"), "{message}");
        assert_eq!(heard.names(), ["hello"]);
    }
}

/// Servers before 4.4 call it a wrong login when the user does not have the mechanism.
#[tokio::test]
async fn a_mechanism_that_the_user_lacks_is_no_wrong_password() {
    use FailureCode::{AuthenticationFailed, AuthenticationUnsupported};
    for (insisted, code) in
        [("SCRAM-SHA-1", AuthenticationUnsupported), ("SCRAM-SHA-256", AuthenticationFailed)]
    {
        let (fake, _) = start(Server::good().with("saslStart", error(18))).await;
        let auth_mechanism = Some(insisted.to_owned());
        let report = test(&ConnectSpec { auth_mechanism, ..spec(&fake) }, ENOUGH).await;
        assert_failed(&report, Step::Authenticate, code);
    }
}

/// Of a user that it does not know a server lists no mechanisms, and our guess may be switched off.
#[tokio::test]
async fn a_user_that_is_not_known_is_a_wrong_login_whatever_the_mechanisms() {
    use FailureCode::{AuthenticationFailed, AuthenticationUnsupported};
    for (version, insisted, code) in [
        (25, None, AuthenticationFailed),
        (6, None, AuthenticationUnsupported),
        (25, Some("SCRAM-SHA-1"), AuthenticationUnsupported),
    ] {
        let hello = rawdoc! { "isWritablePrimary": true, "maxWireVersion": version, "ok": 1.0 };
        let server = Server::good().with("hello", hello).with("saslStart", error(334));
        let (fake, _) = start(server).await;
        let auth_mechanism = insisted.map(str::to_owned);
        let report = test(&ConnectSpec { auth_mechanism, ..spec(&fake) }, ENOUGH).await;
        assert_failed(&report, Step::Authenticate, code);
    }
}

#[tokio::test]
async fn a_server_that_insists_on_tls_is_told_from_one_that_hangs_up() {
    for (command, is_first) in [("hello", true), ("saslStart", false)] {
        let (report, _) = run(Server::doing(command, Reply::HangUp)).await;
        let message = assert_failed(&report, Step::Authenticate, FailureCode::ServerClosed);
        assert_eq!(message.contains("set tls to require"), is_first, "{message}");
    }
}

/// The members that a server names, in every member of `hello` that holds an address.
#[tokio::test]
async fn t03_members_that_a_server_names_are_not_gone_to() {
    let other = Fake::start(|_| async {}).await;
    let place = other.address.to_string();
    let mut named = hello(&["SCRAM-SHA-256"]);
    for list in [cstr!("hosts"), cstr!("passives"), cstr!("arbiters")] {
        named.append(list, [place.as_str()].into_iter().collect::<RawArrayBuf>());
    }
    for address in [cstr!("primary"), cstr!("me")] {
        named.append(address, place.as_str());
    }
    named.append(cstr!("setName"), "rs0");
    let (fake, _) = start(Server::good().with("hello", named)).await;
    for replica_set in [None, Some("rs0".to_owned())] {
        let report = test(&ConnectSpec { replica_set, ..spec(&fake) }, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
    }
    assert_eq!((fake.accepted(), other.accepted()), (2, 0));
}

#[tokio::test]
async fn t07_mechanisms_that_are_not_ours_are_named_and_not_begun() {
    for (mechanism, word) in [
        ("MONGODB-X509", "X509"),
        ("MONGODB-AWS", "AWS"),
        ("MONGODB-OIDC", "OIDC"),
        ("GSSAPI", "Kerberos"),
        ("PLAIN", "PLAIN"),
        ("something new", "kind of authentication"),
    ] {
        let (report, heard) = run(Server::good().with("hello", hello(&[mechanism]))).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
        assert_eq!(heard.names(), ["hello"]);
    }
}

#[tokio::test]
async fn t08_plain_needs_tls() {
    for tls in [TlsMode::Disable, TlsMode::Prefer] {
        let (fake, heard) = start(Server::good()).await;
        let auth_mechanism = Some("PLAIN".to_owned());
        let report = test(&ConnectSpec { tls, auth_mechanism, ..spec(&fake) }, ENOUGH).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains("clear text"), "{message}");
        assert_eq!(heard.names(), ["hello"]);
    }
}
