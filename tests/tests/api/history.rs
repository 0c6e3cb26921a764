//! `{id}/history/`, `{id}/dataset-history/` and `/api/v1/audit/`

use crate::create::assert_members;
use datastore_tests::{Client, DATASTORES, TestServer, by_parts};
use serde_json::{Value, json};

const AUDIT: &str = "/api/v1/audit/";

#[track_caller]
fn rows(client: &Client, target: &str) -> Vec<Value> {
    client.get(target).expect(200).json()["results"].as_array().cloned().expect("rows")
}

/// The first row of a list, as it was written.
#[track_caller]
fn first_row(client: &Client, target: &str) -> String {
    let answer = client.get(&format!("{target}?page_size=1")).expect(200);
    let (_, rows) = answer.text().split_once("\"results\":[").expect("rows");
    rows.strip_suffix("]}").expect("the end").to_owned()
}

fn texts(rows: &[Value], member: &str) -> Vec<String> {
    rows.iter().map(|row| row[member].as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_history_says_who_did_what_in_which_request() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let change = json!({"name": "b", "port": 5433, "password": "anew"});
    let request = server.editor.request("PATCH", &path).header("X-Request-Id", "r-42");
    let _ = request.json(&change).send().expect(200);
    let target = format!("{path}current-datasets/d/");
    let _ = server.matcher.put(&target, &json!({})).expect(201);
    let _ = server.matcher.put(&target, &json!({"name": "Orders"})).expect(200);
    let _ = server.matcher.delete(&target).expect(204);
    let _ = server.editor.delete(&path).expect(204);
    let answer = server.admin.get(&format!("{path}history/")).expect(200);
    let entries = answer.json()["results"].as_array().cloned().expect("rows");
    let actions = ["delete", "release", "dataset_rename", "assign", "update", "create"];
    assert_eq!(texts(&entries, "action"), actions);
    let [e, m] = ["editor-token", "matcher-token"];
    assert_eq!(texts(&entries, "actor"), [e, m, m, m, e, e]);
    let versions: Vec<_> = entries.iter().map(|e| e["version"].clone()).collect();
    assert_eq!(versions, [json!(3), json!(null), json!(null), json!(null), json!(2), json!(1)]);
    let renamed = json!({
        "dataset_id": {"from": "d", "to": "d"}, "dataset_name": {"from": null, "to": "Orders"},
    });
    assert_eq!(entries[2]["changes"], renamed);
    let update = &entries[4];
    let members =
        ["id", "at", "actor", "action", "datastore_id", "version", "changes", "request_id"];
    assert_members(&first_row(&server.admin, &format!("{path}history/")), &members);
    assert_eq!(update["request_id"], "r-42");
    assert_eq!(format!("{DATASTORES}{}/", update["datastore_id"]), path);
    let expected = json!({
        "name": {"from": "a", "to": "b"}, "port": {"from": 5432, "to": 5433}, "password": "changed",
    });
    assert_eq!(update["changes"], expected);
    // As it was written down, in the order of the members.
    let written = r#""changes":{"name":{"from":"a","to":"b"},"port":{"from":5432,"to":5433},"password":"changed"},"request_id":"r-42"}"#;
    assert!(answer.text().contains(written), "{}", answer.text());
    assert!(!answer.text().contains("anew") && !answer.text().contains("first secret"));
    let ids: Vec<_> = entries.iter().map(|e| e["id"].as_i64().expect("a number")).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    assert!(entries.iter().all(|e| e["at"].as_str().is_some_and(|t| t.len() == 27)));
}

#[test]
fn history_and_audit_come_in_pages_by_number_and_by_cursor() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("0"));
    for name in ["1", "2", "3", "4"] {
        let _ = server.editor.patch(&path, &json!({"name": name})).expect(200);
    }
    let base = format!("http://{}", server.address());
    for target in [format!("{path}history/"), AUDIT.to_owned()] {
        let whole = server.admin.get(&target).expect(200).json();
        let all = whole["results"].clone();
        let count = all.as_array().map(Vec::len).expect("rows");
        assert_eq!(whole["count"], count);
        assert!(count >= 5);
        for first in ["page_size=2", "page_size=2&cursor="] {
            let (mut seen, mut pages) = (Vec::new(), Vec::new());
            let mut link = Some(format!("{base}{target}?{first}"));
            while let Some(url) = link {
                let page = server.admin.get(url.strip_prefix(&base).expect("ours")).expect(200);
                let page = page.json();
                assert_eq!(page.get("count").is_some(), !first.contains("cursor"));
                seen.extend(page["results"].as_array().cloned().expect("rows"));
                link = page["next"].as_str().map(str::to_owned);
                pages.push(page);
            }
            assert_eq!(Value::from(seen), all, "{target}?{first}");
            let back = pages[1]["previous"].as_str().expect("a link");
            let back = server.admin.get(back.strip_prefix(&base).expect("ours")).expect(200).json();
            assert_eq!(back["results"], pages[0]["results"]);
        }
    }
    // New entries move nothing.
    let first = server.admin.get(&format!("{path}history/?page_size=2&cursor=")).json();
    let _ = server.editor.patch(&path, &json!({"name": "5"})).expect(200);
    let next = first["next"].as_str().and_then(|n| n.strip_prefix(&base)).expect("a link");
    assert_eq!(rows(&server.admin, next)[0]["version"], 3);
}

#[test]
fn cursors_of_entries_are_bound_to_path_and_filters() {
    let server = TestServer::start();
    let first = server.editor.create_at(&by_parts("a"));
    let second = server.editor.create_at(&by_parts("b"));
    let _ = server.editor.patch(&first, &json!({"name": "c"})).expect(200);
    let page = server.admin.get(&format!("{first}history/?page_size=1&cursor=")).json();
    let next = page["next"].as_str().and_then(|n| n.split_once("cursor=")).expect("a link").1;
    assert_eq!(rows(&server.admin, &format!("{first}history/?cursor={next}")).len(), 1);
    for target in [
        format!("{second}history/?cursor={next}"),
        format!("{AUDIT}?cursor={next}"),
        format!("{AUDIT}?datastore_id=1&cursor={next}"),
        format!("{first}history/?cursor={next}&page=1"),
        format!("{first}history/?cursor={next}x"),
        format!("{DATASTORES}?cursor={next}"),
    ] {
        let errors = server.admin.get(&target).errors(400, "invalid_query");
        assert_eq!(errors, ["cursor:invalid_value"], "{target}");
    }
    let page = server.admin.get(&format!("{AUDIT}?actor=editor-token&page_size=1&cursor=")).json();
    let next = page["next"].as_str().and_then(|n| n.split_once("cursor=")).expect("a link").1;
    let _ = server.admin.get(&format!("{AUDIT}?actor=editor-token&cursor={next}")).expect(200);
    for query in [
        "",
        "actor=admin-token",
        "actor=editor-token&action=create",
        "actor=editor-token&datastore_id=1",
    ] {
        let refused = server.admin.get(&format!("{AUDIT}?{query}&cursor={next}"));
        assert_eq!(refused.errors(400, "invalid_query"), ["cursor:invalid_value"], "{query}");
    }
}

#[test]
fn the_audit_holds_everything_and_is_filtered_exactly() {
    let server = TestServer::start();
    let first = server.editor.create_at(&by_parts("a"));
    let _ = server.editor.create_at(&by_parts("b"));
    let _ = server.admin.patch(&first, &json!({"name": "c"})).expect(200);
    let _ = server.editor.delete(&first).expect(204);
    let id = first.trim_end_matches('/').rsplit('/').next().expect("an id");
    let count = |query: &str| {
        server.admin.get(&format!("{AUDIT}?{query}")).expect(200).json()["count"].clone()
    };
    assert_eq!(count(&format!("datastore_id={id}")), 3);
    assert_eq!(count(&format!("datastore_id={id}&actor=editor-token")), 2);
    assert_eq!(count("actor=admin-token&action=update"), 1);
    assert_eq!(count("action=create"), 2);
    assert_eq!(count("actor=editor-token"), 3);
    // Exactly.
    for nobody in
        ["actor=editor", "actor=EDITOR-TOKEN", "actor=editor-token%25", "datastore_id=999"]
    {
        assert_eq!(count(nobody), 0, "{nobody}");
    }
    let token = &rows(&server.admin, &format!("{AUDIT}?action=token_create"))[0];
    assert_eq!((&token["datastore_id"], &token["version"]), (&Value::Null, &Value::Null));
    assert_eq!(token["request_id"], Value::Null);
    let query = "datastore_id=0&actor=&action=crate&page_size=0&nope=1";
    let problem = server.admin.get(&format!("{AUDIT}?{query}"));
    let expected = [
        "nope:unknown_parameter",
        "datastore_id:invalid_value",
        "actor:invalid_value",
        "action:invalid_value",
        "page_size:invalid_value",
    ];
    assert_eq!(problem.errors(400, "invalid_query"), expected);
    assert!(problem.text().contains("Did you mean create?"), "{}", problem.text());
}

#[test]
fn past_assignments_are_never_lost() {
    let server = TestServer::start();
    let here = server.editor.create_at(&by_parts("here"));
    let there = server.editor.create_at(&by_parts("there"));
    let at = |path: &str, dataset: &str| format!("{path}current-datasets/{dataset}/");
    let first = server.matcher.put(&at(&here, "d1"), &json!({"name": "One"})).expect(201).json();
    let _ = server.matcher.put(&at(&here, "d2"), &json!({})).expect(201);
    let _ = server.matcher.delete(&at(&here, "d1")).expect(204);
    let _ = server.matcher.put(&at(&there, "d2"), &json!({"move": true})).expect(201);
    let _ = server.admin.put(&at(&here, "d1"), &json!({})).expect(201);
    let target = format!("{here}dataset-history/");
    let answer = server.matcher.get(&target).expect(200);
    let found = rows(&server.matcher, &target);
    assert_eq!(answer.json()["count"], 3);
    assert_eq!(texts(&found, "dataset_id"), ["d1", "d2", "d1"]);
    assert_eq!(texts(&found, "assigned_by"), ["admin-token", "matcher-token", "matcher-token"]);
    let members = ["dataset_id", "name", "assigned_at", "assigned_by", "released_at"];
    assert_members(&first_row(&server.matcher, &target), &members);
    assert_eq!(found[0]["released_at"], Value::Null);
    assert!(found[1]["released_at"].is_string() && found[2]["released_at"].is_string());
    assert!(found[2]["released_at"].as_str() >= found[2]["assigned_at"].as_str());
    assert_eq!(
        (&found[2]["name"], &found[2]["assigned_at"]),
        (&json!("One"), &first["assigned_at"])
    );
    // After the deletion as before it, now with everything released.
    let _ = server.matcher.delete(&at(&here, "d1")).expect(204);
    let _ = server.editor.delete(&here).expect(204);
    assert_eq!(rows(&server.matcher, &target)[1..], found[1..]);
    assert_eq!(rows(&server.admin, &format!("{target}?page_size=1&page=3")), found[2..]);
    server.matcher.get(&format!("{target}?page_size=1&page=4")).problem(404, "not_found");
    server.matcher.get(&format!("{DATASTORES}99/dataset-history/")).problem(404, "not_found");
    let cursor = server.matcher.get(&format!("{target}?cursor="));
    assert_eq!(cursor.errors(400, "invalid_query"), ["cursor:unknown_parameter"]);
}
