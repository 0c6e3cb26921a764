//! `password` and `username` of `POST /api/v1/datastores/{id}/test-connection/`: a login that is tried
//! and not stored.

use crate::test_connection::{assert_failed, redis, redis_at};
use datastore_tests::{FakeServer, MASK, TestServer, by_string, with};
use serde_json::json;

/// What all connections together sent, as text.
fn heard(server: &FakeServer) -> String {
    String::from_utf8_lossy(&server.seen().concat()).into_owned()
}

#[test]
fn a_rotated_password_is_proven_before_it_is_written() {
    let server = TestServer::start();
    // T17: a server that was told the stored password before repeats it.
    let redis = redis("the new one", "7 the old one");
    let string = format!("redis://app:the%20old%20one@127.0.0.1:{}/2", redis.port());
    let by_parts = with(redis_at("a", redis.port(), "the old one"), json!({"username": "app"}));
    for body in [by_parts, by_string("b", "redis", &string)] {
        let path = server.editor.create_at(&body);
        let target = format!("{path}test-connection/");
        let before = (server.editor.get(&path), server.sealed(&path));
        let stored = server.editor.post(&target, &json!({})).expect(200).json();
        assert_failed(&stored, "authenticate", "authentication_failed", "password");
        let tried = heard(&redis);
        let answer = server.editor.post(&target, &json!({"password": "the new one"})).expect(200);
        assert_eq!(answer.json()["success"], true, "{}", answer.text());
        assert!(!answer.text().contains("the new one"), "{}", answer.text());
        assert_eq!(answer.json()["details"]["server_version"], "Redis 7 ***");
        let another = json!({"username": "next", "password": "the new one", "timeout_ms": 30000});
        let answer = server.editor.post(&target, &another).expect(200).json();
        assert_eq!(answer["success"], true, "{answer}");
        // As the stored user, then as the other one; the stored password is not tried again.
        let since = heard(&redis).split_off(tried.len());
        assert!(since.contains("app") && since.contains("next"), "{since}");
        assert!(!since.contains("the old one"), "{since}");
        // Nothing of it is stored, and it says nothing about the datastore.
        let after = (server.editor.get(&path), server.sealed(&path));
        assert_eq!(after.0.header("etag"), before.0.header("etag"));
        assert_eq!((after.0.text(), after.1), (before.0.text(), before.1));
        let performance = server.viewer.get(&format!("{path}performance/")).json();
        assert_eq!(performance["observed"]["checks"], 1, "{performance}");
        // What was proven is written.
        let string = string.replace("old", "new");
        let rotated = match body.get("connection_string") {
            None => json!({"password": "the new one"}),
            Some(_) => json!({ "connection_string": string }),
        };
        let _ = server.editor.patch(&path, &rotated).expect(200);
        let stored = server.editor.post(&target, &json!({})).expect(200).json();
        assert_eq!(stored["success"], true, "{stored}");
    }
}

#[test]
fn t14_the_stored_password_is_tried_for_the_stored_user_alone() {
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let path = server.editor.create_at(&redis_at("a", silent.port(), "the stored one"));
    let target = format!("{path}test-connection/");
    for (body, expected) in [
        (json!({"username": "other"}), &["password:reentry_required"][..]),
        (json!({"username": "default"}), &["password:reentry_required"]),
        (json!({"username": "other", "password": null}), &["password:reentry_required"]),
        (json!({"username": "other", "password": MASK}), &["password:masked_value"]),
        (json!({"password": MASK}), &["password:masked_value"]),
        (json!({"username": 7, "password": "p"}), &["username:invalid_type"]),
        (json!({"username": "a\nb", "password": "p"}), &["username:invalid_character"]),
        (json!({"password": ""}), &["password:blank"]),
        (json!({"password": "a\u{0}b"}), &["password:invalid_character"]),
        (
            json!({"username": "", "password": 7, "timeout_ms": 1, "server": "127.0.0.1"}),
            &[
                "timeout_ms:out_of_range",
                "username:blank",
                "password:invalid_type",
                "server:unknown_member",
            ],
        ),
    ] {
        let answer = server.editor.post(&target, &body);
        assert_eq!(answer.errors(400, "validation_failed"), expected, "{body}");
    }
    assert!(silent.seen().is_empty(), "somebody connected");
}
