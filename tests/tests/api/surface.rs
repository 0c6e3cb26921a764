//! What every path of the OpenAPI document has in common: its methods, both forms, its refusals.

use crate::openapi::derived;
use datastore_tests::{Client, TestServer, by_parts};
use serde_json::json;

/// Paths of the document with their `Allow`, in a form that leads somewhere.
fn paths() -> Vec<(String, String)> {
    let document = derived();
    let paths = document["paths"].as_object().expect("paths");
    let described = |(path, item): (&String, &serde_json::Value)| {
        let has = |method: &str| item.get(method).is_some();
        let mut allow = Vec::new();
        for method in ["get", "post", "put", "patch", "delete"] {
            if has(method) {
                allow.push(method.to_uppercase());
            }
            if method == "get" && has("get") {
                allow.push("HEAD".to_owned());
            }
        }
        allow.push("OPTIONS".to_owned());
        (path.replace("{id}", "1").replace("{dataset_id}", "d"), allow.join(", "))
    };
    let found: Vec<_> = paths.iter().map(described).collect();
    assert!(found.len() > 12, "{found:?}");
    found
}

/// Datastore 1 is there, and token 1 is.
fn server() -> TestServer {
    let server = TestServer::start();
    assert_eq!(server.admin.create_at(&by_parts("a")), "/api/v1/datastores/1/");
    server
}

fn both_forms(path: &str) -> [String; 2] {
    let bare = path.trim_end_matches('/').to_owned();
    [format!("{bare}/"), bare]
}

#[test]
fn both_forms_of_every_path_know_their_methods() {
    let server = server();
    for (path, allow) in paths() {
        for target in both_forms(&path) {
            let options = server.anonymous.request("OPTIONS", &target).send().expect(204);
            assert_eq!(options.header("allow"), Some(allow.as_str()), "{target}");
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"] {
                if allow.split(", ").any(|allowed| allowed == method) {
                    continue;
                }
                let refused = server.admin.request(method, &target).send();
                assert_eq!(refused.status, 405, "{method} {target}");
                assert_eq!(refused.header("allow"), Some(allow.as_str()), "{method} {target}");
            }
        }
    }
}

#[test]
fn both_forms_of_every_path_answer_alike_and_head_like_get() {
    let server = server();
    for (path, allow) in paths() {
        if !allow.contains("GET") {
            continue;
        }
        let answers = both_forms(&path).map(|target| server.admin.get(&target).expect(200));
        assert_eq!(answers[0].json(), answers[1].json(), "{path}");
        for target in both_forms(&path) {
            let head = server.admin.request("HEAD", &target).send().expect(200);
            assert!(head.body.is_empty(), "{target}");
            assert_eq!(
                head.header("content-length"),
                answers[0].header("content-length"),
                "{path}"
            );
            assert_eq!(head.header("content-type"), Some("application/json"), "{path}");
        }
    }
}

#[test]
fn unknown_parameters_are_refused_everywhere_after_what_comes_before() {
    let server = server();
    for (path, _) in
        paths().iter().filter(|(path, allow)| allow.contains("GET") && path.starts_with("/api/v1/"))
    {
        let get = |client: &Client, path: &str| client.get(&format!("{path}?nope=1"));
        let errors = get(&server.admin, path).errors(400, "invalid_query");
        assert_eq!(errors, ["nope:unknown_parameter"], "{path}");
        get(&server.anonymous, path).problem(401, "unauthenticated");
        if path.contains("/1/") {
            for nowhere in ["/99/", "/0/", "/x/", "/01/", "/9223372036854775808/"] {
                get(&server.admin, &path.replace("/1/", nowhere)).problem(404, "not_found");
            }
        }
    }
}

#[test]
fn a_body_is_refused_where_none_is_taken_and_nothing_is_done() {
    let server = server();
    let _ = server.matcher.put("/api/v1/datastores/1/current-datasets/d/", &json!({})).expect(201);
    let send = |client: &Client, method: &str, target: &str, body: &str| {
        let request = client.request(method, target).header("Content-Type", "application/json");
        client.keep_alive().send(&request.body(body.as_bytes())).expect("an answer")
    };
    for (path, allow) in paths() {
        for method in ["GET", "DELETE"].into_iter().filter(|method| allow.contains(method)) {
            for body in ["{}", "{\"type\":\"sql\"}", "x"] {
                let refused = send(&server.admin, method, &path, body);
                let errors = refused.errors(400, "validation_failed");
                assert_eq!(errors, ["body:body_not_taken"], "{method} {path} {body}");
                // What is left of the body would be read as the next request.
                assert_eq!(refused.header("connection"), Some("close"), "{method} {path}");
            }
            let both = send(&server.admin, method, &format!("{path}?nope=1"), "{}");
            let errors = both.errors(400, "validation_failed");
            assert_eq!(errors, ["body:body_not_taken", "nope:unknown_parameter"], "{path}");
            if path.starts_with("/api/v1/") {
                send(&server.anonymous, method, &path, "{}").problem(401, "unauthenticated");
            }
            if path.contains("/1/") {
                let nowhere = path.replace("/1/", "/99/");
                send(&server.admin, method, &nowhere, "{}").problem(404, "not_found");
            }
        }
    }
    send(&server.viewer, "DELETE", "/api/v1/datastores/1/", "{}").problem(403, "forbidden");
    assert_eq!(send(&server.admin, "HEAD", "/api/v1/datastores/", "{}").status, 400);
    // Nothing was deleted, released or revoked.
    let datasets = server.admin.get("/api/v1/datastores/1/current-datasets/").expect(200).json();
    assert_eq!(datasets["count"], 1);
    assert_eq!(server.admin.get("/api/v1/audit/?action=token_revoke").json()["count"], 0);
    // A length of zero is fine.
    let empty = server.matcher.request("DELETE", "/api/v1/datastores/1/current-datasets/d/");
    let _ = empty.header("Content-Type", "text/plain").body("").send().expect(204);
}

/// 404 before 415 before 413 before 400.
#[test]
fn new_writes_are_refused_in_the_order_of_the_contract() {
    let server = server();
    let write = |client: &Client, target: &str, media: &str, body: Vec<u8>| {
        let request = client.request("POST", target).header("Content-Type", media);
        request.body(body).send()
    };
    let huge = || vec![b' '; 256 * 1024 + 1];
    let (json, text) = ("application/json", "text/plain");
    for (path, below_id) in [("/api/v1/datastores/1/restore/", true), ("/api/v1/tokens/", false)] {
        let target = format!("{path}?nope=1");
        write(&server.anonymous, &target, text, huge()).problem(401, "unauthenticated");
        write(&server.editor, &target, text, huge()).problem(403, "forbidden");
        if below_id {
            let nowhere = target.replace("/1/", "/99/");
            write(&server.editor, &nowhere, text, huge()).problem(403, "forbidden");
            write(&server.admin, &nowhere, text, huge()).problem(404, "not_found");
        }
        let admin = &server.admin;
        write(admin, &target, text, huge()).problem(415, "unsupported_media_type");
        write(admin, &target, json, huge()).problem(413, "content_too_large");
        write(admin, &target, json, b"{".to_vec()).problem(400, "malformed_json");
        let fine = json!({"name": "n", "role": "viewer"}).to_string();
        write(admin, &target, json, fine.into_bytes()).problem(400, "invalid_query");
    }
    let delete = |client: &Client, id: &str| client.delete(&format!("/api/v1/tokens/{id}/?nope=1"));
    delete(&server.editor, "99").problem(403, "forbidden");
    delete(&server.admin, "99").problem(404, "not_found");
    delete(&server.admin, "x").problem(404, "not_found");
    delete(&server.admin, "1").problem(400, "invalid_query");
}
