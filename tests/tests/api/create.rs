//! `POST /api/v1/datastores/`

use datastore_tests::{DATASTORES, MASK, TestServer, by_parts, by_string, example, with, without};
use serde_json::{Value, json};

/// Members of a datastore in the contract's order.
const MEMBERS: [&str; 18] = [
    "id",
    "created_at",
    "updated_at",
    "name",
    "type",
    "system",
    "description",
    "server",
    "port",
    "username",
    "password",
    "connection_string",
    "is_active",
    "max_connections",
    "avg_response_time_ms",
    "storage_capacity_gb",
    "database",
    "tls",
];

/// Insists that `text` names these members in this order, and no others.
#[track_caller]
pub(crate) fn assert_members(text: &str, members: &[&str]) {
    let place = |member: &&str| {
        text.find(&format!("\"{member}\":")).unwrap_or_else(|| panic!("no {member} in {text}"))
    };
    let places: Vec<_> = members.iter().map(place).collect();
    assert!(places.is_sorted(), "{text}");
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(value.as_object().map(|object| object.len()), Some(members.len()), "{text}");
}

#[test]
fn the_example_of_the_requirements_is_created_and_answered_in_its_order() {
    let server = TestServer::start();
    let created = server.editor.post(DATASTORES, &example()).expect(201);
    assert_members(created.text(), &MEMBERS);
    let body = created.json();
    let expected = with(
        example(),
        json!({
            "id": body["id"], "created_at": body["created_at"], "updated_at": body["created_at"],
            "password": MASK, "database": null, "tls": "prefer",
        }),
    );
    assert_eq!(body, expected);
    assert!(body["id"].as_i64().is_some_and(|id| id > 0));
    // Whole numbers have no fraction, and others keep theirs.
    for part in
        ["\"storage_capacity_gb\":1000,", "\"avg_response_time_ms\":15.2,", "\"port\":5432,"]
    {
        assert!(created.text().contains(part), "{part} in {}", created.text());
    }
    let location = format!("http://{}{DATASTORES}{}/", server.address(), body["id"]);
    assert_eq!(created.header("location"), Some(location.as_str()));
    assert_eq!(created.header("content-type"), Some("application/json"));
}

#[test]
fn times_are_utc_with_microseconds() {
    let server = TestServer::start();
    let body = server.editor.create(&by_parts("a"));
    let time = body["created_at"].as_str().expect("text");
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000000Z");
}

#[test]
fn a_connection_string_is_answered_masked() {
    let server = TestServer::start();
    let cases = [
        (
            "postgres",
            "postgres://u:secret1@h:5432/db?sslmode=require",
            "postgres://u:***@h:5432/db?sslmode=***",
        ),
        ("mysql", "mysql://u:secret1@h:3306/db", "mysql://u:***@h:3306/db"),
        (
            "mongodb",
            "mongodb://u:secret1@a:1,b:2/db?replicaSet=r0",
            "mongodb://u:***@a:1,b:2/db?replicaSet=***",
        ),
        ("redis", "rediss://:secret1@h:6380/2", "rediss://:***@h:6380/2"),
        ("neo4j", "neo4j+s://u:secret1@h/db", "neo4j+s://u:***@h/db"),
        (
            "cassandra",
            "cassandra://u:secret1@h:9042/k?tls=require",
            "cassandra://u:***@h:9042/k?tls=***",
        ),
        ("redis", "redis://h", "redis://h"),
    ];
    for (at, (system, string, mask)) in cases.into_iter().enumerate() {
        let created = server.editor.create(&by_string(&format!("n{at}"), system, string));
        assert_eq!(created["connection_string"], mask);
        for member in ["server", "port", "username", "password", "database", "tls"] {
            assert_eq!(created[member], Value::Null, "{member} beside {string}");
        }
    }
}

#[test]
fn what_is_left_out_takes_its_default() {
    let server = TestServer::start();
    let created = server.editor.create(&by_parts("a"));
    assert_eq!(created["is_active"], true);
    assert_eq!(created["tls"], "prefer");
    for member in ["max_connections", "avg_response_time_ms", "storage_capacity_gb", "database"] {
        assert_eq!(created[member], Value::Null, "{member}");
    }
    let options =
        json!({"name": "b", "database": "main", "tls": "verify_full", "is_active": false});
    let created = server.editor.create(&with(by_parts("b"), options));
    assert_eq!(
        (&created["database"], &created["tls"], &created["is_active"]),
        (&json!("main"), &json!("verify_full"), &json!(false))
    );
}

#[test]
fn names_are_trimmed_normalised_unique_and_case_sensitive() {
    let server = TestServer::start();
    let name = |text: &str| with(by_parts("x"), json!({ "name": text }));
    assert_eq!(server.editor.create(&name("  Cafe\u{301}\t"))["name"], "Caf\u{e9}");
    for same in ["Caf\u{e9}", "Cafe\u{301}", " Caf\u{e9}\u{a0}"] {
        let refused = server.editor.post(DATASTORES, &name(same));
        assert_eq!(refused.errors(409, "name_taken"), ["name:name_taken"], "{same}");
    }
    for other in ["caf\u{e9}", "Cafe", "Caf\u{e9} 2"] {
        let _ = server.editor.create(&name(other));
    }
}

#[test]
fn the_name_of_a_deleted_datastore_is_free_and_its_id_is_not_used_again() {
    let server = TestServer::start();
    let first = server.editor.create(&by_parts("a"));
    let _ = server.editor.delete(&format!("{DATASTORES}{}/", first["id"])).expect(204);
    let second = server.editor.create(&by_parts("a"));
    assert!(second["id"].as_i64() > first["id"].as_i64());
}

#[test]
fn t26_read_only_members_are_ignored_and_others_unknown() {
    let server = TestServer::start();
    let read_only = json!({"id": 4711, "created_at": "2001-01-01T00:00:00Z", "updated_at": 7});
    let created = server.editor.create(&with(by_parts("a"), read_only));
    assert_ne!(created["id"], 4711);
    assert!(!created["created_at"].as_str().is_some_and(|t| t.starts_with("2001")));
    for hidden in ["deleted_at", "version", "uuid", "record", "key_id", "role", "password_sealed"] {
        let body = with(by_parts("b"), json!({ hidden: 1 }));
        let expected = [format!("{hidden}:unknown_member")];
        let refused = server.editor.post(DATASTORES, &body);
        assert_eq!(refused.errors(400, "validation_failed"), expected);
        let path = format!("{DATASTORES}{}/", created["id"]);
        let refused = server.editor.put(&path, &body);
        assert_eq!(refused.errors(400, "validation_failed"), expected);
        let refused = server.editor.patch(&path, &json!({ hidden: 1 }));
        assert_eq!(refused.errors(400, "validation_failed"), expected);
    }
    assert_eq!(server.editor.get(DATASTORES).json()["count"], 1);
}

#[test]
fn masks_are_no_secrets() {
    let server = TestServer::start();
    let refused = server.editor.post(DATASTORES, &with(by_parts("a"), json!({"password": MASK})));
    assert_eq!(refused.errors(400, "validation_failed"), ["password:masked_value"]);
    for string in ["postgres://u:***@h/db", "postgres://u:p@h/db?application_name=***"] {
        let refused = server.editor.post(DATASTORES, &by_string("a", "postgres", string));
        assert_eq!(refused.errors(400, "validation_failed"), ["connection_string:masked_value"]);
    }
}

#[test]
fn either_parts_or_a_string() {
    let server = TestServer::start();
    let string = json!({"connection_string": "postgres://u:p@h/db"});
    let parts = ["server", "port", "username", "password"];
    let refuse = |body: &Value, errors: &[&str]| {
        let refused = server.editor.post(DATASTORES, body);
        assert_eq!(refused.errors(400, "validation_failed"), errors, "{body}");
    };
    refuse(&with(by_parts("a"), string.clone()), &["connection_string:conflict"]);
    let missing = ["server:required", "port:required", "username:required", "password:required"];
    refuse(&without(by_parts("a"), &parts), &missing);
    refuse(
        &with(
            by_parts("a"),
            json!({"server": null, "port": null, "username": null, "password": null}),
        ),
        &missing,
    );
    for (at, part) in parts.iter().enumerate() {
        refuse(&without(by_parts("a"), &[part]), &missing[at..=at]);
    }
    // Redis has a default user, but by parts it is named all the same.
    let redis = json!({"type": "keyvalue", "system": "redis", "username": null});
    refuse(&with(by_parts("a"), redis), &["username:required"]);
    let only_string = with(without(by_parts("a"), &parts), string);
    refuse(&with(only_string.clone(), json!({"database": "d"})), &["database:conflict"]);
    refuse(&with(only_string.clone(), json!({"tls": "require"})), &["tls:conflict"]);
    // A null member names nothing.
    let nulls = json!({"server": null, "port": null, "username": null, "password": null, "database": null, "tls": null});
    let _ = server.editor.create(&with(only_string, nulls));
}
