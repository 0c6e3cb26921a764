//! T28: text is text, wherever it passes.

use crate::list_search::encoded;
use datastore_tests::{DATASTORES, TestServer, by_parts, with};
use serde_json::{Value, json};

const STRINGS: [&str; 20] = [
    "'; DROP TABLE datastores; --",
    "\" OR \"1\"=\"1",
    "1) UNION SELECT digest FROM tokens --",
    "100%",
    "a_b%c\\_",
    "name:* AND NEAR(x, 5)",
    "\"unbalanced",
    "^foo* -bar",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "@SUM(A1)",
    "{\"json\": true}",
    "<script>alert(1)</script>",
    "${jndi:ldap://x/a}",
    "{{7*7}}",
    "label=\"x\",le=\"+Inf\"} 1",
    "../../etc/passwd",
    "`id` $(id)",
    "%00%0d%0a",
    "\\u0000\\x1b[31m",
];

#[test]
fn t28_strings_are_created_searched_and_listed_as_they_are() {
    let server = TestServer::start();
    for text in STRINGS {
        let body = with(by_parts(text), json!({ "description": format!("about {text}") }));
        let created = server.editor.create(&body);
        assert_eq!(created["name"], text);
    }
    for text in STRINGS {
        let target = format!("{DATASTORES}?search={}", encoded(text));
        let found = server.viewer.get(&target).expect(200).json();
        let rows = found["results"].as_array().expect("rows");
        assert!(rows.iter().any(|row| row["name"] == text), "{text}");
        let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
        let fits = |row: &Value| {
            let name = row["name"].as_str().unwrap_or("").to_lowercase();
            words.iter().all(|word| name.contains(word.as_str()) || "about".contains(word.as_str()))
        };
        assert!(rows.iter().all(fits), "{text}: {rows:?}");
        for parameter in ["type", "system", "is_active", "ordering", "page", "page_size"] {
            let answer = server.viewer.get(&format!("{DATASTORES}?{parameter}={}", encoded(text)));
            let expected = [format!("{parameter}:invalid_value")];
            assert_eq!(answer.errors(400, "invalid_query"), expected, "{text}");
        }
        let id = server.viewer.get(&format!("{DATASTORES}{}/", encoded(text)));
        id.problem(404, "not_found");
    }
    let all = server.viewer.get(DATASTORES).expect(200).json();
    assert_eq!(all["count"], STRINGS.len());
}

#[test]
fn t28_a_line_break_and_an_escape_are_refused_in_names() {
    let server = TestServer::start();
    for text in [
        "a\nb",
        "a\r\nb",
        "a\u{1b}[2Jb",
        "a\u{7f}b",
        "a\u{9b}b",
        "a\u{0}b",
        "a\u{202e}b",
        "a\u{2069}b",
    ] {
        let refused = server.editor.post(DATASTORES, &by_parts(text));
        assert_eq!(
            refused.errors(400, "validation_failed"),
            ["name:invalid_character"],
            "{text:?}"
        );
    }
}

#[test]
fn t28_a_parameter_name_cannot_carry_anything_into_the_answer() {
    let server = TestServer::start();
    let answer = server.viewer.get(&format!("{DATASTORES}?%0d%0aSet-Cookie:%20a=b=1"));
    answer.problem(400, "invalid_query");
    assert_eq!(answer.header("set-cookie"), None);
}
