//! `GET /api/v1/datastores/`: pages, filters and order.

use datastore_tests::{Client, DATASTORES, TestServer, by_parts, with};
use serde_json::{Value, json};

/// Names on a page, in their order.
#[track_caller]
pub(crate) fn names(client: &Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("{DATASTORES}?{query}")).expect(200).json();
    let rows = answer["results"].as_array().expect("an array");
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[track_caller]
fn refused(client: &Client, query: &str, errors: &[&str]) -> Value {
    let answer = client.get(&format!("{DATASTORES}?{query}"));
    assert_eq!(answer.errors(400, "invalid_query"), errors, "{query}");
    answer.json()
}

fn fill(server: &TestServer, names: &[&str]) {
    for name in names {
        let _ = server.editor.create(&by_parts(name));
    }
}

#[test]
fn an_empty_list_is_a_page() {
    let server = TestServer::start();
    let answer = server.viewer.get(DATASTORES).expect(200);
    assert_eq!(answer.text(), r#"{"count":0,"next":null,"previous":null,"results":[]}"#);
}

#[test]
fn rows_look_like_the_datastore_itself_newest_first() {
    let server = TestServer::start();
    let first = server.editor.create(&by_parts("a"));
    let second = server.editor.create(&by_parts("b"));
    let answer = server.editor.get(DATASTORES).expect(200);
    let expected = json!({"count": 2, "next": null, "previous": null, "results": [second, first]});
    assert_eq!(answer.json(), expected);
}

#[test]
fn pages_link_to_each_other_with_absolute_urls_and_keep_the_query() {
    let server = TestServer::start();
    fill(&server, &["a", "b", "c", "d", "e"]);
    let base = format!("http://{}", server.address());
    let start = format!("{DATASTORES}?ordering=name&page_size=2&search=d");
    let mut url = Some(format!("{base}{start}"));
    let mut seen = Vec::new();
    let mut previous = Value::Null;
    while let Some(next) = url {
        let target = next.strip_prefix(&base).expect("a link of this server");
        let page = server.viewer.get(target).expect(200).json();
        assert_eq!(page["count"], 5);
        if seen.is_empty() {
            assert_eq!(page["previous"], Value::Null);
        } else {
            let back = page["previous"].as_str().expect("a link").strip_prefix(&base);
            let back = server.viewer.get(back.expect("own")).expect(200).json();
            assert_eq!(back["results"], previous);
        }
        seen.extend(page["results"].as_array().cloned().expect("rows"));
        previous = page["results"].clone();
        url = page["next"].as_str().map(str::to_owned);
    }
    let seen: Vec<_> = seen.iter().map(|row| row["name"].as_str().unwrap_or("")).collect();
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

#[test]
fn links_stand_on_the_public_url() {
    let server = TestServer::with("http.public_url = 'https://api.example/base/'");
    fill(&server, &["a", "b"]);
    let page = server.viewer.get(&format!("{DATASTORES}?page_size=1")).json();
    let expected = format!("https://api.example/base{DATASTORES}?page_size=1&page=2");
    assert_eq!(page["next"], expected);
    let created = server.editor.post(DATASTORES, &by_parts("c")).expect(201);
    let location = format!("https://api.example/base{DATASTORES}{}/", created.json()["id"]);
    assert_eq!(created.header("location"), Some(location.as_str()));
}

#[test]
fn pages_have_limits() {
    let server = TestServer::start();
    let client = &server.viewer;
    let _ = client.get(&format!("{DATASTORES}?page=1")).expect(200);
    client.get(&format!("{DATASTORES}?page=2")).problem(404, "not_found");
    fill(&server, &["a", "b", "c"]);
    assert_eq!(names(client, "page=2&page_size=2&ordering=name"), ["c"]);
    client.get(&format!("{DATASTORES}?page=3&page_size=2")).problem(404, "not_found");
    client.get(&format!("{DATASTORES}?page=4294967295&page_size=500")).problem(404, "not_found");
    client.get(&format!("{DATASTORES}?page=99999999999999999999")).problem(404, "not_found");
    assert_eq!(names(client, "page_size=500").len(), 3);
    for size in ["501", "0", "-1", "x", "", "1.0", "%2B1", "99999999999999999999"] {
        refused(client, &format!("page_size={size}"), &["page_size:invalid_value"]);
    }
    for page in ["0", "-1", "x", "", "1.5"] {
        refused(client, &format!("page={page}"), &["page:invalid_value"]);
    }
}

#[test]
fn fifty_rows_make_a_page_unless_told_otherwise() {
    let server = TestServer::start();
    let numbers: Vec<String> = (0..51).map(|n| format!("n{n}")).collect();
    fill(&server, &numbers.iter().map(String::as_str).collect::<Vec<_>>());
    let page = server.viewer.get(DATASTORES).json();
    assert_eq!(page["results"].as_array().map(Vec::len), Some(50));
    assert!(page["next"].is_string());
}

#[test]
fn filters_take_any_of_a_comma_list_and_are_combined() {
    let server = TestServer::start();
    for (name, kind, system, active) in [
        ("pg", "sql", "postgres", true),
        ("my", "sql", "mysql", false),
        ("mongo", "document", "mongodb", true),
        ("redis", "keyvalue", "redis", false),
    ] {
        let members = json!({"type": kind, "system": system, "is_active": active});
        let _ = server.editor.create(&with(by_parts(name), members));
    }
    for (query, expected) in [
        ("", vec!["mongo", "my", "pg", "redis"]),
        ("type=sql", vec!["my", "pg"]),
        ("type=sql,keyvalue", vec!["my", "pg", "redis"]),
        ("type=sql,sql", vec!["my", "pg"]),
        ("type=sql%2Ckeyvalue", vec!["my", "pg", "redis"]),
        ("system=mysql", vec!["my"]),
        ("system=mongodb,redis", vec!["mongo", "redis"]),
        ("is_active=true", vec!["mongo", "pg"]),
        ("is_active=false", vec!["my", "redis"]),
        ("type=sql&is_active=false", vec!["my"]),
        ("type=sql&system=redis", vec![]),
        ("type=graph", vec![]),
    ] {
        assert_eq!(names(&server.viewer, &format!("ordering=name&{query}")), expected, "{query}");
        let answer = server.viewer.get(&format!("{DATASTORES}?{query}")).json();
        assert_eq!(answer["count"], expected.len(), "{query}");
    }
    for (query, error) in [
        ("type=SQL", "type:invalid_value"),
        ("type=", "type:invalid_value"),
        ("type=sql,", "type:invalid_value"),
        ("type=sql,oracle", "type:invalid_value"),
        ("system=sql", "system:invalid_value"),
        ("is_active=1", "is_active:invalid_value"),
        ("is_active=True", "is_active:invalid_value"),
        ("is_active=", "is_active:invalid_value"),
    ] {
        refused(&server.viewer, query, &[error]);
    }
    let problem = refused(&server.viewer, "system=postgre", &["system:invalid_value"]);
    let detail = problem["errors"][0]["detail"].as_str().expect("text");
    assert!(
        detail.contains("postgres, mysql") && detail.contains("Did you mean postgres?"),
        "{detail}"
    );
}

#[test]
fn orderings_put_unknown_last_both_ways_and_break_ties_by_id() {
    let server = TestServer::start();
    for (name, kind, system, time) in [
        ("b", "sql", "postgres", json!(2)),
        ("B", "graph", "neo4j", json!(null)),
        ("a", "sql", "mysql", json!(10)),
        ("\u{e9}", "graph", "neo4j", json!(2)),
        ("z", "column", "cassandra", json!(null)),
    ] {
        let members = json!({"type": kind, "system": system, "avg_response_time_ms": time});
        let _ = server.editor.create(&with(by_parts(name), members));
    }
    for (ordering, expected) in [
        ("name", "B a b z \u{e9}"),
        ("-name", "\u{e9} z b a B"),
        ("created_at", "b B a \u{e9} z"),
        ("-created_at", "z \u{e9} a B b"),
        ("type", "z B \u{e9} b a"),
        ("-type", "a b \u{e9} B z"),
        ("avg_response_time_ms", "b \u{e9} a B z"),
        ("-avg_response_time_ms", "a \u{e9} b z B"),
        ("type,name", "z B \u{e9} a b"),
        ("type,-name", "z \u{e9} B b a"),
        ("-type,avg_response_time_ms", "b a \u{e9} B z"),
        ("avg_response_time_ms,-name", "\u{e9} b a z B"),
    ] {
        let found = names(&server.viewer, &format!("ordering={ordering}")).join(" ");
        assert_eq!(found, expected, "{ordering}");
    }
    for bad in ["", "nmae", "name,", "--name", "+name", "name,-name", "id", "server", "name;type"] {
        refused(&server.viewer, &format!("ordering={bad}"), &["ordering:invalid_value"]);
    }
}

#[test]
fn unknown_parameters_are_named_and_everything_wrong_is_told_at_once() {
    let server = TestServer::start();
    let query = "pgae=1&tpye=sql&limit=5&is_active=yes&page_size=0&page=1&page=2";
    let expected = [
        "pgae:unknown_parameter",
        "tpye:unknown_parameter",
        "limit:unknown_parameter",
        "page:duplicate_parameter",
        "is_active:invalid_value",
        "page_size:invalid_value",
    ];
    let problem = refused(&server.viewer, query, &expected);
    let detail = |at: usize| problem["errors"][at]["detail"].as_str().unwrap_or("").to_owned();
    assert!(detail(0).contains("did you mean page?"), "{}", detail(0));
    assert!(detail(1).contains("did you mean type?"), "{}", detail(1));
    assert!(!detail(2).contains("did you mean"), "{}", detail(2));
    let path = server.editor.create_at(&by_parts("a"));
    for target in [
        path.clone(),
        format!("{path}performance/"),
        format!("{path}current-datasets/"),
        format!("{DATASTORES}types/"),
    ] {
        let answer = server.viewer.get(&format!("{target}?windw=1h"));
        assert_eq!(answer.errors(400, "invalid_query"), ["windw:unknown_parameter"], "{target}");
    }
    let post = server.editor.post(&format!("{DATASTORES}?dry_run=true"), &by_parts("b"));
    assert_eq!(post.errors(400, "invalid_query"), ["dry_run:unknown_parameter"]);
}

#[test]
fn deleted_datastores_are_not_listed() {
    let server = TestServer::start();
    let path = server.editor.create_at(&by_parts("a"));
    fill(&server, &["b"]);
    let _ = server.editor.delete(&path).expect(204);
    let answer = server.admin.get(DATASTORES).json();
    assert_eq!((&answer["count"], &answer["results"][0]["name"]), (&json!(1), &json!("b")));
}
