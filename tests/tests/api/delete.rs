//! `DELETE /api/v1/datastores/{id}/`

use datastore_tests::{TestServer, by_parts};
use serde_json::json;

#[test]
fn a_deleted_datastore_is_gone_with_all_its_paths() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let deleted = server.editor.delete(&path).expect(204);
    assert!(deleted.body.is_empty());
    let admin = &server.admin;
    for (method, below, body) in [
        ("GET", "", None),
        ("HEAD", "", None),
        ("PUT", "", Some(by_parts("a"))),
        ("PATCH", "", Some(json!({}))),
        ("DELETE", "", None),
        ("POST", "test-connection/", Some(json!({}))),
        ("GET", "current-datasets/", None),
        ("PUT", "current-datasets/d/", Some(json!({}))),
        ("DELETE", "current-datasets/d/", None),
        ("GET", "performance/", None),
    ] {
        let request = admin.request(method, &format!("{path}{below}"));
        let answer = body.map_or(request.clone(), |body| request.json(&body)).send();
        assert_eq!(answer.status, 404, "{method} {below}");
        if method != "HEAD" {
            answer.problem(404, "not_found");
        }
    }
    // Softly: the row is still there.
    let rows = server
        .database()
        .number("SELECT count(*) AS value FROM datastores WHERE deleted_at IS NOT NULL");
    assert_eq!(rows, 1);
}

#[test]
fn a_datastore_in_use_is_not_deleted_and_the_answer_says_by_what() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let datasets: Vec<String> = (10..22).map(|n| format!("d{n}")).collect();
    for dataset in &datasets {
        let target = format!("{path}current-datasets/{dataset}/");
        let _ = server.matcher.put(&target, &json!({})).expect(201);
    }
    let problem = server.editor.delete(&path).problem(409, "datastore_in_use");
    assert_eq!(problem["count"], 12);
    let listed = problem["datasets"].as_array().expect("a list");
    assert_eq!(listed.len(), 10);
    assert!(listed.iter().all(|id| id.as_str().is_some_and(|id| datasets.iter().any(|d| d == id))));
    let _ = server.editor.get(&path).expect(200);
    for dataset in &datasets {
        let _ = server.matcher.delete(&format!("{path}current-datasets/{dataset}/")).expect(204);
    }
    let _ = server.editor.delete(&path).expect(204);
    // Past assignments stay.
    let rows = server
        .database()
        .number("SELECT count(*) AS value FROM assignments WHERE released_at IS NOT NULL");
    assert_eq!(rows, 12);
}

#[test]
fn a_deletion_is_in_the_history() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let _ = server.editor.patch(&path, &json!({"name": "b", "password": "anew"})).expect(200);
    let _ = server.editor.delete(&path).expect(204);
    let mut database = server.database();
    let query = "SELECT action || ' ' || actor || ' ' || coalesce(CAST(version AS TEXT), '-') AS value FROM history \
                 WHERE datastore_id IS NOT NULL ORDER BY id";
    let entries = database.lines(query);
    assert_eq!(
        entries,
        ["create editor-token 1", "update editor-token 2", "delete editor-token 3"]
    );
    let changes = database.lines("SELECT changes AS value FROM history ORDER BY id").join("\n");
    assert!(!changes.contains("anew") && !changes.contains("first secret"), "{changes}");
}
