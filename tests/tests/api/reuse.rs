//! `reuse` of `POST /api/v1/datastores/{id}/test-connection/`, and tests at the same time.

use crate::test_connection::{assert_failed, redis, redis_at};
use datastore_tests::{FakeServer, TestServer};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

fn checks(server: &TestServer, path: &str) -> Value {
    server.viewer.get(&format!("{path}performance/")).json()["observed"]["checks"].clone()
}

/// Tests the datastore at `path`, which has to be answered with a result.
fn test(server: &TestServer, path: &str, options: &Value) -> Value {
    server.editor.post(&format!("{path}test-connection/"), options).expect(200).json()
}

#[test]
fn a_kept_session_is_asked_again_and_the_answer_says_so() {
    let server = TestServer::start();
    let redis = redis("first secret", "7.0.15");
    let path = server.editor.create_at(&redis_at("a", redis.port(), "first secret"));
    let test = |options: Value| test(&server, &path, &options);
    let first = test(json!({"reuse": true}));
    assert_eq!(first["message"], "Connection successful");
    let again = test(json!({"reuse": true, "timeout_ms": 1000}));
    assert_eq!(redis.seen().len(), 1, "the session of the first test was there");
    assert_eq!(again["success"], true, "{again}");
    assert_eq!(again["message"], "Connection successful, over a session kept from an earlier test");
    assert_eq!(again["details"], first["details"], "also when it was made");
    let steps = again["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["ok"] == true), "{again}");
    assert!(steps[..4].iter().all(|step| step["elapsed_ms"] == 0), "{again}");
    assert_eq!(steps[4]["elapsed_ms"], again["response_time_ms"]);
    assert_eq!((&steps[2]["used"], &steps[3]["required"]), (&json!(false), &json!(true)));
    // Only those who ask for it get it.
    for options in [json!({}), json!({"reuse": false}), json!({"reuse": null})] {
        assert_eq!(test(options)["message"], "Connection successful");
    }
    assert_eq!(redis.seen().len(), 4);
    assert_eq!(checks(&server, &path), 5);
}

#[test]
fn t47_a_change_or_a_deletion_closes_the_session() {
    let server = TestServer::start();
    let redis = redis("first secret", "7");
    let path = server.editor.create_at(&redis_at("a", redis.port(), "first secret"));
    let test = || test(&server, &path, &json!({"reuse": true}));
    let _ = test();
    let _ = test();
    assert_eq!(redis.seen().len(), 1);
    let _ = server.editor.patch(&path, &json!({"description": "Another."})).expect(200);
    redis.await_ended(1);
    let _ = test();
    let _ = server.editor.delete(&path).expect(204);
    redis.await_ended(2);
    let farewells = redis.seen();
    assert!(farewells.iter().all(|seen| seen.ends_with(b"QUIT\r\n")), "{farewells:?}");
}

/// A login that is wrong by now is not told as right by a session from before.
#[test]
fn a_failed_test_closes_the_session() {
    let server = TestServer::start();
    let is_rotated = Arc::new(AtomicBool::new(false));
    let rotated = is_rotated.clone();
    let logged_in = Mutex::new(HashSet::new());
    // Who is logged in stays so, as with real servers.
    let redis = FakeServer::by_connection("127.0.0.1", move |connection, packet| {
        let asked = String::from_utf8_lossy(packet).contains("AUTH");
        let mut logged_in = logged_in.lock().expect("no panic");
        if asked && !rotated.load(Ordering::SeqCst) {
            logged_in.insert(connection);
            return b"+OK\r\n+PONG\r\n$-1\r\n".to_vec();
        }
        let answer = if asked { "-WRONGPASS x\r\n" } else { "-NOAUTH x\r\n" };
        let answer = if logged_in.contains(&connection) { "+PONG\r\n" } else { answer };
        answer.as_bytes().to_vec()
    });
    let path = server.editor.create_at(&redis_at("a", redis.port(), "first secret"));
    let test = |reuse: bool| test(&server, &path, &json!({ "reuse": reuse }));
    assert_eq!(test(true)["success"], true);
    is_rotated.store(true, Ordering::SeqCst);
    assert_eq!(test(true)["success"], true, "the session does not know");
    assert_failed(&test(false), "authenticate", "authentication_failed", "password");
    redis.await_ended(2);
    assert_failed(&test(true), "authenticate", "authentication_failed", "password");
    assert_eq!(redis.seen().len(), 3);
}

/// A replica that has not heard of the change notices it when it is asked next.
#[test]
fn t47_a_change_elsewhere_ends_the_session() {
    let server = TestServer::start();
    let redis = redis("first secret", "7");
    let path = server.editor.create_at(&redis_at("a", redis.port(), "first secret"));
    let test = || test(&server, &path, &json!({"reuse": true}));
    let _ = test();
    let elsewhere = server.replica("");
    // The password is written anew, and is wrong from now on.
    let _ = elsewhere.editor.patch(&path, &json!({"password": "a wrong one"})).expect(200);
    assert_failed(&test(), "authenticate", "authentication_failed", "password");
    redis.await_ended(2);
    assert_eq!(redis.seen().len(), 2);
}

#[test]
fn a_kept_session_proves_no_other_login() {
    let server = TestServer::start();
    let path = server.editor.create_at(&redis_at("a", 1, "first secret"));
    let refused = |body: Value| {
        let answer = server.editor.post(&format!("{path}test-connection/"), &body);
        answer.errors(400, "validation_failed")
    };
    assert_eq!(refused(json!({"reuse": true, "password": "p"})), ["reuse:conflict"]);
    assert_eq!(refused(json!({"reuse": "yes"})), ["reuse:invalid_type"]);
    // All at once, in the order of the members.
    let all = json!({"password": "", "reuse": true, "timeout_ms": 1});
    let expected = ["timeout_ms:out_of_range", "reuse:conflict", "password:blank"];
    assert_eq!(refused(all), expected);
    assert_eq!(refused(json!({"re_use": true})), ["re_use:unknown_member"]);
}

#[test]
fn tests_at_the_same_time_share_one_result() {
    const CALLERS: usize = 6;
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let path = server.editor.create_at(&redis_at("a", silent.port(), "first secret"));
    let target = format!("{path}test-connection/");
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let client = if number % 2 == 0 { &server.editor } else { &server.admin };
                let request = client.request("POST", &target).json(&json!({"timeout_ms": 3000}));
                scope.spawn(move || request.send().expect(200).json())
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("an answer")).collect()
    });
    assert_eq!(silent.seen().len(), 1, "one connection for all of them");
    assert_failed(&answers[0], "authenticate", "timeout", "timed out");
    let different: BTreeSet<_> = answers.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), 1, "{different:?}");
    // It was one check, that each of them asked for.
    assert_eq!(checks(&server, &path), 1);
    let audit = server.admin.get("/api/v1/audit/?action=connection_test").expect(200).json();
    let mut actors: Vec<_> = audit["results"].as_array().expect("entries").iter().collect();
    actors.retain(|entry| format!("/api/v1/datastores/{}/", entry["datastore_id"]) == path);
    assert_eq!(actors.len(), CALLERS, "{audit}");
    let by_admin = actors.iter().filter(|entry| entry["actor"] == "admin-token").count();
    assert_eq!(by_admin, CALLERS / 2, "{audit}");
}
