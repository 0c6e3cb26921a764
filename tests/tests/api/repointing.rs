//! T14: nobody has a stored secret sent to a place of their own.

use datastore_tests::{
    CLOSED, DATASTORES, FakeServer, MASK, TestServer, by_parts, by_string, with, without,
};
use serde_json::{Value, json};

/// What an editor may try on a datastore by parts, and which member it must name.
fn attempts_on_parts(port: u16) -> Vec<(Value, &'static str)> {
    let there = json!({"server": "127.0.0.1", "port": port});
    vec![
        (json!({"server": "127.0.0.1"}), "password"),
        (json!({ "port": port }), "password"),
        (json!({"username": "other"}), "password"),
        (json!({"tls": "prefer"}), "password"),
        (json!({"tls": "disable"}), "password"),
        (json!({"tls": null}), "password"),
        (json!({"system": "mysql"}), "password"),
        (json!({"type": "keyvalue", "system": "redis", "database": "0"}), "password"),
        (there.clone(), "password"),
        (with(there.clone(), json!({"password": MASK})), "password"),
        (with(there.clone(), json!({"connection_string": null, "password": MASK})), "password"),
    ]
}

/// What an editor may change of a datastore to have its secret sent to the thief: a name for it,
/// where the datastore is, the change, and the member that must be given anew.
fn repointings(thief: u16) -> [(&'static str, Value, Value, &'static str); 7] {
    let there = json!({"server": "127.0.0.1", "port": thief});
    let string = format!("postgres://app_user:***@127.0.0.1:{thief}/d");
    let other_form = json!({
        "server": null, "port": null, "username": null, "password": null, "database": null,
        "tls": null, "connection_string": string,
    });
    let elsewhere = json!({"server": CLOSED.0, "port": thief});
    let closed = json!({"server": "127.0.0.1", "port": CLOSED.1});
    [
        ("server", elsewhere, json!({"server": "127.0.0.1"}), "password"),
        ("port", closed, json!({ "port": thief }), "password"),
        ("username", there.clone(), json!({"username": "other"}), "password"),
        ("tls", there.clone(), json!({"tls": "prefer"}), "password"),
        ("tls", there.clone(), json!({"tls": "disable"}), "password"),
        ("system", there.clone(), json!({"system": "mysql"}), "password"),
        ("connection_string", there, other_form, "connection_string"),
    ]
}

/// Every route that takes members of a datastore, with every member that says where its secret goes.
#[test]
fn t14_no_write_sends_a_kept_secret_to_another_place() {
    let server = TestServer::start();
    let thief = FakeServer::silent();
    for (number, (member, place, change, field)) in
        repointings(thief.port()).into_iter().enumerate()
    {
        let tls = json!({"name": number.to_string(), "tls": "require", "database": "d"});
        let path = server.editor.create_at(&with(with(by_parts(""), place), tls));
        let (current, sealed) = (server.editor.get(&path).json(), server.sealed(&path));
        let whole = with(current.clone(), change.clone());
        let reentry = format!("{field}:reentry_required");
        let masked = format!("{field}:masked_value");
        let unknown = match member {
            "username" => "password:reentry_required".to_owned(),
            _ => format!("{member}:unknown_member"),
        };
        let not_taken = "name:unknown_member".to_owned();
        let test = format!("{path}test-connection/");
        let verified = |target: &str| format!("{target}?verify=true");
        for (method, target, body, expected) in [
            ("PATCH", path.as_str(), &change, &reentry),
            ("PATCH", &verified(&path), &change, &reentry),
            ("PUT", &path, &whole, &reentry),
            ("PUT", &verified(&path), &whole, &reentry),
            ("POST", DATASTORES, &whole, &masked),
            ("POST", &verified(DATASTORES), &whole, &masked),
            ("POST", "/api/v1/datastores/test-connection/", &whole, &masked),
            ("POST", &test, &change, &unknown),
            ("POST", &test, &whole, &not_taken),
        ] {
            let refused = server.editor.request(method, target).json(body).send();
            let errors = refused.errors(400, "validation_failed");
            assert!(errors.contains(expected), "{method} {target} {change}: {errors:?}");
        }
        assert_eq!(server.editor.get(&path).json(), current, "{change}");
        assert_eq!(server.sealed(&path), sealed, "{change}");
    }
    assert!(thief.seen().is_empty(), "somebody connected");
}

/// Both ways to change a datastore are refused, verified or not.
#[track_caller]
fn assert_reentry(server: &TestServer, path: &str, current: &Value, attempt: &Value, field: &str) {
    let expected = [format!("{field}:reentry_required")];
    let whole = with(current.clone(), attempt.clone());
    for target in [path, &format!("{path}?verify=true")] {
        let patched = server.editor.patch(target, attempt);
        assert_eq!(patched.errors(400, "validation_failed"), expected, "PATCH {attempt}");
        let put = server.editor.put(target, &whole);
        assert_eq!(put.errors(400, "validation_failed"), expected, "PUT {attempt}");
    }
    assert_eq!(&server.editor.get(path).json(), current, "{attempt}");
}

#[test]
fn t14_a_kept_password_stays_where_it_belongs() {
    let server = TestServer::start();
    let thief = FakeServer::silent();
    let (host, port) = CLOSED;
    let body = json!({"server": host, "port": port, "tls": "require", "database": "d"});
    let path = server.editor.create_at(&with(by_parts("a"), body));
    let current = server.editor.get(&path).json();
    for (attempt, field) in attempts_on_parts(thief.port()) {
        assert_reentry(&server, &path, &current, &attempt, field);
    }
    let tested = server.editor.post(&format!("{path}test-connection/"), &json!({})).expect(200);
    assert_eq!(tested.json()["error"]["code"], "connection_refused");
    assert!(thief.seen().is_empty(), "somebody connected");
}

#[test]
fn t14_no_route_takes_another_host_for_a_stored_secret() {
    let server = TestServer::start();
    let thief = FakeServer::silent();
    let (host, port) = CLOSED;
    let path = server.editor.create_at(&with(by_parts("a"), json!({"server": host, "port": port})));
    for (member, value) in [
        ("server", json!("127.0.0.1")),
        ("port", json!(thief.port())),
        ("host", json!("127.0.0.1")),
        ("connection_string", json!(format!("postgres://u@127.0.0.1:{}/d", thief.port()))),
        ("tls", json!("disable")),
    ] {
        let answer =
            server.editor.post(&format!("{path}test-connection/"), &json!({ member: value }));
        let expected = [format!("{member}:unknown_member")];
        assert_eq!(answer.errors(400, "validation_failed"), expected);
        let answer = server.editor.post(&format!("{path}test-connection/?{member}=x"), &json!({}));
        let expected = [format!("{member}:unknown_parameter")];
        assert_eq!(answer.errors(400, "invalid_query"), expected);
    }
    assert!(thief.seen().is_empty(), "somebody connected");
}

#[test]
fn t14_a_kept_string_stays_where_it_belongs() {
    let server = TestServer::start();
    let thief = FakeServer::silent();
    let string = "mysql://u:secret7@db.example/d?ssl-mode=REQUIRED";
    let path = server.editor.create_at(&by_string("a", "mysql", string));
    let current = server.editor.get(&path).json();
    let mask = current["connection_string"].as_str().expect("a mask").to_owned();
    let attempt = json!({"system": "postgres"});
    assert_reentry(&server, &path, &current, &attempt, "connection_string");
    // The mask counts as it was read alone; altered, it names another place.
    let there = format!("127.0.0.1:{}", thief.port());
    for altered in [
        mask.replace("db.example", &there),
        mask.replace("u:", "v:"),
        mask.replace("?ssl-mode=***", ""),
    ] {
        let attempt = json!({ "connection_string": altered });
        assert_reentry(&server, &path, &current, &attempt, "connection_string");
    }
    // The mask of a string is no password for the parts.
    let parts = json!({
        "server": "127.0.0.1", "port": thief.port(), "username": "u", "password": MASK,
        "connection_string": null,
    });
    assert_reentry(&server, &path, &current, &parts, "password");
    assert!(thief.seen().is_empty(), "somebody connected");
}

#[test]
fn t14_a_password_is_not_carried_into_a_string() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for string in [
        "postgres://app_user:***@127.0.0.1/d",
        "postgres://app_user:***encrypted***@127.0.0.1/d",
        "postgres://app_user:***@db.example:5432",
    ] {
        let refused = server.editor.patch(&path, &json!({ "connection_string": string }));
        let expected = ["connection_string:reentry_required"];
        assert_eq!(refused.errors(400, "validation_failed"), expected, "{string}");
    }
    // Without a password in it, the string has none: the old one is gone, not sent.
    let answer = server.editor.patch(&path, &json!({"connection_string": "postgres://u@h/d"}));
    assert_eq!(answer.expect(200).json()["password"], Value::Null);
    let back = server.editor.put(&path, &without(by_parts("a"), &["password"]));
    assert_eq!(back.errors(400, "validation_failed"), ["password:required"]);
}

#[test]
fn what_keeps_the_place_keeps_the_password() {
    let server = TestServer::start();
    let body = json!({"server": "DB.example", "tls": "prefer"});
    let path = server.editor.create_at(&with(by_parts("a"), body));
    for patch in [
        json!({"name": "b", "description": "e", "is_active": false}),
        json!({"server": "db.EXAMPLE", "port": 5432, "username": "app_user"}),
        json!({"database": "other"}),
        json!({"tls": "require"}),
        json!({"tls": "verify_full", "password": MASK}),
    ] {
        let before = server.sealed(&path);
        let _ = server.editor.patch(&path, &patch).expect(200);
        assert_eq!(server.sealed(&path), before, "{patch}");
    }
    let moved = json!({"server": "elsewhere.example", "password": "anew"});
    let answer = server.editor.patch(&path, &moved).expect(200).json();
    assert_eq!(answer["server"], "elsewhere.example");
}
