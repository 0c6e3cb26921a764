//! Writers that only create, and whether all that was acknowledged to them is there.

use datastore_tests::{CLOSED, Client, DATASTORES, Database, Process, by_parts, with};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

pub(super) const WRITERS: usize = 8;

/// Creates datastores until the server is gone; adds what was acknowledged.
pub(super) fn write(
    editor: &Client,
    writer: usize,
    round: usize,
    acknowledged: &Mutex<BTreeSet<String>>,
) {
    let (host, port) = CLOSED;
    for n in 0.. {
        let name = format!("{round}-{writer}-{n}");
        let body = with(by_parts(&name), json!({"server": host, "port": port}));
        match editor.request("POST", DATASTORES).json(&body).try_send() {
            None => return,
            Some(answer) => {
                let answer = answer.expect(201);
                assert_eq!(answer.json()["name"], *name);
                acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
            }
        }
    }
}

/// All datastores by name and id.
fn stored(editor: &Client) -> Vec<(String, i64)> {
    let mut rows = Vec::new();
    for page in 1.. {
        let target = format!("{DATASTORES}?ordering=created_at&page_size=500&page={page}");
        let page = editor.get(&target).expect(200).json();
        for row in page["results"].as_array().into_iter().flatten() {
            let name = row["name"].as_str().expect("a name").to_owned();
            rows.push((name, row["id"].as_i64().expect("an id")));
        }
        if page["next"].is_null() {
            break;
        }
    }
    rows
}

/// A server on `data` has what was acknowledged, opens every secret, and has a history to match.
#[track_caller]
pub(super) fn assert_survived(data: &std::path::Path, acknowledged: &BTreeSet<String>) {
    let server = Process::serve(data, &[]);
    let editor = server.client("editor");
    let rows = stored(&editor);
    let names: BTreeSet<_> = rows.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), rows.len(), "a name is there twice");
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    // The secret opens: the test gets as far as the closed port.
    for (name, id) in &rows {
        let answer = editor.post(&format!("{DATASTORES}{id}/test-connection/"), &json!({}));
        assert_eq!(answer.expect(200).json()["error"]["code"], "connection_refused", "{name}");
    }
    let mut database = Database::open(&data.join("datastore-api.db"));
    assert_eq!(
        database.lines("SELECT integrity_check AS value FROM pragma_integrity_check"),
        ["ok"]
    );
    let without_history = "SELECT count(*) AS value FROM datastores d WHERE NOT EXISTS \
        (SELECT 1 FROM history h WHERE h.datastore_id = d.id AND h.version = d.version)";
    assert_eq!(database.number(without_history), 0, "a row and its history differ");
    let _ = server.terminate();
}
