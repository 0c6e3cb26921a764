//! Heads and bodies that take too long, and answers that nobody reads.

use crate::wire::{Ended, PATIENCE, Wire, fill, longest_page};
use datastore_tests::{DATASTORES, TestServer};
use std::time::Duration;

/// Between two bytes of a client that drips.
const PAUSE: Duration = Duration::from_millis(20);

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends one byte after the other until the server closes.
fn drip(mut wire: Wire, byte: u8) -> Ended {
    // Enough for the longest limit here many times over.
    for _ in 0..500 {
        if !wire.drip(byte) || wire.is_reset_within(PAUSE) {
            break;
        }
    }
    wire.block();
    wire.until_closed()
}

fn server() -> TestServer {
    TestServer::with("http.head_timeout_ms = 300\nhttp.body_timeout_ms = 300")
}

#[test]
fn t31_a_head_that_drips_is_refused() {
    let server = server();
    let mut wire = Wire::to(server.address());
    wire.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nx: ");
    let answer = drip(wire, b'x').answer();
    answer.problem(408, "request_timeout");
    assert_eq!(answer.header("connection"), Some("close"));
    // So is one that never begins.
    Wire::to(server.address()).until_closed().answer().problem(408, "request_timeout");
}

#[test]
fn t31_a_later_head_that_drips_is_refused() {
    let server = server();
    let mut wire = Wire::to(server.address());
    wire.send(LIVEZ);
    let _ = wire.answer().expect(200);
    wire.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nx: ");
    drip(wire, b'x').answer().problem(408, "request_timeout");
}

#[test]
fn t31_a_body_that_drips_is_refused() {
    let server = server();
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let (name, value) = framing.split_once(": ").expect("a field");
        let request = server.editor.request("POST", DATASTORES).header(name, value);
        let request = request.header("Content-Type", "application/json").to_bytes();
        // Without the client's wish to close, which would hide that the server closes.
        let head = String::from_utf8(request).expect("text").replace("Connection: close\r\n", "");
        let mut wire = Wire::to(server.address());
        wire.send(head.as_bytes());
        if name == "Transfer-Encoding" {
            wire.send(b"ffff\r\n");
        }
        let answer = drip(wire, b' ').answer();
        answer.problem(408, "request_timeout");
        assert_eq!(answer.header("connection"), Some("close"), "{framing}");
    }
}

#[test]
fn t31_a_refused_body_that_drips_on_is_cut() {
    let server = server();
    for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let mut wire = Wire::to(server.address());
        wire.send(format!("POST {DATASTORES} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").as_bytes());
        wire.send(b"ffff\r\n");
        let answer = drip(wire, b' ').answer();
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("connection"), Some("close"), "{framing}");
    }
}

#[test]
fn t31_a_client_is_not_blamed_for_a_busy_server() {
    let server = TestServer::with("http.head_timeout_ms = 250\nhttp.workers = 1");
    fill(&server.editor, 100);
    // Pages that are ready at the same time keep the only worker from looking at anybody else.
    let open = |request: &[u8]| {
        let mut wire = Wire::to(server.address());
        wire.send(request);
        wire
    };
    let page = server.viewer.request("GET", &format!("{DATASTORES}?page_size=100")).to_bytes();
    let pages: Vec<_> = (0..10).map(|_| open(&page)).collect();
    let short = server.viewer.request("GET", "/livez").to_bytes();
    let wires: Vec<_> = (0..100)
        .map(|_| {
            let wire = open(&short);
            assert!(!wire.is_reset_within(PAUSE / 4));
            wire
        })
        .collect();
    for wire in pages.into_iter().chain(wires) {
        let _ = wire.until_closed().answer().expect(200);
    }
}

#[test]
fn t31_a_client_that_does_not_read_is_cut() {
    let server = TestServer::with("http.write_timeout_ms = 500");
    // More than the kernels on both sides take off the server's hands.
    fill(&server.editor, 200);
    let mut wire = Wire::to(server.address());
    let request = server.viewer.request("GET", &longest_page()).to_bytes();
    wire.send(&request);
    assert!(wire.is_reset_within(PATIENCE), "a client that does not read is served for ever");
    // One that reads slower than the limit, but reads, gets all of it.
    let mut slow = Wire::to(server.address());
    slow.send(&request);
    for _ in 0..20 {
        assert!(slow.sip(32 * 1024) > 0);
        assert!(!slow.is_reset_within(Duration::from_millis(50)), "cut although it reads");
    }
    assert!(slow.until_closed().0.len() > 500_000);
}
