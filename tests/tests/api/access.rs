//! T24 and T25: who may do what.

use datastore_tests::{Backend, Client, DATASTORES, Response, TestServer, by_parts, with};
use serde_json::{Value, json};

/// An operation of the API, who may call it, and what it then answers.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Empty for what needs no token.
    pub(crate) roles: &'static [&'static str],
    success: u16,
}

const EVERYBODY: &[&str] = &["viewer", "matcher", "editor", "admin"];
const EDITORS: &[&str] = &["editor", "admin"];
const MATCHERS: &[&str] = &["matcher", "admin"];
const ADMINS: &[&str] = &["admin"];

const fn operation(
    method: &'static str,
    path: &'static str,
    roles: &'static [&'static str],
    success: u16,
) -> Operation {
    Operation { method, path, roles, success }
}

/// The one table of route and role. The OpenAPI document is compared with it, so that no operation
/// can be without an entry.
pub(crate) const OPERATIONS: [Operation; 23] = [
    operation("GET", "/api/v1/datastores/", EVERYBODY, 200),
    operation("POST", "/api/v1/datastores/", EDITORS, 201),
    operation("GET", "/api/v1/datastores/types/", EVERYBODY, 200),
    operation("GET", "/api/v1/datastores/{id}/", EVERYBODY, 200),
    operation("PUT", "/api/v1/datastores/{id}/", EDITORS, 200),
    operation("PATCH", "/api/v1/datastores/{id}/", EDITORS, 200),
    operation("DELETE", "/api/v1/datastores/{id}/", EDITORS, 204),
    operation("POST", "/api/v1/datastores/test-connection/", EDITORS, 200),
    operation("POST", "/api/v1/datastores/{id}/test-connection/", EDITORS, 200),
    operation("GET", "/api/v1/datastores/{id}/current-datasets/", EVERYBODY, 200),
    operation("PUT", "/api/v1/datastores/{id}/current-datasets/{dataset_id}/", MATCHERS, 201),
    operation("DELETE", "/api/v1/datastores/{id}/current-datasets/{dataset_id}/", MATCHERS, 204),
    operation("GET", "/api/v1/datastores/{id}/performance/", EVERYBODY, 200),
    operation("POST", "/api/v1/datastores/{id}/restore/", ADMINS, 200),
    operation("GET", "/api/v1/datastores/{id}/dataset-history/", MATCHERS, 200),
    operation("GET", "/api/v1/datastores/{id}/history/", ADMINS, 200),
    operation("GET", "/api/v1/audit/", ADMINS, 200),
    operation("GET", "/api/v1/tokens/", ADMINS, 200),
    operation("POST", "/api/v1/tokens/", ADMINS, 201),
    operation("GET", "/api/v1/tokens/{id}/", ADMINS, 200),
    operation("DELETE", "/api/v1/tokens/{id}/", ADMINS, 204),
    operation("GET", "/livez", &[], 200),
    operation("GET", "/readyz", &[], 200),
];

/// A place that nobody answers at.
fn closed() -> Value {
    let (host, port) = datastore_tests::CLOSED;
    json!({"server": host, "port": port})
}

/// A datastore for one call, with the dataset in it when the call is to release it.
pub(crate) fn prepare(server: &TestServer, operation: &Operation, name: &str) -> String {
    let path = server.admin.create_at(&with(by_parts(name), closed()));
    let target = operation.path.replace("/api/v1/datastores/{id}/", &path);
    if target.contains("/tokens/{id}/") {
        let made = server.admin.post("/api/v1/tokens/", &json!({"name": name, "role": "viewer"}));
        return target.replace("{id}", &made.expect(201).json()["id"].to_string());
    }
    let target = target.replace("{dataset_id}", name);
    if operation.method == "DELETE" && operation.path.contains("current-datasets") {
        let _ = server.admin.put(&target, &json!({})).expect(201);
    }
    target
}

fn call(client: &Client, operation: &Operation, target: &str, name: &str) -> Response {
    let request = client.request(operation.method, target);
    match (operation.method, operation.path) {
        ("POST", "/api/v1/datastores/") => request.json(&by_parts(&format!("new-{name}"))).send(),
        ("POST", "/api/v1/datastores/test-connection/") => {
            request.json(&with(by_parts(name), closed())).send()
        }
        ("POST", "/api/v1/tokens/") => {
            request.json(&json!({"name": name, "role": "viewer"})).send()
        }
        ("PUT", "/api/v1/datastores/{id}/") => request.json(&by_parts(name)).send(),
        ("POST" | "PUT" | "PATCH", _) => request.json(&json!({})).send(),
        _ => request.send(),
    }
}

#[test]
fn t25_each_role_may_do_what_the_table_says_and_nothing_else() {
    let server = TestServer::start();
    for (row, operation) in OPERATIONS.iter().enumerate() {
        let what = format!("{} {}", operation.method, operation.path);
        for (role, client) in server.by_role() {
            let name = format!("{role}-{row}");
            let target = prepare(&server, operation, &name);
            let answer = call(client, operation, &target, &name);
            if operation.roles.is_empty() || operation.roles.contains(&role) {
                assert_eq!(answer.status, operation.success, "{what} as {role}: {}", answer.text());
                continue;
            }
            let problem = answer.problem(403, "forbidden");
            let detail = problem["detail"].as_str().expect("text");
            for may in operation.roles {
                assert!(detail.contains(may), "{what}: {detail}");
            }
            // Refused before anything is looked for.
            let nowhere = operation.path.replace("{id}", "999").replace("{dataset_id}", "d");
            call(client, operation, &nowhere, &name).problem(403, "forbidden");
        }
        let name = format!("nobody-{row}");
        let target = prepare(&server, operation, &name);
        let answer = call(&server.anonymous, operation, &target, &name);
        if operation.roles.is_empty() {
            assert_eq!(answer.status, operation.success, "{what}");
        } else {
            answer.problem(401, "unauthenticated");
        }
    }
}

/// What is the same for everybody who is not known.
fn refusal(answer: &Response) -> (Value, Vec<(String, String)>) {
    let problem = with(answer.problem(401, "unauthenticated"), json!({"instance": ""}));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let differs =
        |name: &str| ["x-request-id", "date"].iter().any(|n| name.eq_ignore_ascii_case(n));
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !differs(name));
    headers.sort_unstable();
    (problem, headers)
}

#[test]
fn t24_unknown_expired_and_revoked_tokens_get_the_same_answer() {
    let server = TestServer::start();
    let unknown = {
        let elsewhere = TestServer::start();
        elsewhere.admin.token().expect("a token").to_owned()
    };
    let expired = server.make_token("admin", true);
    let revoked = server.make_token("admin", false);
    let _ = server.client(&revoked.text).get(DATASTORES).expect(200);
    server.revoke_token(&revoked);
    let expected = refusal(&server.anonymous.get(DATASTORES));
    for (what, token) in [
        ("unknown", unknown.as_str()),
        ("expired", &expired.text),
        ("revoked", &revoked.text),
        ("empty", ""),
        ("malformed", "dsa_x"),
        ("cut short", &revoked.text[..40]),
        ("no token of ours", "eyJhbGciOiJub25lIn0.e30."),
    ] {
        let answer = server.client(token).get(DATASTORES);
        assert_eq!(refusal(&answer), expected, "{what}");
        let write =
            server.client(token).post(&format!("{DATASTORES}1/test-connection/"), &json!({}));
        assert_eq!(refusal(&write).0, expected.0, "{what}");
    }
}

#[test]
fn t24_a_revocation_counts_for_the_next_request() {
    let server = TestServer::start();
    for _ in 0..10 {
        let token = server.make_token("viewer", false);
        let client = server.client(&token.text);
        let _ = client.get(DATASTORES).expect(200);
        server.revoke_token(&token);
        client.get(DATASTORES).problem(401, "unauthenticated");
    }
}

#[test]
fn t24_tokens_are_stored_as_digests_alone() {
    let server = TestServer::start();
    let token = server.viewer.token().expect("a token");
    assert!(token.starts_with("dsa_") && token.len() >= 4 + 64, "256 random bits");
    let mut canaries = datastore_tests::canary::Canaries::default();
    for (role, client) in server.by_role() {
        canaries.add(role, "", client.token().expect("a token"));
        canaries.add(role, "", &client.token().expect("a token")[4..]);
    }
    match server.backend() {
        Backend::Sqlite => assert!(canaries.assert_absent_below(&server.data_dir()) > 2),
        Backend::Postgres => {
            let stored = server.database().dump();
            assert!(stored.contains("viewer-token"), "{stored}");
            canaries.assert_absent("the database", stored.as_bytes());
        }
    }
}

#[test]
fn tokens_are_taken_from_the_bearer_header_alone() {
    let server = TestServer::start();
    let token = server.viewer.token().expect("a token").to_owned();
    let with_headers = |headers: &[(&str, String)]| {
        let request = server.anonymous.request("GET", DATASTORES);
        headers.iter().fold(request, |r, (name, value)| r.header(name, value)).send().status
    };
    let authorization = |value: String| with_headers(&[("Authorization", value)]);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(authorization(format!("{scheme} {token}")), 200, "{scheme}");
    }
    for value in [
        token.clone(),
        format!("Basic {token}"),
        format!("Token {token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} x"),
        format!("Bearer {token},x"),
        format!("Bearer \"{token}\""),
        format!("Bearer {}", token.to_uppercase()),
    ] {
        assert_eq!(authorization(value.clone()), 401, "{value}");
    }
    let twice = ("Authorization", format!("Bearer {token}"));
    assert_eq!(with_headers(&[twice.clone(), twice]), 401);
    assert_eq!(with_headers(&[("X-Api-Key", token.clone())]), 401);
    assert_eq!(with_headers(&[("Cookie", format!("token={token}"))]), 401);
    let query = server.anonymous.get(&format!("{DATASTORES}?access_token={token}"));
    query.problem(401, "unauthenticated");
}
