//! T18 and T20: what happens when somebody alters what is stored.

use datastore_tests::{CLOSED, DATASTORES, TestServer, by_parts, by_string, path_of, with};
use serde_json::{Value, json};

fn test_target(path: &str) -> String {
    format!("{path}test-connection/")
}

#[test]
fn t18_a_list_of_500_survives_one_damaged_row() {
    let server = TestServer::start();
    for n in 0..500 {
        let _ = server.editor.create(&by_parts(&format!("n{n}")));
    }
    server.database().set_sealed_password(250, b"damaged");
    let page = server.editor.get(&format!("{DATASTORES}?page_size=500")).expect(200).json();
    assert_eq!(page["results"].as_array().map(Vec::len), Some(500));
    let damaged = server.editor.get(&format!("{DATASTORES}250/")).expect(200).json();
    assert_eq!(damaged["password"], "***encrypted***");
    let tested = server.editor.post(&test_target(&format!("{DATASTORES}250/")), &json!({}));
    tested.problem(500, "internal_error");
}

/// Insists that testing `path` fails as every encryption error does, and returns the answer without
/// what differs from request to request.
#[track_caller]
fn failure(server: &TestServer, path: &str) -> Value {
    let answer = server.editor.post(&test_target(path), &json!({}));
    with(answer.problem(500, "internal_error"), json!({"instance": ""}))
}

#[test]
fn t20_each_altered_byte_of_a_sealed_value_is_noticed() {
    let server = TestServer::start();
    let (host, port) = CLOSED;
    let there = json!({"server": host, "port": port});
    let created = server.editor.create(&with(by_parts("a"), there));
    let path = path_of(&created);
    let id = created["id"].as_i64().expect("an id");
    let sealed = server.sealed(&path);
    let expected = failure_of(&server, &path, id, b"");
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert_eq!(failure_of(&server, &path, id, &altered), expected, "byte {at}");
    }
    let _ = failure_of(&server, &path, id, &sealed[..sealed.len() - 1]);
    let _ = failure_of(&server, &path, id, &[&sealed[..], b"x"].concat());
    let _ = failure_of(&server, &path, id, b"first secret");
    // Put back as it was, it opens again.
    server.database().set_sealed_password(id, &sealed);
    let tested = server.editor.post(&test_target(&path), &json!({})).expect(200).json();
    assert_eq!(tested["error"]["code"], "connection_refused");
}

#[track_caller]
fn failure_of(server: &TestServer, path: &str, id: i64, sealed: &[u8]) -> Value {
    server.database().set_sealed_password(id, sealed);
    failure(server, path)
}

#[test]
fn t20_a_sealed_value_opens_in_its_own_place_only() {
    let server = TestServer::start();
    let (host, port) = CLOSED;
    let there = |name: &str| json!({"name": name, "server": host, "port": port});
    let own = server.editor.create(&with(by_parts(""), there("own")));
    let other = server.editor.create(&with(by_parts(""), there("other")));
    let string = format!("postgres://u:first%20secret@{host}:{port}/d");
    let by_string = server.editor.create(&by_string("string", "postgres", &string));
    let id = own["id"].as_i64().expect("an id");
    let mine = server.sealed(&path_of(&own));
    let expected = failure_of(&server, &path_of(&own), id, b"");
    for foreign in [&other, &by_string] {
        let sealed = server.sealed(&path_of(foreign));
        assert_eq!(failure_of(&server, &path_of(&own), id, &sealed), expected);
    }
    // The others are none the worse for it.
    for datastore in [&other, &by_string] {
        let tested = server.editor.post(&test_target(&path_of(datastore)), &json!({})).expect(200);
        assert_eq!(tested.json()["error"]["code"], "connection_refused");
    }
    // An identity of another row is no way around.
    server.database().set_sealed_password(id, &mine);
    let mut database = server.database();
    let other = format!("record = {}", database.random_uuid());
    database.execute(&format!("UPDATE datastores SET {other} WHERE id = {id}"));
    assert_eq!(failure(&server, &path_of(&own)), expected);
}

#[test]
fn the_history_is_append_only() {
    let server = TestServer::start();
    let _ = server.editor.create(&by_parts("a"));
    let mut database = server.database();
    let entries = database.number("SELECT count(*) AS value FROM history");
    for statement in ["UPDATE history SET actor = 'x'", "DELETE FROM history"] {
        assert!(database.try_execute(statement).is_err(), "{statement}");
    }
    assert_eq!(database.number("SELECT count(*) AS value FROM history"), entries);
}
