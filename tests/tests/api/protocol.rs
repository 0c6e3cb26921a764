//! What holds for every path: slashes, methods, headers.

use datastore_tests::{Client, DATASTORES, Response, TestServer, by_parts};
use serde_json::json;

/// Every path and the methods it takes.
const PATHS: [(&str, &str); 11] = [
    ("/api/v1/datastores", "GET, HEAD, POST, OPTIONS"),
    ("/api/v1/datastores/types", "GET, HEAD, OPTIONS"),
    ("/api/v1/datastores/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
    ("/api/v1/datastores/1/test-connection", "POST, OPTIONS"),
    ("/api/v1/datastores/1/current-datasets", "GET, HEAD, OPTIONS"),
    ("/api/v1/datastores/1/current-datasets/d", "PUT, DELETE, OPTIONS"),
    ("/api/v1/datastores/1/performance", "GET, HEAD, OPTIONS"),
    ("/livez", "GET, HEAD, OPTIONS"),
    ("/readyz", "GET, HEAD, OPTIONS"),
    ("/openapi.json", "GET, HEAD, OPTIONS"),
    ("/docs", "GET, HEAD, OPTIONS"),
];

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE"];

/// A server with datastore 1.
fn server() -> TestServer {
    let server = TestServer::start();
    let _ = server.editor.create(&by_parts("a"));
    server
}

/// Insists on the headers that every answer carries.
#[track_caller]
fn assert_common(answer: &Response, what: &str) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{what}: no id"));
    assert!((1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()), "{what}");
    assert!(answer.header("cache-control").is_some(), "{what}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
    assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
}

#[test]
fn both_forms_of_a_path_are_served_without_redirects() {
    let server = server();
    for (path, allow) in PATHS {
        for method in allow.split(", ").filter(|method| *method != "DELETE") {
            let send = |target: &str| {
                let request = server.admin.request(method, target);
                match method {
                    "POST" | "PUT" | "PATCH" => request.json(&json!({})).send(),
                    _ => request.send(),
                }
            };
            let (bare, slashed) = (send(path), send(&format!("{path}/")));
            // The first PUT of a dataset assigns, the second finds it assigned.
            let alike =
                bare.status == slashed.status || (bare.status, slashed.status) == (201, 200);
            assert!(
                alike && !(300..400).contains(&bare.status),
                "{method} {path}: {}",
                bare.status
            );
            assert_ne!(bare.status, 404, "{method} {path}");
            assert_ne!(bare.status, 405, "{method} {path}");
        }
    }
}

#[test]
fn doubled_slashes_and_unknown_paths_are_not_found() {
    let server = server();
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v2/datastores/",
        "/api/v1/datastore/",
        "/API/v1/datastores/",
        "//api/v1/datastores/",
        "/api//v1/datastores/",
        "/api/v1//datastores/",
        "/api/v1/datastores//",
        "/api/v1/datastores/1//",
        "/api/v1/datastores//1/",
        "/api/v1/datastores/1//performance/",
        "/api/v1/datastores/1/performance//",
        "/api/v1/datastores/1/nothing/",
        "/livez//",
        "/api/v1/datastores/1/current-datasets//d/",
        "/api/v1/datastores/types//",
        "/api/v1/datastores/1/current-datasets/d/e/",
        "/api/v1/datastores%2F1/",
        "/favicon.ico",
    ] {
        for client in [&server.admin, &server.anonymous] {
            let answer = client.get(path);
            if answer.status == 401 {
                // A doubled slash may look like a malformed id, which strangers learn nothing of.
                assert!(client.token().is_none(), "{path}");
                continue;
            }
            answer.problem(404, "not_found");
            assert_common(&answer, path);
        }
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let server = server();
    for (path, allow) in PATHS {
        for target in [path.to_owned(), format!("{path}/")] {
            for method in METHODS.iter().filter(|m| !allow.split(", ").any(|a| a == **m)) {
                let answer = server.admin.request(method, &target).send();
                assert_eq!(answer.status, 405, "{method} {target}");
                assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
                assert_common(&answer, &target);
                if *method != "HEAD" {
                    answer.problem(405, "method_not_allowed");
                }
            }
        }
    }
}

#[test]
fn options_need_no_token() {
    let server = server();
    for (path, allow) in PATHS {
        for target in [path.to_owned(), format!("{path}/")] {
            let request = server.anonymous.request("OPTIONS", &target);
            let answer = request.header("Origin", "https://elsewhere.example").send().expect(204);
            assert_eq!(answer.header("allow"), Some(allow), "{target}");
            assert!(answer.body.is_empty());
            assert_common(&answer, &target);
        }
    }
}

#[test]
fn head_is_get_without_a_body() {
    let server = server();
    for (path, allow) in PATHS.iter().filter(|(_, allow)| allow.contains("GET")) {
        assert!(allow.contains("HEAD"), "{path}");
        for target in [(*path).to_owned(), format!("{path}/"), format!("{path}?nope=1")] {
            let (get, head) =
                (server.editor.get(&target), server.editor.request("HEAD", &target).send());
            assert_eq!(head.status, get.status, "{target}");
            assert!(head.body.is_empty(), "{target}");
            for name in ["content-type", "etag", "cache-control", "content-length"] {
                assert_eq!(head.header(name), get.header(name), "{name} of {target}");
            }
        }
    }
    assert_eq!(server.anonymous.request("HEAD", DATASTORES).send().status, 401);
    assert_eq!(server.editor.request("HEAD", &format!("{DATASTORES}99")).send().status, 404);
}

#[test]
fn every_answer_carries_the_common_headers() {
    let server = server();
    let path = format!("{DATASTORES}1/");
    let answers = [
        server.editor.get(DATASTORES),
        server.editor.post(DATASTORES, &by_parts("b")),
        server.editor.get(&path),
        server.editor.patch(&path, &json!({"port": 0})),
        server.anonymous.get(&path),
        server.viewer.delete(&path),
        server.matcher.put(&format!("{path}current-datasets/d/"), &json!({})),
        server.editor.delete(&path),
        server.matcher.delete(&format!("{path}current-datasets/d/")),
        server.editor.delete(&path),
        server.anonymous.get("/livez"),
        server.anonymous.get("/readyz"),
    ];
    let statuses = answers.each_ref().map(|answer| answer.status);
    assert_eq!(statuses, [200, 201, 200, 400, 401, 403, 201, 409, 204, 204, 200, 200]);
    for answer in &answers {
        assert_common(answer, &format!("{}", answer.status));
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.status);
    }
}

fn request_id(client: &Client, given: &str) -> String {
    let answer = client.request("GET", "/livez").header("X-Request-Id", given).send();
    answer.header("x-request-id").expect("an id").to_owned()
}

#[test]
fn a_request_id_is_repeated_when_it_is_fit_to_be() {
    let server = TestServer::start();
    let longest = "x".repeat(128);
    for good in ["a", "0af7651916cd43dd8448eb211c80319c", "~!#$%&'()", longest.as_str()] {
        assert_eq!(request_id(&server.anonymous, good), good);
    }
    let too_long = "x".repeat(129);
    for bad in ["", "a b", "\u{e9}", "a\tb", too_long.as_str()] {
        let made = request_id(&server.anonymous, bad);
        assert!(!made.is_empty() && made != bad, "{bad}");
        assert_ne!(request_id(&server.anonymous, bad), made, "{bad}");
    }
}

#[test]
fn livez_and_readyz_need_no_token() {
    let server = TestServer::start();
    for path in ["/livez", "/readyz"] {
        let answer = server.anonymous.get(path).expect(200);
        assert_eq!(answer.text(), r#"{"status":"ok"}"#);
        let with_a_bad_token = server.client("dsa_nonsense").get(path);
        assert_eq!(with_a_bad_token.status, 200);
    }
}

#[test]
fn unknown_parameters_are_refused_where_none_is_known() {
    let server = server();
    for path in ["/livez", "/readyz", "/openapi.json", "/docs", "/api/v1/datastores/types"] {
        let answer = server.viewer.get(&format!("{path}?verbose=1"));
        assert_eq!(answer.errors(400, "invalid_query"), ["verbose:unknown_parameter"], "{path}");
    }
}

#[test]
fn a_request_target_has_8_kib() {
    let server = TestServer::start();
    let target = |length: usize| {
        let start = format!("{DATASTORES}?search=");
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    server.viewer.get(&target(8 * 1024 + 1)).problem(414, "uri_too_long");
    server.viewer.get(&target(8 * 1024)).problem(400, "invalid_query");
}
