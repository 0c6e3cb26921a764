//! `ETag`, `If-None-Match` and `If-Match`.

use datastore_tests::{Client, DATASTORES, Response, TestServer, by_parts};
use serde_json::json;

fn tag(answer: &Response) -> String {
    answer.header("etag").expect("an entity tag").to_owned()
}

fn get(client: &Client, path: &str, known: &str) -> Response {
    client.request("GET", path).header("If-None-Match", known).send()
}

#[test]
fn tags_are_strong_one_for_each_version_and_representation() {
    let server = TestServer::start();
    let created = server.editor.post(DATASTORES, &by_parts("a")).expect(201);
    let path = datastore_tests::path_of(&created.json());
    let full = tag(&created);
    assert!(full.starts_with('"') && full.ends_with('"') && full.len() > 2, "{full}");
    assert_eq!(tag(&server.editor.get(&path)), full);
    assert_eq!(tag(&server.admin.get(&path)), full);
    let plain = tag(&server.viewer.get(&path));
    assert_ne!(plain, full);
    assert_eq!(tag(&server.matcher.get(&path)), plain);
    let changed = tag(&server.editor.patch(&path, &json!({"name": "b"})).expect(200));
    assert_ne!(changed, full);
    assert_eq!(tag(&server.editor.get(&path)), changed);
    assert_ne!(tag(&server.viewer.get(&path)), plain);
}

#[test]
fn what_is_known_is_not_sent_again() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let full = tag(&server.editor.get(&path));
    let plain = tag(&server.viewer.get(&path));
    for known in [full.clone(), format!("\"x\", {full}"), format!("W/{full}"), "*".to_owned()] {
        let answer = get(&server.editor, &path, &known).expect(304);
        assert_eq!(tag(&answer), full, "{known}");
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("content-type"), None);
    }
    for other in [plain.as_str(), "\"\"", "nonsense", full.trim_matches('"')] {
        let _ = get(&server.editor, &path, other).expect(200);
    }
    // What an editor knows is not what a viewer may see.
    let _ = get(&server.viewer, &path, &full).expect(200);
    let _ = get(&server.viewer, &path, &plain).expect(304);
    let _ = server.editor.patch(&path, &json!({"name": "b"})).expect(200);
    let _ = get(&server.editor, &path, &full).expect(200);
}

#[test]
fn writes_hold_against_the_version_that_was_read() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let write = |method: &str, expected: &str| {
        let request = server.editor.request(method, &path).header("If-Match", expected);
        match method {
            "PUT" => request.json(&by_parts("a")).send(),
            "PATCH" => request.json(&json!({"description": "e"})).send(),
            _ => request.send(),
        }
    };
    let stale = tag(&server.editor.get(&path));
    let _ = server.editor.patch(&path, &json!({"name": "b"})).expect(200);
    let now = server.editor.get(&path);
    let weak = format!("W/{}", tag(&now));
    let plain = tag(&server.viewer.get(&path));
    for method in ["PUT", "PATCH", "DELETE"] {
        for expected in [stale.as_str(), &weak, &plain, "\"\"", "nonsense"] {
            write(method, expected).problem(412, "precondition_failed");
        }
    }
    assert_eq!(server.editor.get(&path).text(), now.text());
    let current = tag(&now);
    let _ = write("PATCH", &format!("\"x\", {current}")).expect(200);
    write("PATCH", &current).problem(412, "precondition_failed");
    let current = tag(&server.editor.get(&path));
    let _ = write("PUT", &current).expect(200);
    let _ = write("PATCH", "*").expect(200);
    let current = tag(&server.editor.get(&path));
    let _ = write("DELETE", &current).expect(204);
    write("DELETE", "*").problem(404, "not_found");
}

#[test]
fn a_write_that_changes_nothing_still_needs_the_version() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    let patch = |expected: &str| {
        let request = server.editor.request("PATCH", &path).header("If-Match", expected);
        request.json(&json!({})).send()
    };
    patch("\"0-c\"").problem(412, "precondition_failed");
    let _ = patch(&tag(&server.editor.get(&path))).expect(200);
}

#[test]
fn if_match_may_be_required() {
    let server = TestServer::with("http.require_if_match = true");
    let path = server.editor.create_at(&by_parts("a"));
    server.editor.put(&path, &by_parts("a")).problem(428, "precondition_required");
    server.editor.patch(&path, &json!({})).problem(428, "precondition_required");
    server.editor.delete(&path).problem(428, "precondition_required");
    let current = tag(&server.editor.get(&path));
    let _ = server.editor.request("DELETE", &path).header("If-Match", &current).send().expect(204);
}

#[test]
fn of_two_writers_with_one_version_one_wins() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for round in 0..20 {
        let current = tag(&server.editor.get(&path));
        let write = |who: &str| {
            let request = server.editor.request("PATCH", &path).header("If-Match", &current);
            request.json(&json!({"description": format!("{who} {round}")})).send().status
        };
        let mut statuses = std::thread::scope(|scope| {
            let writers = [scope.spawn(|| write("a")), scope.spawn(|| write("b"))];
            writers.map(|writer| writer.join().expect("an answer"))
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
}
