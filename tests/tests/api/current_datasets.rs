//! `{id}/current-datasets/` and `{id}/current-datasets/{dataset_id}/`

use crate::create::assert_members;
use datastore_tests::{DATASTORES, TestServer, by_parts, with};
use serde_json::{Value, json};

fn at(path: &str, dataset: &str) -> String {
    format!("{path}current-datasets/{dataset}/")
}

#[test]
fn assigning_is_idempotent_and_is_listed() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let list = format!("{path}current-datasets/");
    assert_eq!(
        server.viewer.get(&list).expect(200).text(),
        r#"{"count":0,"next":null,"previous":null,"results":[]}"#
    );
    let body = json!({"name": " Orders "});
    let first = server.matcher.put(&at(&path, "orders-2024"), &body).expect(201);
    assert_members(first.text(), &["dataset_id", "name", "assigned_at", "assigned_by"]);
    let assigned = first.json();
    assert_eq!(assigned["dataset_id"], "orders-2024");
    assert_eq!(assigned["name"], "Orders");
    assert_eq!(assigned["assigned_by"], "matcher-token");
    assert!(assigned["assigned_at"].as_str().is_some_and(|t| t.len() == 27 && t.ends_with('Z')));
    let again = server.admin.put(&at(&path, "orders-2024"), &json!({})).expect(200);
    assert_eq!(again.json(), assigned);
    let listed = server.viewer.get(&list).expect(200).json();
    assert_eq!(listed, json!({"count": 1, "next": null, "previous": null, "results": [assigned]}));
}

#[test]
fn a_body_is_optional_and_checked() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let bare = server.matcher.request("PUT", &at(&path, "d1")).send().expect(201).json();
    assert_eq!(bare["name"], Value::Null);
    for (body, error) in [
        (json!({"name": ""}), "name:blank"),
        (json!({"name": 5}), "name:invalid_type"),
        (json!({"name": "a\u{202e}"}), "name:invalid_character"),
        (json!({"move": "yes"}), "move:invalid_type"),
        (json!({"mvoe": true}), "mvoe:unknown_member"),
    ] {
        let refused = server.matcher.put(&at(&path, "d2"), &body);
        assert_eq!(refused.errors(400, "validation_failed"), [error], "{body}");
    }
    let both = server.matcher.put(&at(&path, "d2"), &json!({"name": 1, "move": 1}));
    assert_eq!(both.errors(400, "validation_failed"), ["name:invalid_type", "move:invalid_type"]);
    assert_eq!(server.viewer.get(&format!("{path}current-datasets/")).json()["count"], 1);
}

#[test]
fn a_dataset_lives_in_one_datastore_and_moves_when_told() {
    let server = TestServer::start();
    let here = server.editor.create_at(&by_parts("here"));
    let there = server.editor.create_at(&by_parts("there"));
    let _ = server.matcher.put(&at(&here, "d"), &json!({})).expect(201);
    for body in [json!({}), json!({"move": false}), json!({"move": null})] {
        let refused = server.matcher.put(&at(&there, "d"), &body);
        refused.problem(409, "dataset_assigned_elsewhere");
    }
    let _ = server.matcher.put(&at(&there, "d"), &json!({"move": true})).expect(201);
    let count =
        |path: &str| server.viewer.get(&format!("{path}current-datasets/")).json()["count"].clone();
    assert_eq!((count(&here), count(&there)), (json!(0), json!(1)));
    let _ = server.matcher.put(&at(&there, "d"), &json!({"move": true})).expect(200);
    let _ = server.editor.delete(&here).expect(204);
}

#[test]
fn an_inactive_datastore_takes_no_datasets() {
    let server = TestServer::start();
    let active = server.editor.create_at(&by_parts("active"));
    let path = server.editor.create_at(&with(by_parts("a"), json!({"is_active": false})));
    server.matcher.put(&at(&path, "d"), &json!({})).problem(409, "datastore_inactive");
    let _ = server.matcher.put(&at(&active, "d"), &json!({})).expect(201);
    let moved = server.matcher.put(&at(&path, "d"), &json!({"move": true}));
    moved.problem(409, "datastore_inactive");
    // What lives in a datastore stays when it turns inactive.
    let _ = server.editor.patch(&active, &json!({"is_active": false})).expect(200);
    let _ = server.matcher.delete(&at(&active, "d")).expect(204);
}

#[test]
fn releasing_ends_the_assignment() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let other = server.editor.create_at(&by_parts("b"));
    server.matcher.delete(&at(&path, "d")).problem(404, "not_found");
    let _ = server.matcher.put(&at(&path, "d"), &json!({})).expect(201);
    server.matcher.delete(&at(&other, "d")).problem(404, "not_found");
    let released = server.matcher.delete(&at(&path, "d")).expect(204);
    assert!(released.body.is_empty());
    server.matcher.delete(&at(&path, "d")).problem(404, "not_found");
    let _ = server.matcher.put(&at(&other, "d"), &json!({})).expect(201);
}

#[test]
fn dataset_ids_have_a_form() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let longest = "x".repeat(128);
    for id in ["a", "A.b_c-9", "...", "-", longest.as_str()] {
        let _ = server.matcher.put(&at(&path, id), &json!({})).expect(201);
        let _ = server.matcher.delete(&at(&path, id)).expect(204);
    }
    let too_long = "x".repeat(129);
    for id in [too_long.as_str(), "a%20b", "a%2Fb", "%2e", "%2e%2e", "a;b", "%C3%A9", "a%00b"] {
        for method in ["PUT", "DELETE"] {
            let answer = server.matcher.request(method, &at(&path, id)).send();
            answer.problem(404, "not_found");
        }
    }
    server
        .matcher
        .put(&format!("{DATASTORES}99/current-datasets/d/"), &json!({}))
        .problem(404, "not_found");
}

#[test]
fn datasets_come_in_pages() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for id in ["d1", "d2", "d3"] {
        let _ = server.matcher.put(&at(&path, id), &json!({})).expect(201);
    }
    let page = |query: &str| server.viewer.get(&format!("{path}current-datasets/?{query}"));
    let first = page("page_size=2").expect(200).json();
    let next = format!("http://{}{path}current-datasets/?page_size=2&page=2", server.address());
    assert_eq!((&first["count"], &first["next"]), (&json!(3), &json!(next)));
    let second = page("page_size=2&page=2").expect(200).json();
    assert_eq!(second["next"], Value::Null);
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["results"].as_array().into_iter().flatten();
        rows.filter_map(|row| row["dataset_id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), ["d1", "d2", "d3"]);
    page("page_size=2&page=3").problem(404, "not_found");
    assert_eq!(page("page_size=501").errors(400, "invalid_query"), ["page_size:invalid_value"]);
}
