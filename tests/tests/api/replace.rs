//! `PUT /api/v1/datastores/{id}/`

use datastore_tests::{
    DATASTORES, MASK, TestServer, by_parts, by_string, example, path_of, with, without,
};
use serde_json::{Value, json};

#[test]
fn what_was_read_can_be_written_back_and_changes_nothing() {
    let server = TestServer::start();
    for body in [
        example(),
        by_string("s", "postgres", "postgres://u:pw@h:1/db?application_name=x"),
        with(by_parts("t"), json!({"database": "d", "tls": "require", "is_active": false})),
    ] {
        let path = server.editor.create_at(&body);
        let read = server.editor.get(&path).expect(200);
        let written = server.editor.put(&path, &read.json()).expect(200);
        assert_eq!(written.text(), read.text());
        assert_eq!(written.header("etag"), read.header("etag"));
        assert_eq!(server.editor.get(&path).text(), read.text());
    }
}

#[test]
fn what_is_absent_becomes_null_or_its_default() {
    let server = TestServer::start();
    let options = json!({
        "is_active": false, "max_connections": 5, "avg_response_time_ms": 1.5,
        "storage_capacity_gb": 2, "database": "main", "tls": "disable",
    });
    let created = server.editor.create(&with(by_parts("a"), options));
    let body = with(by_parts("b"), json!({"password": MASK, "description": "new"}));
    let replaced = server.editor.put(&path_of(&created), &body).expect(200).json();
    let expected = json!({
        "name": "b", "description": "new", "is_active": true, "max_connections": null,
        "avg_response_time_ms": null, "storage_capacity_gb": null, "database": null,
        "tls": "prefer", "updated_at": replaced["updated_at"],
    });
    assert_eq!(replaced, with(created.clone(), expected));
    assert!(replaced["updated_at"].as_str() > created["updated_at"].as_str());
}

#[test]
fn the_secret_or_its_mask_must_be_given() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let refused = server.editor.put(&path, &without(by_parts("a"), &["password"]));
    assert_eq!(refused.errors(400, "validation_failed"), ["password:required"]);
    let refused = server.editor.put(&path, &json!({"password": MASK}));
    assert_eq!(
        refused.errors(400, "validation_failed"),
        [
            "name:required",
            "type:required",
            "system:required",
            "description:required",
            "server:required",
            "port:required",
            "username:required",
        ]
    );
    let string = by_string("b", "redis", "redis://:pw@h/1");
    let path = server.editor.create_at(&string);
    let refused = server.editor.put(&path, &without(string, &["connection_string"]));
    let expected = ["server:required", "port:required", "username:required", "password:required"];
    assert_eq!(refused.errors(400, "validation_failed"), expected);
}

#[test]
fn a_complete_form_replaces_the_other() {
    let server = TestServer::start();
    let path = server.editor.create_at(&with(by_parts("a"), json!({"database": "d"})));
    let string = by_string("a", "postgres", "postgres://u:pw@h/db");
    let answer = server.editor.put(&path, &string).expect(200).json();
    assert_eq!(answer["connection_string"], "postgres://u:***@h/db");
    for member in ["server", "port", "username", "password", "database", "tls"] {
        assert_eq!(answer[member], Value::Null, "{member}");
    }
    let answer = server.editor.put(&path, &by_parts("a")).expect(200).json();
    assert_eq!(answer["connection_string"], Value::Null);
    assert_eq!((&answer["server"], &answer["password"]), (&json!("db.example"), &json!(MASK)));
}

#[test]
fn a_name_that_is_taken_is_a_conflict_and_the_own_one_is_not() {
    let server = TestServer::start();
    let _ = server.editor.create(&by_parts("taken"));
    let path = server.editor.create_at(&by_parts("a"));
    let refused = server.editor.put(&path, &by_parts("taken"));
    assert_eq!(refused.errors(409, "name_taken"), ["name:name_taken"]);
    let refused = server.editor.patch(&path, &json!({"name": "taken"}));
    assert_eq!(refused.errors(409, "name_taken"), ["name:name_taken"]);
    let _ = server.editor.put(&path, &by_parts("a")).expect(200);
    assert_eq!(server.editor.get(&path).json()["name"], "a");
}

#[test]
fn a_refused_write_stores_nothing() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let before = server.editor.get(&path);
    let bad = with(by_parts("b"), json!({"port": 0, "server": "elsewhere"}));
    server.editor.put(&path, &bad).problem(400, "validation_failed");
    server.editor.patch(&path, &json!({"name": "b", "port": 0})).problem(400, "validation_failed");
    let after = server.editor.get(&path);
    assert_eq!(after.text(), before.text());
    assert_eq!(after.header("etag"), before.header("etag"));
    server.editor.put(&format!("{DATASTORES}9/"), &by_parts("b")).problem(404, "not_found");
}
