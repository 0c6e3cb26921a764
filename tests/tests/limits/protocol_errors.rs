//! T33: bytes that are no request. What is hidden behind them is never served.

use crate::wire::Wire;
use datastore_tests::{Response, TestServer};

/// A request that is fine, behind one that is not.
const HIDDEN: &[u8] = b"GET /livez HTTP/1.1\r\nHost: hidden\r\n\r\n";

/// What is wrong, the bytes, and the status.
fn malformed() -> Vec<(&'static str, Vec<u8>, u16)> {
    let text = |what, text: &str, status| (what, text.as_bytes().to_vec(), status);
    let host = "Host: a\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        text("no version", "GET /livez\r\n\r\n", 400),
        text("HTTP/0.9", "GET /livez\r\n", 400),
        text("an unknown version", &format!("GET /livez HTTP/9.9\r\n{host}\r\n"), 400),
        text("a preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        text("no method", &format!(" /livez HTTP/1.1\r\n{host}\r\n"), 400),
        text("no target", &format!("GET  HTTP/1.1\r\n{host}\r\n"), 400),
        text("a target with a space", &format!("GET /a b HTTP/1.1\r\n{host}\r\n"), 400),
        text("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n", 400),
        text("noise", "\x00\x01\x02\r\n\r\n", 400),
        text("no Host", "GET /livez HTTP/1.1\r\n\r\n", 400),
        text("two hosts", "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        text("a folded line", &format!("GET /livez HTTP/1.1\r\n{host}x: a\r\n b\r\n\r\n"), 400),
        text(
            "a space before the colon",
            &format!("GET /livez HTTP/1.1\r\n{host}x : a\r\n\r\n"),
            400,
        ),
        text("a field without a name", &format!("GET /livez HTTP/1.1\r\n{host}: a\r\n\r\n"), 400),
        text("a field without a colon", &format!("GET /livez HTTP/1.1\r\n{host}xyz\r\n\r\n"), 400),
        text("NUL in a value", &format!("GET /livez HTTP/1.1\r\n{host}x: a\0b\r\n\r\n"), 400),
        text("CR in a value", &format!("GET /livez HTTP/1.1\r\n{host}x: a\rb\r\n\r\n"), 400),
        text(
            "two lengths",
            &format!(
                "POST /livez HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"
            ),
            400,
        ),
        text(
            "a list of lengths",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: 5, 5\r\n\r\n"),
            400,
        ),
        text(
            "a length with a sign",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\n"),
            400,
        ),
        text(
            "a length below zero",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: -5\r\n\r\n"),
            400,
        ),
        text(
            "a length beyond all",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: 99999999999999999999\r\n\r\n"),
            400,
        ),
        text(
            "length and chunks",
            &format!("POST /livez HTTP/1.1\r\n{host}{chunked}Content-Length: 5\r\n\r\n0\r\n\r\n"),
            400,
        ),
        text(
            "chunks and length",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: 5\r\n{chunked}\r\n0\r\n\r\n"),
            400,
        ),
        text(
            "two codings",
            &format!("POST /livez HTTP/1.1\r\n{host}{chunked}{chunked}\r\n0\r\n\r\n"),
            400,
        ),
        text(
            "an unknown coding",
            &format!("POST /livez HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        text(
            "chunks in HTTP/1.0",
            &format!("POST /livez HTTP/1.0\r\n{host}{chunked}\r\n0\r\n\r\n"),
            400,
        ),
        // The method is refused before the body is looked at.
        text(
            "a size of a chunk that is none",
            &format!("POST /livez HTTP/1.1\r\n{host}{chunked}\r\nxyz\r\n"),
            405,
        ),
        text(
            "a size of a chunk beyond all",
            &format!("POST /livez HTTP/1.1\r\n{host}{chunked}\r\nfffffffffffffffff\r\n"),
            405,
        ),
        text(
            "a body that goes on",
            &format!("POST /livez HTTP/1.1\r\n{host}Content-Length: 1000\r\n\r\n"),
            405,
        ),
    ]
}

/// The status of the one answer in `bytes`; bare ones of the framework have an empty body.
#[track_caller]
fn only_status(what: &str, bytes: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{what}: {text}");
    assert!(!text.contains("\"ok\""), "{what}: {text}");
    let answer = Response::parse(bytes, false).unwrap_or_else(|| panic!("{what}: {text}"));
    if answer.body.is_empty() {
        assert_eq!(answer.header("x-request-id"), None, "{what}: one of ours has a problem");
    } else {
        let code = answer.json()["code"].as_str().expect("a code").to_owned();
        answer.problem(answer.status, &code);
    }
    answer.status
}

#[test]
fn t33_what_is_no_request_is_refused_and_the_connection_closed() {
    let server = TestServer::start();
    for (what, bytes, status) in malformed() {
        let mut wire = Wire::to(server.address());
        wire.send(&[&bytes[..], HIDDEN].concat());
        let ended = wire.until_closed();
        assert_eq!(only_status(what, &ended.0), status, "{what}");
        let _ = server.viewer.get("/livez").expect(200);
    }
}

#[test]
fn t33_what_ends_early_leaves_nothing_behind() {
    let server = TestServer::with("http.max_connections = 8");
    let whole =
        server.editor.request("POST", "/api/v1/datastores/").json(&datastore_tests::by_parts("a"));
    let whole = whole.to_bytes();
    // Half-closed or gone, in the middle of line, head and body; more often than there are places.
    for length in (0..whole.len()).step_by(7) {
        let mut wire = Wire::to(server.address());
        wire.send(&whole[..length]);
        wire.end();
        let ended = wire.until_closed();
        let text = String::from_utf8_lossy(&ended.0);
        assert!(!text.starts_with("HTTP/1.1 2"), "{length}: {text}");
        let mut gone = Wire::to(server.address());
        gone.send(&whole[..length]);
    }
    assert_eq!(server.viewer.get("/api/v1/datastores/").expect(200).json()["count"], 0);
}

#[test]
fn t33_requests_in_a_row_are_answered_in_their_order() {
    let server = TestServer::start();
    let mut wire = Wire::to(server.address());
    let request =
        |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{more}\r\n");
    let targets = ["/livez", "/nothing", "/readyz", "/api/v1/datastores/"];
    let mut all: String = targets.iter().map(|target| request(target, "")).collect();
    all += &request("/livez", "Connection: close\r\n");
    wire.send(all.as_bytes());
    let answers = wire.until_closed().0;
    let text = String::from_utf8_lossy(&answers);
    let statuses: Vec<_> =
        text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect();
    assert_eq!(statuses, ["200", "404", "200", "401", "200"], "{text}");
}
