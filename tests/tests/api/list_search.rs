//! `GET /api/v1/datastores/?search=`

use crate::list::names;
use datastore_tests::{DATASTORES, TestServer, by_parts, with};
use serde_json::json;

/// Percent-encodes everything but letters and digits.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |b: u8| match b.is_ascii_alphanumeric() {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn server_with(rows: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start();
    for (name, description) in rows {
        let members = json!({ "description": description });
        let _ = server.editor.create(&with(by_parts(name), members));
    }
    server
}

#[test]
fn words_all_occur_in_name_or_description_whatever_their_case() {
    let server = server_with(&[
        ("Primary PostgreSQL", "Orders and invoices"),
        ("Z\u{fc}rich Gro\u{df}", "\u{416}\u{423}\u{420}\u{410}\u{412}\u{41b}\u{42c} Caf\u{e9}"),
        ("plain", "100% a_b it's \"quoted\" \\ back"),
    ]);
    for (search, expected) in [
        ("primary", "Primary PostgreSQL"),
        ("POSTGRES order", "Primary PostgreSQL"),
        ("  invoices \t primary ", "Primary PostgreSQL"),
        ("gresQL", "Primary PostgreSQL"),
        ("Z\u{dc}RICH", "Z\u{fc}rich Gro\u{df}"),
        ("\u{436}\u{443}\u{440}\u{430}", "Z\u{fc}rich Gro\u{df}"),
        ("cafe\u{301}", "Z\u{fc}rich Gro\u{df}"),
        ("gro\u{df}", "Z\u{fc}rich Gro\u{df}"),
        ("100%", "plain"),
        ("a_b", "plain"),
        ("it's \"quoted\"", "plain"),
        ("\\", "plain"),
        ("%", "plain"),
        ("_", "plain"),
        ("primary plain", ""),
        ("a%b", ""),
        ("axb", ""),
        ("PostgreSQLOrders", ""),
        ("db.example", ""),
        ("app_user", ""),
    ] {
        let found = names(&server.viewer, &format!("search={}", encoded(search))).join(",");
        assert_eq!(found, expected, "{search}");
    }
}

#[test]
fn no_words_find_everything() {
    let server = server_with(&[("a", "x"), ("b", "y")]);
    for search in ["", "%20", "+"] {
        assert_eq!(names(&server.viewer, &format!("ordering=name&search={search}")), ["a", "b"]);
    }
}

#[test]
fn a_search_follows_changes() {
    let server = server_with(&[("a", "before")]);
    let path = format!("{DATASTORES}1/");
    let _ = server.editor.patch(&path, &json!({"description": "after"})).expect(200);
    assert_eq!(names(&server.viewer, "search=before"), [""; 0]);
    assert_eq!(names(&server.viewer, "search=AFTER"), ["a"]);
}

#[test]
fn a_search_has_at_most_200_characters_and_10_words() {
    let server = TestServer::start();
    let ask = |text: &str| server.viewer.get(&format!("{DATASTORES}?search={}", encoded(text)));
    let _ = ask(&"\u{e9}".repeat(200)).expect(200);
    let _ = ask("a b c d e f g h i j").expect(200);
    for text in ["\u{e9}".repeat(201), "a b c d e f g h i j k".to_owned()] {
        assert_eq!(ask(&text).errors(400, "invalid_query"), ["search:invalid_value"]);
    }
}
