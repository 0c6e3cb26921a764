//! `GET /api/v1/datastores/{id}/`

use crate::create::assert_members;
use datastore_tests::{DATASTORES, TestServer, by_parts, by_string, path_of};
use serde_json::Value;

/// What roles without connection details see.
const PLAIN: [&str; 11] = [
    "id",
    "created_at",
    "updated_at",
    "name",
    "type",
    "system",
    "description",
    "is_active",
    "max_connections",
    "avg_response_time_ms",
    "storage_capacity_gb",
];

#[test]
fn what_was_created_is_read() {
    let server = TestServer::start();
    let created = server.editor.create(&by_parts("a"));
    for client in [&server.editor, &server.admin] {
        assert_eq!(client.get(&path_of(&created)).expect(200).json(), created);
    }
}

#[test]
fn roles_without_connection_details_get_none_of_their_members() {
    let server = TestServer::start();
    let string = by_string("b", "postgres", "postgres://canary-user:pw@canary-host/db");
    for body in [by_parts("a"), string] {
        let path = server.editor.create_at(&body);
        for client in [&server.viewer, &server.matcher] {
            let read = client.get(&path).expect(200);
            assert_members(read.text(), &PLAIN);
            let listed = client.get(DATASTORES).expect(200);
            let rows = listed.json()["results"].as_array().cloned().unwrap_or_default();
            assert!(rows.iter().all(|row| row.as_object().is_some_and(|o| o.len() == 11)));
        }
    }
}

#[test]
fn what_is_no_id_or_unknown_is_not_found() {
    let server = TestServer::start();
    let _ = server.editor.create(&by_parts("a"));
    for id in [
        "2",
        "0",
        "-1",
        "01",
        "+1",
        "1.0",
        "1e0",
        "x",
        "%31%20",
        " 1",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "1;x",
        "..",
        "%2e%2e",
        "typess",
    ] {
        let id = id.replace(' ', "%20");
        for end in ["", "/"] {
            let answer = server.editor.get(&format!("{DATASTORES}{id}{end}"));
            answer.problem(404, "not_found");
        }
    }
}

#[test]
fn t19_details_come_by_no_back_door() {
    let server = TestServer::start();
    let mut body = by_parts("a");
    body["server"] = Value::from("canary-host.example");
    body["username"] = Value::from("canary-user");
    body["database"] = Value::from("canary-database");
    let path = server.editor.create_at(&body);
    let _ = server
        .matcher
        .put(&format!("{path}current-datasets/d1/"), &serde_json::json!({}))
        .expect(201);
    let quickly = serde_json::json!({"timeout_ms": 100});
    let _ = server.editor.post(&format!("{path}test-connection/"), &quickly).expect(200);
    for client in [&server.viewer, &server.matcher] {
        for target in [
            path.clone(),
            format!("{path}performance/"),
            format!("{path}current-datasets/"),
            DATASTORES.to_owned(),
            format!("{DATASTORES}?search=canary"),
            format!("{DATASTORES}types/"),
        ] {
            let answer = client.get(&target).expect(200);
            assert!(!answer.text().contains("canary"), "{target}: {}", answer.text());
        }
        assert_eq!(client.get(&format!("{DATASTORES}?search=canary")).json()["count"], 0);
        client.get(&format!("{DATASTORES}?ordering=server")).problem(400, "invalid_query");
        client.get(&format!("{DATASTORES}?server=canary")).problem(400, "invalid_query");
    }
}
