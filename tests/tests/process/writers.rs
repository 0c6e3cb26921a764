//! Writers that only create, and whether all that was acknowledged to them is there.

use crate::history::{assert_secrets_open, assert_tells_what_is_stored, living};
use datastore_tests::{CLOSED, Client, DATASTORES, Database, Process, by_parts, path_of, with};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

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

/// A server on `data` has what was acknowledged, opens every secret, and has a history to match.
#[track_caller]
pub(super) fn assert_survived(data: &Path, acknowledged: &BTreeSet<String>) {
    let server = Process::serve(data, &[]);
    let admin = server.client("admin");
    let rows = living(&admin);
    let names: BTreeSet<_> =
        rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(names.len(), rows.len(), "a name is there twice");
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let paths: Vec<_> = rows.iter().map(path_of).collect();
    assert_secrets_open(&admin, paths.iter().map(String::as_str));
    let mut database = Database::open(&data.join("datastore-api.db"));
    database.assert_integrity();
    assert_tells_what_is_stored(&mut database, &admin);
    let _ = server.terminate();
}
