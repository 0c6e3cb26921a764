//! Sizes at their bounds: exactly the limit is fine, one more is refused.

use crate::wire::{Wire, fill, longest_page};
use datastore_tests::{Client, DATASTORES, Request, Response, TestServer, by_parts};

/// A body of this many bytes for a new datastore.
fn padded(name: &str, length: usize) -> Vec<u8> {
    let mut body = by_parts(name).to_string().into_bytes();
    body.resize(length, b' ');
    body
}

fn post(client: &Client) -> Request {
    client.request("POST", DATASTORES).header("Content-Type", "application/json")
}

/// A body of unknown length, in chunks.
fn chunked(client: &Client, body: &[u8]) -> Response {
    let mut bytes = post(client).header("Transfer-Encoding", "chunked").to_bytes();
    for chunk in body.chunks(500) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    let mut wire = Wire::to(client.address());
    wire.send(&bytes);
    wire.until_closed().answer()
}

#[test]
fn t30_bodies_at_the_bound() {
    let server = TestServer::with("http.max_body_bytes = 2000");
    let editor = &server.editor;
    let _ = post(editor).body(padded("a", 2000)).send().expect(201);
    post(editor).body(padded("b", 2001)).send().problem(413, "content_too_large");
    let _ = chunked(editor, &padded("c", 2000)).expect(201);
    chunked(editor, &padded("d", 2001)).problem(413, "content_too_large");
    let names = server.viewer.get(DATASTORES).expect(200).json();
    assert_eq!(names["count"], 2, "{names}");
}

/// A request with this many fields in its head, which the client's own are three of.
fn with_fields(client: &Client, fields: usize) -> Request {
    let request = client.request("GET", "/livez");
    (3..fields).fold(request, |request, at| request.header(&format!("x-{at}"), "v"))
}

#[test]
fn t33_fields_of_a_head_at_the_bound() {
    let server = TestServer::start();
    let _ = with_fields(&server.viewer, 64).send().expect(200);
    let refused = server.viewer.keep_alive().send(&with_fields(&server.viewer, 66));
    let refused = refused.expect("an answer");
    refused.problem(431, "headers_too_large");
    assert_eq!(refused.header("connection"), Some("close"));
    // The framework's own limit is 96 fields; its answer is bare.
    with_fields(&server.viewer, 96).send().problem(431, "headers_too_large");
    let _ = with_fields(&server.viewer, 97).send().expect(431);
    let fewer = TestServer::with("http.max_head_fields = 8");
    let _ = with_fields(&fewer.viewer, 8).send().expect(200);
    with_fields(&fewer.viewer, 9).send().problem(431, "headers_too_large");
}

/// A request with this many bytes in the names and values of its head.
fn with_head(client: &Client, bytes: usize) -> Request {
    let bare = String::from_utf8(client.request("GET", "/livez").to_bytes()).expect("text");
    let fields = bare.lines().filter_map(|line| line.split_once(": "));
    let own: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
    client.request("GET", "/livez").header("x", &"v".repeat(bytes - own - 1))
}

#[test]
fn t33_bytes_of_a_head_at_the_bound() {
    let server = TestServer::start();
    let kib = 1024;
    let _ = with_head(&server.viewer, 32 * kib).send().expect(200);
    for more in [32 * kib + 1, 41 * kib, 100 * kib, 1000 * kib] {
        with_head(&server.viewer, more).send().problem(431, "headers_too_large");
    }
    let less = TestServer::with("http.max_head_bytes = 1024");
    let _ = with_head(&less.viewer, kib).send().expect(200);
    with_head(&less.viewer, kib + 1).send().problem(431, "headers_too_large");
}

fn with_target(client: &Client, bytes: usize) -> Response {
    let start = format!("{DATASTORES}?search=");
    let mut wire = Wire::to(client.address());
    let target = format!("{start}{}", "x".repeat(bytes - start.len()));
    wire.send(&client.request("GET", &target).to_bytes());
    wire.until_closed().answer()
}

#[test]
fn t33_targets_at_the_bound() {
    let server = TestServer::start();
    let kib = 1024;
    with_target(&server.viewer, 8 * kib).problem(400, "invalid_query");
    // From 64 KiB on the framework's parser would answer a bare 400.
    for more in [8 * kib + 1, 40 * kib, 64 * kib, 70 * kib, 1000 * kib] {
        with_target(&server.viewer, more).problem(414, "uri_too_long");
    }
    let other = TestServer::with("http.max_target_bytes = 256\nhttp.max_head_bytes = 1024");
    with_target(&other.viewer, 256).problem(400, "invalid_query");
    with_target(&other.viewer, 257).problem(414, "uri_too_long");
}

/// A server with twenty long datastores.
fn filled(settings: &str) -> TestServer {
    let server = TestServer::with(settings);
    fill(&server.editor, 20);
    server
}

#[test]
fn t32_unsent_answers_at_the_bound() {
    let length = filled("").viewer.get(&longest_page()).expect(200).body.len();
    let server = filled(&format!("http.max_unsent_bytes = {length}"));
    // On one connection, so that an answer is off the server's hands before the next begins.
    let mut wire = Wire::to(server.address());
    let request = server.viewer.request("GET", &longest_page()).to_bytes();
    let request = String::from_utf8(request).expect("text").replace("Connection: close\r\n", "");
    for _ in 0..3 {
        wire.send(request.as_bytes());
        assert_eq!(wire.answer().expect(200).body.len(), length);
    }
    drop(wire);
    let server = filled(&format!("http.max_unsent_bytes = {}", length - 1));
    let refused = server.viewer.get(&longest_page());
    refused.problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // What sends nothing of the kind is not concerned: heads, short answers, texts of all.
    let _ = server.viewer.request("HEAD", &longest_page()).send().expect(200);
    let _ = server.viewer.get(&format!("{DATASTORES}?page_size=5")).expect(200);
    let _ = server.editor.create(&by_parts("another"));
}
