//! `connectivity.tls.minimum`: less TLS than the operator demands.

use crate::test_connection::assert_failed;
use datastore_tests::{DATASTORES, FakeServer, TestServer, by_parts, by_string, path_of, with};
use serde_json::json;

#[test]
fn t08_weaker_connections_are_not_written() {
    let server = TestServer::with("connectivity.tls.minimum = \"require\"");
    let weak = [
        (by_parts("a"), "tls"),
        (with(by_parts("a"), json!({"tls": "disable"})), "tls"),
        (by_string("a", "postgres", "postgres://u:secret@h/d"), "connection_string"),
        (by_string("a", "redis", "redis://:secret@h"), "connection_string"),
    ];
    let expected = |field: &str| [format!("{field}:tls_too_weak")];
    for (body, field) in &weak {
        for path in [DATASTORES.to_owned(), format!("{DATASTORES}test-connection/")] {
            let answer = server.editor.post(&path, body);
            assert_eq!(answer.errors(400, "validation_failed"), expected(field), "{body}");
            assert!(answer.text().contains("require"), "{}", answer.text());
        }
    }
    let strong = with(by_parts("a"), json!({"tls": "verify_full"}));
    let path = path_of(&server.editor.create(&strong));
    let password = json!({"tls": "prefer", "password": "anew"});
    for (answer, field) in [
        (server.editor.patch(&path, &password), "tls"),
        (server.editor.patch(&path, &json!({"tls": null, "password": "anew"})), "tls"),
        (server.editor.put(&path, &weak[0].0), "tls"),
        (server.editor.put(&path, &weak[2].0), "connection_string"),
    ] {
        assert_eq!(answer.errors(400, "validation_failed"), expected(field));
    }
    // With all else that is wrong.
    let worse = with(by_parts(""), json!({"port": 0}));
    let answer = server.editor.post(DATASTORES, &worse);
    let expected = ["name:blank", "port:out_of_range", "tls:tls_too_weak"];
    assert_eq!(answer.errors(400, "validation_failed"), expected);
    let _ = server.editor.create(&by_string("b", "redis", "rediss://:secret@h"));
}

#[test]
fn t08_what_was_stored_before_stays_and_is_not_logged_in_to() {
    let server = TestServer::start();
    let silent = FakeServer::silent();
    let body = with(by_parts("a"), json!({"server": "127.0.0.1", "port": silent.port()}));
    let path = server.editor.create_at(&body);
    let server = server.replica("connectivity.tls.minimum = \"require\"");
    let tested = server.editor.post(&format!("{path}test-connection/"), &json!({})).expect(200);
    assert_failed(&tested.json(), "tls", "tls_failed", "operator");
    assert!(silent.seen().iter().all(Vec::is_empty), "{:?}", silent.seen());
    // What does not touch the connection can be written, and what makes it strong enough.
    let _ = server.editor.patch(&path, &json!({"description": "still weak"})).expect(200);
    let weak = json!({"port": 5433, "password": "anew"});
    let answer = server.editor.patch(&path, &weak);
    assert_eq!(answer.errors(400, "validation_failed"), ["tls:tls_too_weak"]);
    let _ = server.editor.patch(&path, &json!({"tls": "require"})).expect(200);
}
