//! `?verify=true` and `connectivity.verify_on_write`: what cannot be reached is not stored.

use crate::test_connection::{assert_failed, redis, redis_at};
use datastore_tests::{CLOSED, DATASTORES, FakeServer, Response, TestServer, with};
use serde_json::{Value, json};

/// `PUT`, and `PATCH` of the same, as a whole.
const WRITES: [&str; 2] = ["PUT", "PATCH"];

fn write(server: &TestServer, method: &str, target: &str, body: &Value) -> Response {
    server.editor.request(method, target).json(body).send()
}

/// Insists that a write was refused for what the test of its connection found.
#[track_caller]
fn assert_not_verified(answer: &Response, step: &str, code: &str, word: &str) {
    let problem = answer.problem(400, "connection_failed");
    assert_failed(&problem["result"], step, code, word);
    let message = problem["result"]["message"].as_str().expect("text");
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains(message)), "{problem}");
    assert!(!answer.text().contains("wrong one"), "{problem}");
}

#[test]
fn what_fails_its_test_is_not_stored() {
    let server = TestServer::start();
    let redis = redis("the password", "7");
    let collection = format!("{DATASTORES}?verify=true");
    let good = redis_at("a", redis.port(), "the password");
    let wrong = redis_at("b", redis.port(), "a wrong one");
    let refused = server.editor.post(&collection, &wrong);
    assert_not_verified(&refused, "authenticate", "authentication_failed", "password");
    assert_eq!(server.admin.get(DATASTORES).json()["count"], 0);
    assert_eq!(redis.seen().len(), 1);
    let created = server.editor.post(&collection, &good).expect(201).json();
    let path = datastore_tests::path_of(&created);
    let target = format!("{path}?verify=true");
    let (before, sealed) = (server.editor.get(&path), server.sealed(&path));
    let (host, port) = CLOSED;
    for method in WRITES {
        let refused = write(&server, method, &target, &wrong);
        assert_not_verified(&refused, "authenticate", "authentication_failed", "password");
        let nowhere = with(good.clone(), json!({"server": host, "port": port}));
        let refused = write(&server, method, &target, &nowhere);
        assert_not_verified(&refused, "connect", "connection_refused", "refused");
        let after = server.editor.get(&path);
        assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")));
        assert_eq!(server.sealed(&path), sealed, "{method}");
    }
    let history = server.admin.get(&format!("{path}history/")).json();
    assert_eq!(history["count"], 1, "the creation: {history}");
    for (method, name) in WRITES.into_iter().zip(["c", "d"]) {
        let body = with(good.clone(), json!({ "name": name }));
        let answer = write(&server, method, &target, &body).expect(200).json();
        assert_eq!(answer["name"], name);
    }
}

#[test]
fn a_kept_secret_is_tested_where_it_is_kept() {
    let server = TestServer::start();
    let redis = redis("the password", "7");
    let path = server.editor.create_at(&redis_at("a", redis.port(), "the password"));
    let target = format!("{path}?verify=true");
    let current = server.editor.get(&path).json();
    let answer = write(&server, "PUT", &target, &with(current, json!({"database": "2"})));
    assert_eq!(answer.expect(200).json()["database"], "2");
    let _ = write(&server, "PATCH", &target, &json!({"name": "b"})).expect(200);
    assert_eq!(redis.seen().len(), 2);
    assert!(redis.seen().iter().all(|c| String::from_utf8_lossy(c).contains("the password")));
}

#[test]
fn what_would_be_refused_or_change_nothing_is_not_tested() {
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let body = redis_at("a", silent.port(), "p");
    let path = server.editor.create_at(&body);
    let target = format!("{path}?verify=true");
    let collection = format!("{DATASTORES}?verify=true");
    let invalid = with(body.clone(), json!({"port": 0}));
    for (method, target) in [("POST", &collection), ("PUT", &target), ("PATCH", &target)] {
        let answer = write(&server, method, target, &invalid);
        assert_eq!(answer.errors(400, "validation_failed"), ["port:out_of_range"], "{method}");
        let viewer = server.viewer.request(method, target).json(&body).send();
        viewer.problem(403, "forbidden");
        for wrong in ["yes", "", "TRUE", "1"] {
            let target = target.replace("true", wrong);
            let errors = write(&server, method, &target, &body).errors(400, "invalid_query");
            assert_eq!(errors, ["verify:invalid_value"], "{method} {wrong}");
        }
        let twice = format!("{target}&verify=false");
        let errors = write(&server, method, &twice, &body).errors(400, "invalid_query");
        assert_eq!(errors, ["verify:duplicate_parameter"], "{method}");
    }
    for method in WRITES {
        let stale = server.editor.request(method, &target).header("If-Match", "\"99-c\"");
        stale.json(&body).send().problem(412, "precondition_failed");
        let nowhere = format!("{DATASTORES}999/?verify=true");
        write(&server, method, &nowhere, &body).problem(404, "not_found");
    }
    let _ = server.editor.patch(&target, &json!({"name": "a"})).expect(200);
    // Nor what nobody asked to be tested.
    let unasked = format!("{path}?verify=false");
    let _ = server.editor.patch(&unasked, &json!({"name": "b", "password": "q"})).expect(200);
    let gone = server.editor.delete(&target);
    assert_eq!(gone.errors(400, "invalid_query"), ["verify:unknown_parameter"]);
    assert!(silent.seen().is_empty(), "somebody connected");
}

#[test]
fn by_the_operators_rule_no_connection_is_stored_untested() {
    let server = TestServer::with("connectivity.verify_on_write = true");
    let redis = redis("the password", "7");
    let good = redis_at("a", redis.port(), "the password");
    let wrong = redis_at("b", redis.port(), "a wrong one");
    let failed = ("authenticate", "authentication_failed", "password");
    for target in [DATASTORES.to_owned(), format!("{DATASTORES}?verify=false")] {
        let refused = server.editor.post(&target, &wrong);
        assert_not_verified(&refused, failed.0, failed.1, failed.2);
    }
    let path = server.editor.create_at(&good);
    for target in [path.clone(), format!("{path}?verify=false")] {
        let refused = server.editor.patch(&target, &json!({"password": "a wrong one"}));
        assert_not_verified(&refused, failed.0, failed.1, failed.2);
        let refused = server.editor.put(&target, &wrong);
        assert_not_verified(&refused, failed.0, failed.1, failed.2);
    }
    // One that is down can still be renamed, and taken out of use.
    drop(redis);
    let change = json!({"name": "c", "is_active": false});
    let _ = server.editor.patch(&path, &change).expect(200);
    let again = json!({"port": server.editor.get(&path).json()["port"], "database": "3"});
    let refused = server.editor.patch(&path, &again);
    assert_not_verified(&refused, "connect", "connection_refused", "refused");
    let asked = server.editor.patch(&format!("{path}?verify=true"), &json!({"name": "d"}));
    assert_not_verified(&asked, "connect", "connection_refused", "refused");
    assert_eq!(server.editor.get(&path).json()["name"], "c");
}
