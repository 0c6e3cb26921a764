//! `POST /api/v1/datastores/test-connection/`

use crate::test_connection::{assert_failed, redis, redis_at};
use datastore_tests::{
    CLOSED, DATASTORES, FakeServer, MASK, TestServer, by_parts, by_string, with, without,
};
use serde_json::{Value, json};

const TARGET: &str = "/api/v1/datastores/test-connection/";

#[test]
fn what_is_not_saved_is_tested_in_both_forms_and_stays_unsaved() {
    let server = TestServer::start();
    let redis = redis("the password", "7.0.15");
    let string = format!("redis://:the%20password@127.0.0.1:{}/2", redis.port());
    let bodies = [redis_at("a", redis.port(), "the password"), by_string("a", "redis", &string)];
    for body in &bodies {
        let answer = server.editor.post(TARGET, body).expect(200);
        let members = ["success", "response_time_ms", "message", "details", "error", "steps"];
        crate::create::assert_members(answer.text(), &members);
        let result = answer.json();
        assert_eq!(result["success"], true, "{result}");
        assert_eq!(result["details"]["server_version"], "Redis 7.0.15", "{result}");
    }
    assert_eq!(redis.seen().len(), 2);
    let wrong = redis_at("a", redis.port(), "a wrong one");
    let result = server.editor.post(TARGET, &wrong).expect(200).json();
    assert_failed(&result, "authenticate", "authentication_failed", "password");
    let (host, port) = CLOSED;
    let nowhere = with(by_parts("a"), json!({"server": host, "port": port}));
    let result = server.editor.post(TARGET, &nowhere).expect(200).json();
    assert_failed(&result, "connect", "connection_refused", "refused");
    assert_eq!(server.admin.get(DATASTORES).json()["count"], 0);
    assert_eq!(server.admin.get(&format!("{DATASTORES}?deleted=true")).json()["count"], 0);
    // It is no write, so that the name may be that of another one, or of the one to be changed.
    let _ = server.editor.create(&bodies[0]);
    assert_eq!(server.editor.post(TARGET, &bodies[0]).expect(200).json()["success"], true);
}

#[test]
fn it_takes_what_would_create_the_datastore_and_nothing_else() {
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let body = redis_at("a", silent.port(), "p");
    for wrong in [
        json!({}),
        without(body.clone(), &["name"]),
        without(body.clone(), &["password"]),
        with(body.clone(), json!({"port": 0, "system": "neo4j", "max_connections": 0})),
        with(body.clone(), json!({"connection_string": "redis://127.0.0.1"})),
        with(body.clone(), json!({"nope": 1, "tls": "sometimes"})),
        with(body.clone(), json!({ "password": MASK })),
        with(body.clone(), json!({"timeout_ms": 100})),
        by_string("a", "redis", &format!("redis://u:***@127.0.0.1:{}", silent.port())),
    ] {
        let expected = server.editor.post(DATASTORES, &wrong).errors(400, "validation_failed");
        assert!(!expected.is_empty(), "{wrong}");
        let found = server.editor.post(TARGET, &wrong).errors(400, "validation_failed");
        assert_eq!(found, expected, "{wrong}");
    }
    let query = server.editor.post(&format!("{TARGET}?verify=true"), &body);
    assert_eq!(query.errors(400, "invalid_query"), ["verify:unknown_parameter"]);
    let plain = server.editor.request("POST", TARGET).body("{}").send();
    plain.problem(415, "unsupported_media_type");
    server.viewer.post(TARGET, &json!({"nope": 1})).problem(403, "forbidden");
    let read = server.editor.get(TARGET);
    read.problem(405, "method_not_allowed");
    assert_eq!(read.header("allow"), Some("POST, OPTIONS"));
    assert!(silent.seen().is_empty(), "somebody connected");
}

#[test]
fn t01_a_denied_address_gets_not_one_packet() {
    let server = TestServer::with("connectivity.egress.deny = ['127.0.0.9/32']");
    let denied = FakeServer::at("127.0.0.9", |_| Vec::new());
    let body = with(redis_at("a", denied.port(), "p"), json!({"server": "127.0.0.9"}));
    let result = server.editor.post(TARGET, &body).expect(200).json();
    assert_failed(&result, "resolve", "blocked_by_policy", "");
    assert!(denied.seen().is_empty(), "somebody connected");
}

/// Who tested what, where and as whom, and what came of it; and no secret.
#[test]
fn every_test_is_in_the_audit() {
    let server = TestServer::start();
    let redis = redis("the password", "7");
    let place = format!("127.0.0.1:{}", redis.port());
    let body = with(redis_at("a", redis.port(), "the password"), json!({"username": "app"}));
    let path = server.editor.create_at(&body);
    let number = server.editor.get(&path).json()["id"].clone();
    let saved = format!("{path}test-connection/");
    for (target, body, id, expected) in [
        (saved.as_str(), json!({}), &number, ["saved", "app", "success"]),
        (
            &saved,
            json!({"username": "other", "password": "a wrong one"}),
            &number,
            ["candidate_login", "other", "authentication_failed"],
        ),
        (TARGET, body, &Value::Null, ["not_saved", "app", "success"]),
    ] {
        let request = server.editor.request("POST", target).header("X-Request-Id", "r-7");
        let _ = request.json(&body).send().expect(200);
        let audit = server.admin.get("/api/v1/audit/?action=connection_test").expect(200);
        let entry = audit.json()["results"][0].clone();
        let [tested, username, outcome] = expected;
        let now = |value: &str| json!({"from": null, "to": value});
        let changes = json!({
            "tested": now(tested), "target": now(&place), "username": now(username),
            "outcome": now(outcome),
        });
        assert_eq!(entry["changes"], changes);
        assert_eq!((&entry["datastore_id"], &entry["version"]), (id, &Value::Null));
        let by = (&entry["actor"], &entry["request_id"]);
        assert_eq!(by, (&json!("editor-token"), &json!("r-7")));
        for secret in ["the password", "a wrong one"] {
            assert!(!audit.text().contains(secret), "{}", audit.text());
        }
    }
}
