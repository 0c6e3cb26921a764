//! `POST /api/v1/datastores/{id}/test-connection/`, against servers that do as they are told. The
//! real PostgreSQL is asked in `process/main_job.rs`.

use datastore_testkit::live;
use datastore_tests::{CLOSED, FakeServer, TestServer, by_parts, by_string, with};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;

const STEPS: [&str; 5] = ["resolve", "connect", "tls", "authenticate", "query"];

/// A Redis that lets in whoever knows the password.
pub(crate) fn redis(password: &'static str, version: &'static str) -> FakeServer {
    let info = format!("# Server\r\nredis_version:{version}\r\n");
    let info = format!("${}\r\n{info}\r\n", info.len());
    let logged_in = Mutex::new(HashSet::new());
    FakeServer::by_connection("127.0.0.1", move |connection, packet| {
        let mut logged_in = logged_in.lock().expect("no panic");
        let text = String::from_utf8_lossy(packet).to_uppercase();
        let seen = String::from_utf8_lossy(packet).contains(password);
        let mut answer = String::new();
        if text.contains("AUTH") {
            if seen {
                logged_in.insert(connection);
            }
            answer += if seen { "+OK\r\n" } else { "-WRONGPASS invalid\r\n" };
        }
        let open = logged_in.contains(&connection);
        let reply = |known: &str| if open { known.to_owned() } else { "-NOAUTH needed\r\n".into() };
        for (command, known) in
            [("SELECT", "+OK\r\n"), ("PING", "+PONG\r\n"), ("INFO", &info), ("QUIT", "+OK\r\n")]
        {
            if text.contains(command) {
                answer += &reply(known);
            }
        }
        answer.into_bytes()
    })
}

/// A datastore of such a Redis.
pub(crate) fn redis_at(name: &str, port: u16, password: &str) -> Value {
    let members = json!({
        "type": "keyvalue", "system": "redis", "server": "127.0.0.1", "port": port,
        "username": "default", "password": password,
    });
    with(by_parts(name), members)
}

#[track_caller]
fn test(server: &TestServer, body: &Value, options: &Value) -> Value {
    let path = server.editor.create_at(body);
    server.editor.post(&format!("{path}test-connection/"), options).expect(200).json()
}

/// Insists on a failure at `step`: what lies before went well, what lies behind was not reached.
#[track_caller]
pub(crate) fn assert_failed(result: &Value, step: &str, code: &str, word: &str) {
    assert_eq!(result["success"], false, "{result}");
    assert_eq!(result["details"], Value::Null, "{result}");
    assert_eq!(result["error"], json!({"step": step, "code": code}), "{result}");
    let message = result["message"].as_str().expect("a message");
    assert!(message.to_lowercase().contains(word), "{word} in {message}");
    let at = STEPS.iter().position(|s| *s == step).expect("a step");
    let steps = result["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 5, "{result}");
    for (place, reported) in steps.iter().enumerate() {
        assert_eq!(reported["step"], STEPS[place], "{result}");
        let expected = match place.cmp(&at) {
            std::cmp::Ordering::Less => json!(true),
            std::cmp::Ordering::Equal => json!(false),
            std::cmp::Ordering::Greater => Value::Null,
        };
        assert_eq!(reported["ok"], expected, "{result}");
        assert_eq!(reported["elapsed_ms"].is_number(), place <= at, "{result}");
        assert_eq!(reported.get("used").is_some(), STEPS[place] == "tls", "{result}");
        assert_eq!(reported.get("required").is_some(), STEPS[place] == "authenticate", "{result}");
    }
}

#[test]
fn a_success_has_the_shape_of_the_requirements() {
    let server = TestServer::start();
    let redis = redis("first secret", "7.0.15");
    let string = format!("redis://:first%20secret@127.0.0.1:{}/2", redis.port());
    let path = server.editor.create_at(&by_string("a", "redis", &string));
    let answer = server.editor.post(&format!("{path}test-connection/"), &json!({})).expect(200);
    let members = ["success", "response_time_ms", "message", "details", "error", "steps"];
    crate::create::assert_members(answer.text(), &members);
    let result = answer.json();
    assert_eq!((&result["success"], &result["error"]), (&json!(true), &Value::Null), "{result}");
    assert_eq!(result["message"], "Connection successful");
    assert!(result["response_time_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{result}");
    let details = &result["details"];
    let named: Vec<_> = details.as_object().expect("details").keys().collect();
    assert_eq!(named, ["connected_at", "database_name", "server_version"]);
    assert!(details["server_version"].as_str().is_some_and(|v| v.contains("7.0.15")), "{details}");
    assert_eq!(details["database_name"], "2");
    assert!(details["connected_at"].as_str().is_some_and(|t| t.len() == 27 && t.ends_with('Z')));
    let steps = result["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|s| s["ok"] == true && s["elapsed_ms"].is_number()), "{result}");
    assert_eq!((&steps[2]["used"], &steps[3]["required"]), (&json!(false), &json!(true)));
    // One connection a test, each test a fresh one.
    let _ = server.editor.post(&format!("{path}test-connection"), &json!({})).expect(200);
    assert_eq!(redis.seen().len(), 2);
}

/// A real MariaDB, by parts and by both schemes of a string.
#[test]
fn mariadb_in_each_form_live() {
    let server = TestServer::start();
    let url = live("TEST_MARIADB_URL");
    let (login, place) = url.rsplit_once('@').expect("a login");
    let (address, _) = place.split_once('/').expect("a database");
    let (host, port) = address.split_once(':').expect("a port");
    let port: u16 = port.parse().expect("a number");
    let parts = json!({
        "system": "mysql", "server": host, "port": port, "username": "app_user",
        "password": live("TEST_DATABASE_PASSWORD"), "database": "app_db", "tls": "require",
    });
    let mariadb = login.replacen("mysql://", "mariadb://", 1);
    for body in [
        with(by_parts("a"), parts),
        by_string("b", "mysql", &format!("{url}?ssl-mode=REQUIRED")),
        by_string("c", "mysql", &format!("{mariadb}@{place}?ssl-mode=REQUIRED")),
    ] {
        let result = test(&server, &body, &json!({}));
        assert_eq!(result["success"], true, "{result}");
        let version = result["details"]["server_version"].as_str().expect("a version");
        assert!(version.starts_with("MariaDB "), "{version}");
        assert_eq!(result["details"]["database_name"], "app_db");
        let steps = (&result["steps"][2]["used"], &result["steps"][3]["required"]);
        assert_eq!(steps, (&json!(true), &json!(true)));
    }
    let wrong = by_string("d", "mysql", &format!("mysql://app_user:wrong@{place}"));
    let result = test(&server, &wrong, &json!({}));
    assert_failed(&result, "authenticate", "authentication_failed", "password");
}

#[test]
fn failures_say_what_failed_and_where() {
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let garbage = FakeServer::at("127.0.0.1", |_| b"220 mail.example ESMTP\r\n".to_vec());
    let redis = redis("the right one", "7");
    let (host, port) = CLOSED;
    let at = |port: u16| json!({"name": port.to_string(), "server": "127.0.0.1", "port": port});
    let quickly = json!({"timeout_ms": 100});
    let refused = with(by_parts("a"), json!({"server": host, "port": port}));
    assert_failed(&test(&server, &refused, &json!({})), "connect", "connection_refused", "refused");
    let body = with(by_parts(""), at(silent.port()));
    let result = test(&server, &body, &quickly);
    assert_failed(&result, "tls", "timeout", "timed out");
    assert!(result["response_time_ms"].as_f64().is_some_and(|ms| ms >= 100.0), "{result}");
    let body = with(by_parts(""), at(garbage.port()));
    assert_eq!(test(&server, &body, &json!({}))["error"]["code"], "protocol_mismatch");
    let members = json!({"type": "keyvalue", "system": "redis"});
    let body = with(with(by_parts(""), at(redis.port())), members);
    let result = test(&server, &body, &json!({}));
    assert_failed(&result, "authenticate", "authentication_failed", "password");
}

#[test]
fn a_name_that_does_not_resolve_fails_at_the_first_step() {
    let server = TestServer::start();
    let body = with(by_parts("a"), json!({"server": "no-such-host.invalid"}));
    let result = test(&server, &body, &json!({}));
    assert_eq!(result["error"]["step"], "resolve", "{result}");
    let message = result["message"].as_str().expect("a message").to_lowercase();
    assert!(message.contains("resolve") || message.contains("resolving"), "{message}");
}

#[test]
fn t01_a_denied_address_gets_not_one_packet_and_leaves_no_record() {
    let server = TestServer::with("connectivity.egress.deny = ['127.0.0.9/32']");
    let denied = FakeServer::at("127.0.0.9", |_| Vec::new());
    for (at, host) in [
        "127.0.0.9",
        "::ffff:127.0.0.9",
        "[::ffff:7f00:9]",
        "2130706441",
        "0x7f000009",
        "0177.0.0.011",
        "127.9",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "fe80::1%lo",
    ]
    .into_iter()
    .enumerate()
    {
        let members = json!({"name": at.to_string(), "server": host, "port": denied.port()});
        let path = server.editor.create_at(&with(by_parts(""), members));
        let tested = server.editor.post(&format!("{path}test-connection/"), &json!({}));
        let result = tested.expect(200).json();
        assert_failed(&result, "resolve", "blocked_by_policy", "");
        assert_eq!(result["response_time_ms"], Value::Null, "{host}: not one packet left");
        let performance = server.viewer.get(&format!("{path}performance/")).json();
        assert_eq!(performance["observed"]["checks"], 0, "{host}");
    }
    assert!(denied.seen().is_empty(), "somebody connected");
}

#[test]
fn options_are_checked_and_may_be_left_out() {
    let server = TestServer::start();
    let (host, port) = CLOSED;
    let path = server.editor.create_at(&with(by_parts("a"), json!({"server": host, "port": port})));
    let target = format!("{path}test-connection/");
    let post = |body: &str| {
        let request = server.editor.request("POST", &target);
        request.header("Content-Type", "application/json").body(body).send()
    };
    for body in
        ["", "{}", r#"{"timeout_ms":100}"#, r#"{"timeout_ms":30000.0}"#, r#"{"timeout_ms":null}"#]
    {
        let _ = post(body).expect(200);
    }
    let _ = server.editor.request("POST", &target).send().expect(200);
    for body in [r#"{"timeout_ms":99}"#, r#"{"timeout_ms":30001}"#, r#"{"timeout_ms":150.5}"#] {
        assert_eq!(
            post(body).errors(400, "validation_failed"),
            ["timeout_ms:out_of_range"],
            "{body}"
        );
    }
    let answer = post(r#"{"timeout_ms":"100"}"#);
    assert_eq!(answer.errors(400, "validation_failed"), ["timeout_ms:invalid_type"]);
    let answer = post(r#"{"timout_ms":100}"#);
    assert_eq!(answer.errors(400, "validation_failed"), ["timout_ms:unknown_member"]);
    assert!(answer.text().contains("did you mean timeout_ms?"));
    post("{").problem(400, "malformed_json");
    server.editor.request("POST", &target).body("{}").send().problem(415, "unsupported_media_type");
}

#[test]
fn t13_a_full_house_is_told_at_once() {
    let server = TestServer::with("connectivity.slots = 1");
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (reached, arrived) = std::sync::mpsc::channel();
    let slow = FakeServer::at("127.0.0.1", move |_| {
        let _ = reached.send(());
        let _ = wait.lock().expect("one at a time").recv();
        Vec::new()
    });
    let there = |name: &str| json!({"name": name, "server": "127.0.0.1", "port": slow.port()});
    let first = server.editor.create_at(&with(by_parts(""), there("a")));
    let second = server.editor.create_at(&with(by_parts(""), there("b")));
    std::thread::scope(|scope| {
        let target = format!("{first}test-connection/");
        let long = json!({"timeout_ms": 30000});
        let editor = &server.editor;
        let running = scope.spawn(move || editor.post(&target, &long));
        arrived.recv().expect("the first test connects");
        let full = server.editor.post(&format!("{second}test-connection/"), &json!({}));
        full.problem(503, "probe_capacity_exceeded");
        assert!(full.header("retry-after").is_some());
        drop(release);
        drop(slow);
        let ended = running.join().expect("an answer").expect(200).json();
        assert_eq!(ended["success"], false, "{ended}");
    });
}

#[test]
fn t17_what_the_server_repeats_is_not_passed_on() {
    let server = TestServer::start();
    let secret = "canary-secret-17";
    let echoing = FakeServer::at("127.0.0.1", |packet| {
        let text = String::from_utf8_lossy(packet).into_owned();
        match text.contains("AUTH") {
            true => b"-ERR no: canary-secret-17 \x1b[31m\r\n".to_vec(),
            false => b"-NOAUTH needed\r\n".to_vec(),
        }
    });
    let telling = redis("canary-secret-17", "7\u{1b}[31m canary-secret-17");
    for (name, port) in [("a", echoing.port()), ("b", telling.port())] {
        let members = json!({
            "name": name, "type": "keyvalue", "system": "redis", "server": "127.0.0.1",
            "port": port, "username": "default", "password": secret,
        });
        let path = server.editor.create_at(&with(by_parts(""), members));
        let answer = server.editor.post(&format!("{path}test-connection/"), &json!({})).expect(200);
        assert!(!answer.text().contains("canary"), "{}", answer.text());
        assert!(!answer.text().contains("\\u001b") && !answer.text().contains('\u{1b}'));
        let performance = server.editor.get(&format!("{path}performance/"));
        assert!(!performance.text().contains("canary"), "{}", performance.text());
    }
    assert_eq!((echoing.seen().len(), telling.seen().len()), (1, 1));
}
