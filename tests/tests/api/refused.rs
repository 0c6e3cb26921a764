//! Attempts at what a role may not do.

use datastore_tests::{DATASTORES, TestServer, by_parts};
use serde_json::{Value, json};

#[test]
fn t29_refused_attempts_are_in_the_audit_ten_a_minute_of_each_token() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    for number in 0..12 {
        let request = server.viewer.request("DELETE", &path);
        let request = request.header("X-Request-Id", &format!("try-{number}"));
        request.send().problem(403, "forbidden");
    }
    let deleted = format!("{DATASTORES}?deleted=true");
    server.editor.get(&deleted).problem(403, "forbidden");
    server.matcher.post(DATASTORES, &by_parts("b")).problem(403, "forbidden");
    // Who is nobody is no token's attempt.
    let _ = server.anonymous.delete(&path).expect(401);

    let audit = server.admin.get("/api/v1/audit/?action=refused&page_size=100").expect(200);
    let entries = audit.json()["results"].as_array().cloned().expect("entries");
    let told =
        |entry: &Value| (entry["actor"].clone(), entry["changes"]["permission"]["to"].clone());
    assert_eq!(entries.len(), 12, "{}", audit.text());
    let change = json!("create, change and delete datastores");
    assert_eq!(told(&entries[0]), (json!("matcher-token"), change.clone()));
    assert_eq!(told(&entries[1]), (json!("editor-token"), json!("list deleted datastores")));
    for (number, entry) in entries[2..].iter().rev().enumerate() {
        assert_eq!(told(entry), (json!("viewer-token"), change.clone()));
        assert_eq!(entry["request_id"], format!("try-{number}"), "{entry}");
        assert_eq!(entry["datastore_id"], Value::Null, "{entry}");
    }
}
