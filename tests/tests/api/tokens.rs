//! `/api/v1/tokens/`

use crate::create::assert_members;
use datastore_tests::{Client, DATASTORES, TestServer, by_parts};
use serde_json::{Value, json};

const TOKENS: &str = "/api/v1/tokens/";

#[track_caller]
fn made(client: &Client, body: &Value) -> Value {
    client.post(TOKENS, body).expect(201).json()
}

#[test]
fn a_token_is_shown_once_and_counts_at_once() {
    let server = TestServer::start();
    let request = server.admin.request("POST", TOKENS).header("X-Request-Id", "r-7");
    let answer =
        request.json(&json!({"name": " CI  runner ", "role": "editor"})).send().expect(201);
    let members = ["id", "name", "role", "created_at", "expires_at", "revoked_at", "token"];
    assert_members(answer.text(), &members);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = answer.json();
    let path = format!("{TOKENS}{}/", token["id"]);
    let location = format!("http://{}{path}", server.address());
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!((&token["name"], &token["role"]), (&json!("CI  runner"), &json!("editor")));
    assert_eq!((&token["expires_at"], &token["revoked_at"]), (&Value::Null, &Value::Null));
    let text = token["token"].as_str().expect("text");
    let path_made = server.client(text).create_at(&by_parts("a"));
    let history = server.admin.get(&format!("{path_made}history/")).json();
    assert_eq!(history["results"][0]["actor"], "CI  runner");
    // Read again, without what its holder presents.
    let read = server.admin.get(&path).expect(200);
    assert_members(read.text(), &members[..6]);
    for (member, value) in read.json().as_object().expect("an object") {
        assert_eq!(*value, token[member], "{member}");
    }
    let listed = server.admin.get(TOKENS).expect(200);
    let audit = server.admin.get("/api/v1/audit/").expect(200);
    for seen in [&read, &listed, &audit] {
        assert!(!seen.text().contains(&text[4..20]), "{}", seen.text());
    }
    let entry = &server.admin.get("/api/v1/audit/?action=token_create").json()["results"][0];
    assert_eq!((&entry["actor"], &entry["request_id"]), (&json!("admin-token"), &json!("r-7")));
    let of = |to: Value| json!({"from": null, "to": to});
    let (id, name, role) = (&token["id"], json!("CI  runner"), json!("editor"));
    let changes = json!({"token_id": of(id.clone()), "name": of(name), "role": of(role)});
    assert_eq!(entry["changes"], changes);
}

#[test]
fn entries_tell_tokens_of_one_name_apart_and_when_a_new_one_ends() {
    let server = TestServer::start();
    let end = "2999-01-31T12:00:00.000000Z";
    let wish = json!({"name": "same", "role": "viewer", "expires_at": end});
    let [first, second] = [&wish, &wish].map(|wish| made(&server.admin, wish)["id"].clone());
    let _ = server.admin.delete(&format!("{TOKENS}{first}/")).expect(204);
    let changes = |row: usize| {
        let audit = server.admin.get("/api/v1/audit/").expect(200).json();
        audit["results"][row]["changes"].clone()
    };
    // Newest first.
    assert_eq!(changes(0), json!({"token_id": {"from": first, "to": null}}));
    for (row, id) in [(1, second), (2, first)] {
        let of = |to: Value| json!({"from": null, "to": to});
        let (name, role, end) = (json!("same"), json!("viewer"), json!(end));
        let expected =
            json!({"token_id": of(id), "name": of(name), "role": of(role), "expires_at": of(end)});
        assert_eq!(changes(row), expected);
    }
}

#[test]
fn t24_a_token_revoked_through_the_api_is_refused_at_once() {
    let server = TestServer::start();
    let token = made(&server.admin, &json!({"name": "x", "role": "viewer"}));
    let client = server.client(token["token"].as_str().expect("text"));
    let _ = client.get(DATASTORES).expect(200);
    let path = format!("{TOKENS}{}/", token["id"]);
    let revoked = server.admin.delete(&path).expect(204);
    assert!(revoked.body.is_empty());
    client.get(DATASTORES).problem(401, "unauthenticated");
    let first = server.admin.get(&path).expect(200).json();
    assert!(first["revoked_at"].is_string(), "{first}");
    // Again: nothing changes, and nothing is entered.
    let _ = server.admin.delete(&path).expect(204);
    assert_eq!(server.admin.get(&path).json(), first);
    let audit = server.admin.get("/api/v1/audit/?action=token_revoke").json();
    assert_eq!(
        (&audit["count"], &audit["results"][0]["actor"]),
        (&json!(1), &json!("admin-token"))
    );
    for id in ["9999", "0", "x", "-1", "1e3", "9223372036854775808"] {
        for method in ["GET", "DELETE"] {
            let answer = server.admin.request(method, &format!("{TOKENS}{id}/")).send();
            answer.problem(404, "not_found");
        }
    }
    // An admin may give up the own token, and is nobody then.
    let own = made(&server.admin, &json!({"name": "own", "role": "admin"}));
    let client = server.client(own["token"].as_str().expect("text"));
    let _ = client.delete(&format!("{TOKENS}{}/", own["id"])).expect(204);
    client.get(TOKENS).problem(401, "unauthenticated");
}

#[test]
fn tokens_end_by_lifetime_or_by_time() {
    let server = TestServer::start();
    let seconds = |time: &Value| {
        // Both are of one month at most apart, so days and seconds of the text are enough.
        let text = time.as_str().expect("a time");
        let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("digits");
        part(11..13) * 3600 + part(14..16) * 60 + part(17..19)
    };
    let one = made(&server.admin, &json!({"name": "a", "role": "viewer", "expires": "12h"}));
    let difference = (seconds(&one["expires_at"]) - seconds(&one["created_at"])).rem_euclid(86_400);
    assert_eq!(difference, 12 * 3600);
    let ninety = made(&server.admin, &json!({"name": "a", "role": "viewer", "expires": "90d"}));
    let (start, end) = (&ninety["created_at"], &ninety["expires_at"]);
    assert!(
        (seconds(end) - seconds(start)).rem_euclid(86_400) == 0 && end.as_str() > start.as_str()
    );
    let at = json!({"name": "a", "role": "viewer", "expires_at": "2999-01-31T13:00:00+01:00"});
    assert_eq!(made(&server.admin, &at)["expires_at"], "2999-01-31T12:00:00.000000Z");
    let nulls = json!({"name": "a", "role": "viewer", "expires": null, "expires_at": null});
    assert_eq!(made(&server.admin, &nulls)["expires_at"], Value::Null);
}

#[test]
fn everything_wrong_is_told_at_once_in_the_order_of_the_members() {
    let server = TestServer::start();
    let refused = |body: Value, expected: &[&str]| {
        let answer = server.admin.post(TOKENS, &body);
        assert_eq!(answer.errors(400, "validation_failed"), expected, "{body}");
    };
    refused(json!({}), &["name:required", "role:required"]);
    refused(json!({"name": null, "role": null}), &["name:required", "role:required"]);
    refused(json!({"name": 1, "role": true}), &["name:invalid_type", "role:invalid_type"]);
    refused(json!({"name": " ", "role": "root"}), &["name:blank", "role:unknown_choice"]);
    refused(
        json!({"name": "x".repeat(101), "role": "Admin"}),
        &["name:too_long", "role:unknown_choice"],
    );
    refused(json!({"name": "a\u{202e}", "role": "admin"}), &["name:invalid_character"]);
    let with =
        |members: Value| datastore_tests::with(json!({"name": "a", "role": "viewer"}), members);
    for bad in ["", "90", "0d", "-1d", "1w", "36501d", "1.5d", " 1d"] {
        refused(with(json!({"expires": bad})), &["expires:invalid_format"]);
    }
    refused(with(json!({"expires": 90})), &["expires:invalid_type"]);
    for bad in ["", "tomorrow", "2999-01-31", "2999-01-31T12:00:00", "10000-01-01T00:00:00Z"] {
        refused(with(json!({"expires_at": bad})), &["expires_at:invalid_format"]);
    }
    refused(with(json!({"expires_at": "2001-01-01T00:00:00Z"})), &["expires_at:out_of_range"]);
    refused(with(json!({"expires_at": 1})), &["expires_at:invalid_type"]);
    let both = json!({"expires": "1d", "expires_at": "2999-01-31T12:00:00Z"});
    refused(with(both), &["expires_at:conflict"]);
    let all = json!({
        "nmae": 1, "token": "dsa_mine", "expires_at": "x", "expires": "x", "role": "x", "name": "",
    });
    let expected = [
        "name:blank",
        "role:unknown_choice",
        "expires:invalid_format",
        "expires_at:conflict",
        "nmae:unknown_member",
        "token:unknown_member",
    ];
    refused(all, &expected);
    assert_eq!(server.admin.get(TOKENS).json()["count"], initial(&server));
}

/// How many tokens a server has before a test makes any: those of the roles, and that of the first
/// start where there is one.
fn initial(server: &TestServer) -> Value {
    let made = server.admin.get("/api/v1/audit/?action=token_create").expect(200).json();
    made["count"].clone()
}

#[test]
fn tokens_are_listed_by_number_valid_or_not_in_pages() {
    let server = TestServer::start();
    let before = server.admin.get(TOKENS).json()["count"].as_i64().expect("a count");
    let gone = made(&server.admin, &json!({"name": "gone", "role": "viewer"}));
    let _ = server.admin.delete(&format!("{TOKENS}{}/", gone["id"])).expect(204);
    let _ = server.make_token("viewer", true);
    let list = server.admin.get(TOKENS).expect(200).json();
    let rows = list["results"].as_array().expect("rows");
    // The helper makes a valid one as well.
    assert_eq!(list["count"], before + 3);
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().expect("a number")).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(rows.iter().any(|row| row["name"] == "expired" && row["expires_at"].is_string()));
    let base = format!("http://{}", server.address());
    let mut link = Some(format!("{base}{TOKENS}?page_size=2"));
    let mut seen = Vec::new();
    while let Some(url) = link {
        let page = server.admin.get(url.strip_prefix(&base).expect("ours")).expect(200).json();
        seen.extend(page["results"].as_array().cloned().expect("rows"));
        link = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(&seen, rows);
    server.admin.get(&format!("{TOKENS}?page=999")).problem(404, "not_found");
    let query = server.admin.get(&format!("{TOKENS}?role=admin&page_size=501"));
    let expected = ["role:unknown_parameter", "page_size:invalid_value"];
    assert_eq!(query.errors(400, "invalid_query"), expected);
}

#[test]
fn ten_thousand_valid_tokens_are_enough() {
    let server = TestServer::start();
    // All but those of the roles and of the first start; each database in its own words.
    let valid = server.admin.get(TOKENS).json()["count"].as_i64().expect("a count");
    let insert = "INSERT INTO tokens (name, role, digest, created_at)";
    let sqlite = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {0}) \
         {insert} SELECT 'many', 'viewer', CAST(printf('%032d', n) AS BLOB), 0 FROM numbers",
        10_000 - valid
    );
    let postgres = format!(
        "{insert} SELECT 'many', 'viewer', convert_to(lpad(n::text, 32, '0'), 'UTF8'), 0 \
         FROM generate_series(1, {}) AS n",
        10_000 - valid
    );
    let mut database = server.database();
    database.try_execute(&sqlite).or_else(|_| database.try_execute(&postgres)).expect("filled");
    let body = json!({"name": "one more", "role": "viewer"});
    let problem = server.admin.post(TOKENS, &body).problem(409, "token_limit_reached");
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("10000")), "{problem}");
    // What is revoked or has ended does not count.
    let row = &server.admin.get(&format!("{TOKENS}?page_size=1&page=10000")).json()["results"][0];
    assert_eq!(row["name"], "many");
    let _ = server.admin.delete(&format!("{TOKENS}{}/", row["id"])).expect(204);
    let _ = server.admin.post(TOKENS, &body).expect(201);
    server.admin.post(TOKENS, &body).problem(409, "token_limit_reached");
}
