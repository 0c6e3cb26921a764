//! T30: what is not strict JSON, sent over raw sockets.

use datastore_tests::{DATASTORES, Response, TestServer, by_parts};

fn post(server: &TestServer, body: &[u8]) -> Response {
    let request = server.editor.request("POST", DATASTORES);
    request.header("Content-Type", "application/json").body(body).send()
}

#[test]
fn t30_malformed_bodies() {
    let server = TestServer::start();
    let valid = by_parts("a").to_string();
    let member = |text: &str| format!("{},{text}}}", valid.trim_end_matches('}')).into_bytes();
    let deep =
        |levels: usize| member(&format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels)));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", b"".to_vec()),
        ("white space", b" \n".to_vec()),
        ("cut short", valid.trim_end_matches('}').as_bytes().to_vec()),
        ("same key", member("\"name\":\"b\"")),
        ("same key, escaped", member("\"n\\u0061me\":\"b\"")),
        ("same unknown key", member("\"x\":1,\"x\":2")),
        ("same key inside", member("\"x\":{\"a\":1,\"a\":2}")),
        ("33 levels", deep(32)),
        ("many levels", deep(50_000)),
        ("too great a number", member("\"storage_capacity_gb\":1e999")),
        ("no number", member("\"storage_capacity_gb\":NaN")),
        ("leading zero", member("\"storage_capacity_gb\":01")),
        ("lone surrogate", member("\"x\":\"\\ud800\"")),
        ("surrogates swapped", member("\"x\":\"\\udc00\\ud800\"")),
        ("byte order mark", [b"\xef\xbb\xbf", valid.as_bytes()].concat()),
        ("text behind", [valid.as_bytes(), b" x"].concat()),
        ("two values", [valid.as_bytes(), valid.as_bytes()].concat()),
        ("not UTF-8", [&member("\"x\":\"")[..], b"\xff\"}"].concat()),
        ("overlong UTF-8", b"{\"name\":\"\xc0\xaf\"}".to_vec()),
        ("raw control character", b"{\"name\":\"a\nb\"}".to_vec()),
        ("comment", b"{/**/}".to_vec()),
        ("trailing comma", b"{\"name\":\"a\",}".to_vec()),
        ("single quotes", b"{'name':'a'}".to_vec()),
        ("UTF-16", valid.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for (what, body) in cases {
        let problem = post(&server, &body).problem(400, "malformed_json");
        assert!(problem.get("errors").is_none(), "{what}");
    }
    assert_eq!(server.editor.get(DATASTORES).json()["count"], 0);
}

#[test]
fn t30_what_is_json_and_no_datastore() {
    let server = TestServer::start();
    for body in ["null", "[]", "\"x\"", "5", "true", "[{}]"] {
        post(&server, body.as_bytes()).problem(400, "validation_failed");
    }
    let valid = by_parts("a").to_string();
    let with = |text: &str| format!("{},{text}}}", valid.trim_end_matches('}')).into_bytes();
    let deep = format!("\"x\":{}{}", "[".repeat(31), "]".repeat(31));
    let unknown = post(&server, &with(&deep));
    assert_eq!(unknown.errors(400, "validation_failed"), ["x:unknown_member"]);
    for number in ["-0", "0", "-0.0", "0e5"] {
        let refused = post(&server, &with(&format!("\"storage_capacity_gb\":{number}")));
        let expected = ["storage_capacity_gb:out_of_range"];
        assert_eq!(refused.errors(400, "validation_failed"), expected, "{number}");
    }
    // Whole, however it is written; and pairs of surrogates are one character.
    let body = valid.replace("5432", "54320e-1").replace("\"a\"", "\"\\ud834\\udd1e\"");
    let created = post(&server, body.as_bytes()).expect(201).json();
    assert_eq!((&created["port"], &created["name"]), (&5432.into(), &"\u{1d11e}".into()));
}

#[test]
fn t30_no_error_quotes_what_it_cannot_read() {
    let server = TestServer::start();
    for body in [
        &b"{\"password\":\"canary-secret\""[..],
        b"{\"password\":canary-secret}",
        b"{\"password\":\"canary-secret\",\"password\":\"canary-secret\"}",
        b"{\"password\":[\"canary-secret\"]}",
        b"{\"port\":\"canary-secret\",\"type\":\"canary-secret\",\"tls\":\"canary-secret\"}",
        b"{\"server\":\"canary-secret@\",\"connection_string\":\"canary-secret\"}",
    ] {
        let answer = post(&server, body);
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}

#[test]
fn t33_what_is_not_http_is_refused_and_the_connection_closed() {
    let server = TestServer::start();
    let host = server.address();
    let raw = |text: &str| server.anonymous.raw(text.as_bytes());
    for text in [
        "nonsense\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        format!("GET /livez HTTP/9.9\r\nHost: {host}\r\n\r\n"),
        format!("GET /li vez HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nBad Name: x\r\n\r\n"),
        format!("POST {DATASTORES} HTTP/1.1\r\nHost: {host}\r\nContent-Length: x\r\n\r\n"),
        format!("POST {DATASTORES} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n"),
    ] {
        let answer = Response::parse(&raw(&text), false).expect("an answer");
        assert_eq!(answer.status, 400, "{text}");
    }
    // Two lengths would let one request hide in another.
    let smuggled = format!(
        "POST {DATASTORES} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n"
    );
    let answer = raw(&smuggled);
    assert!(!String::from_utf8_lossy(&answer).contains("\"ok\""), "a hidden request was served");
    let huge = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let answer = Response::parse(&raw(&huge), false).expect("an answer");
    assert_eq!(answer.status, 431);
}
