//! `token list` when there are more tokens than one page holds.

use datastore_tests::{Database, Process, command};
use serde_json::Value;

#[test]
fn all_tokens_are_listed_in_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::serve(&data, &[]);
    let _ = server.terminate();
    Database::open(&data.join("datastore-api.db")).execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000) \
         INSERT INTO tokens (name, role, digest, created_at) \
         SELECT 'many', 'viewer', CAST(printf('%032d', n) AS BLOB), 0 FROM numbers",
    );
    let list = command(&data, &["token", "list", "--output", "json"]).output().expect("it runs");
    let list: Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let rows = list.as_array().expect("an array");
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().expect("a number")).collect();
    // That of the first start comes first.
    assert_eq!((ids.len(), &rows[0]["name"]), (1001, &Value::from("admin")));
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}
