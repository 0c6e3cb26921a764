//! `GET /api/v1/datastores/?cursor=`: pages that nothing moves.

use crate::list::names;
use datastore_tests::{Client, DATASTORES, TestServer, by_parts, with};
use serde_json::{Value, json};

/// Follows a link of an answer; it must be one of this server.
#[track_caller]
fn follow(client: &Client, link: &Value) -> Value {
    let base = format!("http://{}", client.address());
    let target = link.as_str().and_then(|link| link.strip_prefix(&base)).expect("a link of ours");
    client.get(target).expect(200).json()
}

#[track_caller]
fn start(client: &Client, query: &str) -> Value {
    client.get(&format!("{DATASTORES}?{query}")).expect(200).json()
}

fn shown(page: &Value) -> Vec<String> {
    let rows = page["results"].as_array().expect("rows");
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// The value of `cursor` in a link.
fn cursor(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    let (_, rest) = link.split_once("cursor=").expect("a cursor");
    rest.split('&').next().unwrap_or_default().to_owned()
}

fn fill(server: &TestServer) {
    for (name, kind, system, time) in [
        ("b", "sql", "postgres", json!(2)),
        ("B", "graph", "neo4j", json!(null)),
        ("a", "sql", "mysql", json!(0.1)),
        ("\u{e9}", "graph", "neo4j", json!(2)),
        ("z", "column", "cassandra", json!(null)),
        ("\u{1f600}", "sql", "postgres", json!(1e300)),
        ("c", "sql", "postgres", json!(2)),
    ] {
        let members = json!({"type": kind, "system": system, "avg_response_time_ms": time});
        let _ = server.editor.create(&with(by_parts(name), members));
    }
}

#[test]
fn a_walk_there_and_back_sees_what_the_numbered_list_shows() {
    let server = TestServer::start();
    fill(&server);
    for ordering in [
        "name",
        "-name",
        "created_at",
        "-created_at",
        "type",
        "-type",
        "avg_response_time_ms",
        "-avg_response_time_ms",
        "-type,avg_response_time_ms",
        "avg_response_time_ms,-name",
        "type,-avg_response_time_ms,created_at,name",
    ] {
        for size in [1, 2, 3, 7, 50] {
            let query = format!("ordering={ordering}&page_size={size}");
            let whole = names(&server.viewer, &format!("ordering={ordering}"));
            let mut pages = vec![start(&server.viewer, &format!("{query}&cursor="))];
            assert_eq!(pages[0]["previous"], Value::Null, "{query}");
            while pages[pages.len() - 1]["next"].is_string() {
                assert!(pages.len() <= 7, "{query}");
                pages.push(follow(&server.viewer, &pages[pages.len() - 1]["next"]));
            }
            let seen: Vec<_> = pages.iter().flat_map(shown).collect();
            assert_eq!(seen, whole, "{query}");
            let mut page = pages.pop().expect("one at least");
            while let Some(before) = pages.pop() {
                page = follow(&server.viewer, &page["previous"]);
                assert_eq!(page["results"], before["results"], "{query}");
            }
            assert_eq!(page["previous"], Value::Null, "{query}");
        }
    }
}

#[test]
fn a_page_by_cursor_has_no_count_and_its_links_keep_the_query() {
    let server = TestServer::start();
    let empty = server.viewer.get(&format!("{DATASTORES}?cursor=")).expect(200);
    assert_eq!(empty.text(), r#"{"next":null,"previous":null,"results":[]}"#);
    fill(&server);
    let query = "ordering=-name&type=sql&cursor=&page_size=2&search=d";
    let page = start(&server.viewer, query);
    assert_eq!(page.get("count"), None);
    assert_eq!(shown(&page), ["\u{1f600}", "c"]);
    let next = cursor(&page["next"]);
    assert!(
        !next.is_empty() && next.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
    let query = query.replace("cursor=", &format!("cursor={next}"));
    let expected = format!("http://{}{DATASTORES}?{query}", server.address());
    assert_eq!(page["next"], expected);
    // By number there is a count, as ever.
    assert_eq!(start(&server.viewer, "page_size=2")["count"], 7);
}

#[test]
fn rows_that_come_and_go_move_nothing() {
    let server = TestServer::start();
    let paths: Vec<_> =
        ["a", "c", "e", "g", "i"].iter().map(|n| server.editor.create_at(&by_parts(n))).collect();
    let first = start(&server.viewer, "ordering=name&cursor=&page_size=2");
    assert_eq!(shown(&first), ["a", "c"]);
    // The row that the cursor stands on goes, and others come before it and after it.
    let _ = server.editor.delete(&paths[1]).expect(204);
    for name in ["0", "b", "d"] {
        let _ = server.editor.create(&by_parts(name));
    }
    let second = follow(&server.viewer, &first["next"]);
    assert_eq!(shown(&second), ["d", "e"]);
    let back = follow(&server.viewer, &second["previous"]);
    assert_eq!(shown(&back), ["a", "b"]);
    // Another size, and another role, are fine.
    let rest = format!("ordering=name&page_size=50&cursor={}", cursor(&second["next"]));
    assert_eq!(shown(&start(&server.admin, &rest)), ["g", "i"]);
}

#[test]
fn a_page_whose_rows_are_gone_leads_back() {
    let server = TestServer::start();
    for ordering in ["name", "-avg_response_time_ms,name"] {
        let [.., last] = ["a", "b", "c"].map(|name| server.editor.create_at(&by_parts(name)));
        let page = start(&server.viewer, &format!("ordering={ordering}&cursor=&page_size=2"));
        let _ = server.editor.delete(&last).expect(204);
        let empty = follow(&server.viewer, &page["next"]);
        assert_eq!((shown(&empty).len(), &empty["next"]), (0, &Value::Null), "{ordering}");
        let back = follow(&server.viewer, &empty["previous"]);
        assert_eq!(back["results"], page["results"], "{ordering}");
        for row in page["results"].as_array().expect("rows") {
            let _ = server.editor.delete(&datastore_tests::path_of(row)).expect(204);
        }
    }
}

#[test]
fn a_cursor_is_good_for_its_own_list_only() {
    let server = TestServer::start();
    fill(&server);
    let page = start(&server.admin, "ordering=name&type=sql,graph&cursor=&page_size=2");
    let good = cursor(&page["next"]);
    let refused = |query: &str| {
        let answer = server.admin.get(&format!("{DATASTORES}?{query}"));
        assert_eq!(answer.errors(400, "invalid_query"), ["cursor:invalid_value"], "{query}");
        assert!(!answer.text().contains(&good), "{query}");
    };
    let again = format!("ordering=name&type=graph,sql&cursor={good}");
    assert_eq!(shown(&start(&server.admin, &again)).first().map(String::as_str), Some("b"));
    for query in [
        format!("cursor={good}"),
        format!("ordering=-name&type=sql,graph&cursor={good}"),
        format!("ordering=name,type&type=sql,graph&cursor={good}"),
        format!("ordering=name&type=sql&cursor={good}"),
        format!("ordering=name&type=sql,graph&system=mysql&cursor={good}"),
        format!("ordering=name&type=sql,graph&is_active=true&cursor={good}"),
        format!("ordering=name&type=sql,graph&search=d&cursor={good}"),
        format!("ordering=name&type=sql,graph&deleted=true&cursor={good}"),
        // By number and by cursor at once.
        format!("ordering=name&type=sql,graph&page=1&cursor={good}"),
        "page=1&cursor=".to_owned(),
        // Not one of ours.
        format!("ordering=name&type=sql,graph&cursor={}", &good[1..]),
        format!("ordering=name&type=sql,graph&cursor={}", &good[..good.len() - 1]),
        format!("ordering=name&type=sql,graph&cursor={good}A"),
        "cursor=x".to_owned(),
        "cursor=%00".to_owned(),
        "cursor=%FF%FE".replace("%FF%FE", "%C3%A9"),
        format!("cursor={}", "A".repeat(2049)),
        format!("cursor={}", "A".repeat(7000)),
    ] {
        refused(&query);
    }
    let audit = server.admin.get("/api/v1/audit/?cursor=&page_size=1").expect(200).json();
    refused(&format!("cursor={}", cursor(&audit["next"])));
    let twice = server.viewer.get(&format!("{DATASTORES}?cursor=&cursor="));
    assert_eq!(twice.errors(400, "invalid_query"), ["cursor:duplicate_parameter"]);
    let all = server.viewer.get(&format!("{DATASTORES}?is_active=1&page_size=0&cursor=x"));
    assert_eq!(
        all.errors(400, "invalid_query"),
        ["is_active:invalid_value", "page_size:invalid_value", "cursor:invalid_value"]
    );
}

#[test]
fn the_longest_names_have_cursors() {
    let server = TestServer::start();
    let name = |last: char| "\u{10FFFD}".repeat(254) + &last.to_string();
    for last in ['a', 'b', '\u{10FFFD}'] {
        let _ = server.editor.create(&by_parts(&name(last)));
    }
    let ordering = "ordering=name,created_at,type,avg_response_time_ms";
    let mut page = start(&server.viewer, &format!("{ordering}&page_size=1&cursor="));
    let mut seen = shown(&page);
    while page["next"].is_string() {
        assert!(cursor(&page["next"]).len() <= 2048);
        page = follow(&server.viewer, &page["next"]);
        seen.extend(shown(&page));
    }
    assert_eq!(seen, [name('a'), name('b'), name('\u{10FFFD}')]);
}
