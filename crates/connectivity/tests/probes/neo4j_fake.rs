//! Fake Neo4j servers.

use crate::neo4j_server::{
    BOLT_4_4, BOLT_5_0, BOLT_5_8, GOODBYE, HELLO, IGNORED, LOGON, ONE, PULL, RESET, RUN, TWO,
    answered, failed, failure, good, hello, logged_in, message, owner, owner_elsewhere, scripted,
    speaking, success,
};
use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, database, holds, login, saying, test};
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, Step, System, TlsMode};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn run(replies: Vec<Vec<u8>>) -> ProbeReport {
    let (fake, _) = scripted(replies).await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    assert_eq!(fake.accepted(), 1, "one connection per test");
    report
}

/// The heads of messages, which say what each is.
fn heads(messages: &[Vec<u8>]) -> Vec<&[u8]> {
    messages.iter().map(|message| &message[..2]).collect()
}

#[tokio::test]
async fn t11_one_connection_with_a_goodbye() {
    let (fake, mut heard) = scripted(good()).await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    let details = report.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("Neo4j 5.26.30"));
    assert_eq!(details.database_name.as_deref(), Some("app-db"));
    assert_eq!(report.password_required, Some(true));
    assert_eq!(fake.accepted(), 1);
    let messages = heard.all().await;
    assert_eq!(heads(&messages), [HELLO, LOGON, RUN, PULL, GOODBYE]);
}

#[tokio::test]
async fn t11_a_failed_login_takes_leave_and_is_not_tried_again() {
    let replies = vec![hello(), failure("Neo.ClientError.Security.Unauthorized")];
    let (fake, mut heard) = scripted(replies).await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert_eq!(fake.accepted(), 1, "no second try");
    // The query that came along with the login is not looked at.
    assert_eq!(heads(&heard.all().await), [HELLO, LOGON, RUN, PULL, GOODBYE]);
}

/// Since 5.1 the login is a message of its own, which follows HELLO.
#[tokio::test]
async fn each_version_carries_the_login_in_its_message() {
    for (version, place, names_library) in
        [(BOLT_4_4, HELLO, false), (BOLT_5_0, HELLO, false), (BOLT_5_8, LOGON, true)]
    {
        let mut replies = good();
        if place == HELLO {
            replies.remove(1);
        }
        let (fake, mut heard) = speaking(version, replies, false).await;
        let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        let messages = heard.all().await;
        for message in &messages {
            let with_login = holds(message, PASSWORD.as_bytes());
            assert_eq!(with_login, message.starts_with(place), "{version:?}");
            assert_eq!(with_login, holds(message, b"app_user"));
        }
        assert_eq!(holds(&messages[0], b"bolt_agent"), names_library);
    }
}

/// Whatever answers the greeting with something else than Bolt sees nothing of the record.
#[tokio::test]
async fn t09_the_password_goes_to_bolt_only() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\0\0\0\0", b"\0\0\0\x06"] {
        let (fake, mut heard) = saying(answer.to_vec()).await;
        let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
        let heard = heard.all().await;
        assert_eq!(heard.len(), 20, "the greeting alone: {heard:?}");
    }
}

/// A server names others wherever the protocol lets it; none of them is ever connected to.
#[tokio::test]
async fn t03_addresses_that_a_server_names_are_not_used() {
    let other = Fake::start(|_| async {}).await;
    let address = other.address.to_string();
    let names = |more: &[(&str, &str)]| {
        let about = [("address", address.as_str()), ("advertised_address", &address)];
        success(&[&about[..], more].concat())
    };
    let mut replies = good();
    replies[0] = names(&[("server", "Neo4j/5.26.30"), ("rt", &address), ("routing", &address)]);
    replies[1] = names(&[]);
    let (fake, mut heard) = scripted(replies).await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!((fake.accepted(), other.accepted()), (1, 0));
    // No ROUTE among them, and nothing about routing in HELLO.
    let messages = heard.all().await;
    assert_eq!(heads(&messages), [HELLO, LOGON, RUN, PULL, GOODBYE]);
    assert!(!holds(&messages[0], b"routing"));
    // A reading query: a member of a cluster answers it by itself.
    for message in messages.iter().filter(|message| message.starts_with(RUN)) {
        assert!(holds(message, b"\x84mode\x81r"));
    }

    let moved = failed("Neo.ClientError.Cluster.NotALeader");
    let (fake, _) = scripted([owner_elsewhere(&moved, "app_user"), moved.to_vec()].concat()).await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    assert_failed(&report, Step::Query, FailureCode::QueryFailed);
    assert_eq!(fake.accepted(), 1);
}

/// Under `require` somebody in between who answers in plain text gets nothing but a TLS greeting.
#[tokio::test]
async fn t08_stripped_tls_costs_the_test_and_not_the_password() {
    let (fake, mut heard) = saying([&BOLT_5_8[..], &hello()].concat()).await;
    for tls in [TlsMode::Require, TlsMode::VerifyFull] {
        let report = test(&ConnectSpec { tls, ..fake.spec(System::Neo4j) }, ENOUGH).await;
        assert_failed(&report, Step::Tls, FailureCode::TlsFailed);
        let heard = heard.all().await;
        assert!(heard.starts_with(b"\x16\x03"), "TLS: {heard:?}");
        assert!(!holds(&heard, b"p@ss") && !holds(&heard, b"app_user"));
    }
}

#[tokio::test]
async fn t17_what_the_server_repeats_is_not_shown() {
    let report = run(vec![hello(), failure(PASSWORD)]).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::QueryFailed);
    assert!(!message.contains("p@ss"), "{message}");
    assert!(!format!("{report:?}").contains(PASSWORD));

    let mut replies = good();
    replies[0] = success(&[("server", "Neo4j/\x1b[31m5 p@ss:w/r\x07d%20#?\x1b[0m")]);
    replies[3] = [owner("app_user"), success(&[("db", PASSWORD)])].concat();
    let details = run(replies).await.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("Neo4j [31m5 ***[0m"));
    assert_eq!(details.database_name.as_deref(), Some("***"));

    // The `/` of a password is one that could be taken for that before a version.
    let mut replies = good();
    replies[0] = success(&[("server", PASSWORD)]);
    let details = run(replies).await.result.expect("logs in");
    assert_eq!(details.server_version.as_deref(), Some("***"));
}

#[tokio::test]
async fn codes_decide_at_the_login_and_at_the_query() {
    for (code, at_login, at_query) in [
        (
            "Neo.ClientError.Security.Unauthorized",
            (FailureCode::AuthenticationFailed, Some(true)),
            FailureCode::AuthenticationFailed,
        ),
        (
            "Neo.ClientError.Security.AuthenticationRateLimit",
            (FailureCode::PermissionDenied, Some(true)),
            FailureCode::PermissionDenied,
        ),
        (
            "Neo.ClientError.Security.Forbidden",
            (FailureCode::PermissionDenied, None),
            FailureCode::PermissionDenied,
        ),
        (
            "Neo.ClientError.Database.DatabaseNotFound",
            (FailureCode::DatabaseNotFound, None),
            FailureCode::DatabaseNotFound,
        ),
        (
            "Neo.TransientError.General.DatabaseUnavailable",
            (FailureCode::QueryFailed, None),
            FailureCode::QueryFailed,
        ),
        (
            "Neo.TransientError.Request.NoThreadsAvailable",
            (FailureCode::TooManyConnections, None),
            FailureCode::TooManyConnections,
        ),
        (
            "Neo.DatabaseError.General.UnknownError",
            (FailureCode::QueryFailed, None),
            FailureCode::QueryFailed,
        ),
    ] {
        for replies in [vec![failure(code)], vec![hello(), failure(code)]] {
            let report = run(replies).await;
            assert_failed(&report, Step::Authenticate, at_login.0);
            assert_eq!(report.password_required, at_login.1, "{code}");
        }
        // The query fails, or begins well and fails on the way.
        let late = [success(&[]), [ONE, &failure(code)].concat()];
        for answer in [failed(code), late] {
            let replies = [owner_elsewhere(&answer, "app_user"), answer.to_vec()].concat();
            let report = run(replies).await;
            assert_failed(&report, Step::Query, at_query);
            assert_eq!(report.password_required, Some(true));
        }
    }
}

/// Whether the server asks for passwords is found out from the database, else from `system`, or
/// not at all; none of it fails a test whose smallest query is answered.
#[tokio::test]
async fn an_unknown_owner_fails_no_test() {
    let forbidden = &failed("Neo.ClientError.Security.Forbidden")[..];
    let unauthorized = &failed("Neo.ClientError.Security.Unauthorized")[..];
    let late = &[success(&[]), failure("Neo.ClientError.Procedure.ProcedureNotFound")][..];
    let one = &answered(&[ONE.to_vec()])[..];
    let [user, nobody] = ["app_user", ""].map(|name| answered(&[owner(name)]));
    let nothing = &answered(&[])[..];
    let two = &answered(&[owner(""), owner("")])[..];
    let reset = &[success(&[])][..];
    // Answers to the question in the database, and after a failure in `system`.
    for (replies, required) in [
        (vec![&user[..]], Some(true)),
        (vec![&nobody[..]], Some(false)),
        (vec![nothing, one], None),
        (vec![one, one], None),
        (vec![two, one], None),
        (vec![forbidden, reset, &user, one], Some(true)),
        (vec![unauthorized, reset, &nobody, one], Some(false)),
        (vec![late, reset, &user, one], Some(true)),
        (vec![forbidden, reset, nothing, one], None),
        (vec![forbidden, reset, forbidden, reset, one], None),
        (vec![forbidden, reset, late, reset, one], None),
    ] {
        let (fake, mut heard) = scripted([logged_in(), replies.concat()].concat()).await;
        let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, required);
        let mut asked = vec![HELLO, LOGON];
        for answer in replies {
            asked.extend(if answer.len() == 1 { &[RESET][..] } else { &[RUN, PULL] });
        }
        asked.push(GOODBYE);
        assert_eq!(heads(&heard.all().await), asked);
    }
}

/// Who has no password to show needs no owner to be asked for.
#[tokio::test]
async fn without_a_password_the_login_itself_tells() {
    let let_in = [vec![hello(), success(&[])], answered(&[ONE.to_vec()]).to_vec()].concat();
    for credentials in [None, login(Some("app_user"), None)] {
        let (fake, mut heard) = scripted(let_in.clone()).await;
        let spec = ConnectSpec { credentials, ..fake.spec(System::Neo4j) };
        let report = test(&spec, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(false));
        let messages = heard.all().await;
        assert_eq!(heads(&messages), [HELLO, LOGON, RUN, PULL, GOODBYE]);
        assert!(holds(&messages[1], b"\x84none"));
    }
    let (fake, _) = scripted(vec![hello(), failure("Neo.ClientError.Security.Unauthorized")]).await;
    let spec = ConnectSpec { credentials: login(None, None), ..fake.spec(System::Neo4j) };
    let report = test(&spec, ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationFailed);
    assert!(message.contains("none is given"), "{message}");
    assert_eq!(report.password_required, Some(true));
}

#[tokio::test]
async fn a_wrong_answer_is_never_a_success() {
    // The owner is not told, so that the smallest query decides.
    let query = |run: &[u8], pull: Vec<u8>| {
        [logged_in(), answered(&[]).to_vec(), vec![run.to_vec(), pull]].concat()
    };
    let ok = success(&[]);
    let mismatch = FailureCode::ProtocolMismatch;
    for (replies, step, code) in [
        (vec![IGNORED.to_vec()], Step::Authenticate, mismatch),
        (vec![ONE.to_vec()], Step::Authenticate, mismatch),
        (vec![hello(), IGNORED.to_vec()], Step::Authenticate, mismatch),
        (vec![hello(), ONE.to_vec()], Step::Authenticate, mismatch),
        // A request, a failure without a code, and a structure of another kind.
        (vec![message(0x01, &[0xA0])], Step::Authenticate, mismatch),
        (vec![message(0x7F, &[0xA0])], Step::Authenticate, mismatch),
        (vec![message(0x70, &[0x01])], Step::Authenticate, mismatch),
        (query(&ok, [TWO, &ok].concat()), Step::Query, FailureCode::QueryFailed),
        (query(&ok, [ONE, ONE, &ok].concat()), Step::Query, FailureCode::QueryFailed),
        (query(&ok, [owner("1"), ok.clone()].concat()), Step::Query, FailureCode::QueryFailed),
        (query(&ok, ok.clone()), Step::Query, FailureCode::QueryFailed),
        (query(ONE, ok.clone()), Step::Query, mismatch),
        (query(&ok, IGNORED.to_vec()), Step::Query, mismatch),
        (query(IGNORED, IGNORED.to_vec()), Step::Query, mismatch),
        (query(&failure("x"), ok.clone()), Step::Query, mismatch),
        // The question for the owner is one like any other.
        ([logged_in(), vec![ONE.to_vec()]].concat(), Step::Query, mismatch),
        ([logged_in(), vec![ok.clone(), IGNORED.to_vec()]].concat(), Step::Query, mismatch),
        ([logged_in(), vec![failure("x"), ok.clone()]].concat(), Step::Query, mismatch),
    ] {
        assert_failed(&run(replies).await, step, code);
    }
    // `system` answers another query: its 1 is no user.
    let one = answered(&[ONE.to_vec()]).to_vec();
    let replies = [logged_in(), one.clone(), one].concat();
    let (fake, _) = scripted(replies).await;
    let database = database("system", System::Neo4j);
    let report = test(&ConnectSpec { database, ..fake.spec(System::Neo4j) }, ENOUGH).await;
    assert_failed(&report, Step::Query, FailureCode::QueryFailed);
}

#[tokio::test]
async fn a_server_that_hangs_up_in_any_step_is_told_from_one_that_refuses() {
    let replies = good();
    for answered in 0..replies.len() {
        let (fake, _) = speaking(BOLT_5_8, replies[..answered].to_vec(), true).await;
        let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
        let step = if answered < logged_in().len() { Step::Authenticate } else { Step::Query };
        let message = assert_failed(&report, step, FailureCode::ServerClosed);
        assert!(message.contains("closed the connection"), "{message}");
        assert_eq!(fake.accepted(), 1, "no second try");
    }
    // As a server does that insists on TLS.
    let fake = Fake::start(|mut stream| async move {
        let _ = stream.read_exact(&mut [0; 20]).await;
    })
    .await;
    let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
    let message = assert_failed(&report, Step::Authenticate, FailureCode::ServerClosed);
    assert!(message.contains("set tls to require"), "{message}");
}

#[tokio::test]
async fn a_server_without_room_says_so_and_hangs_up() {
    let full = failure("Neo.TransientError.Request.NoThreadsAvailable");
    let ignored = IGNORED.to_vec();
    for (replies, step) in [
        (vec![full.clone()], Step::Authenticate),
        (vec![hello(), full.clone()], Step::Authenticate),
        ([logged_in(), vec![full.clone()]].concat(), Step::Query),
        ([logged_in(), vec![full.clone(), ignored]].concat(), Step::Query),
        ([logged_in(), answered(&[]).to_vec(), vec![full]].concat(), Step::Query),
    ] {
        let (fake, _) = speaking(BOLT_5_8, replies, true).await;
        let report = test(&fake.spec(System::Neo4j), ENOUGH).await;
        assert_failed(&report, step, FailureCode::TooManyConnections);
    }
}

/// Signs of life, records and chunks without an end.
#[tokio::test]
async fn t10_endless_answers_end() {
    let endless = [b"\0\0".to_vec(), ONE.to_vec(), b"\0\x01\x91".to_vec()];
    let running = [logged_in(), vec![success(&[])]].concat();
    for (chunk, before) in endless.iter().zip([vec![], running, vec![hello()]]) {
        let mut replies = before;
        let step = if replies.len() > 2 { Step::Query } else { Step::Authenticate };
        // More than a test reads (4 MiB).
        replies.push(chunk.repeat(5 * 1024 * 1024 / chunk.len()));
        let report = run(replies).await;
        assert_failed(&report, step, FailureCode::ProtocolMismatch);
    }
}

/// Each byte alone is a sign of life, in the protocol's own sense too.
#[tokio::test]
async fn t10_signs_of_life_do_not_move_the_deadline() {
    let fake = Fake::start(|mut stream| async move {
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        let mut bytes = BOLT_5_8.into_iter().chain(std::iter::repeat(0));
        while stream.write_all(&[bytes.next().expect("endless")]).await.is_ok() {
            beat.tick().await;
        }
    })
    .await;
    let began = Instant::now();
    let report = test(&fake.spec(System::Neo4j), Duration::from_millis(300)).await;
    // T10 allows 300 ms beyond the deadline.
    assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
    assert_failed(&report, Step::Authenticate, FailureCode::Timeout);
}
