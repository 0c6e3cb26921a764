//! How many connections there may be, and for how long.

use crate::wire::{PATIENCE, Wire};
use datastore_tests::{FakeServer, TestServer, by_parts, with};
use serde_json::json;
use std::time::{Duration, Instant};

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn t31_connections_at_the_bound() {
    let server = TestServer::with("http.max_connections = 5\nhttp.workers = 2");
    let open = || {
        let mut wire = Wire::to(server.address());
        wire.send(LIVEZ);
        let _ = wire.answer().expect(200);
        wire
    };
    let mut wires: Vec<Wire> = (0..5).map(|_| open()).collect();
    for _ in 0..3 {
        let mut more = Wire::to(server.address());
        more.send(LIVEZ);
        let answer = more.until_closed().0;
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    }
    for wire in &mut wires {
        wire.send(LIVEZ);
        let _ = wire.answer().expect(200);
    }
    // The place of a client that went is for the next one, as soon as the server has noticed.
    drop(wires.pop());
    let begin = Instant::now();
    loop {
        let mut next = Wire::to(server.address());
        next.send(LIVEZ);
        if next.sip(1) == 1 {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "the place was not given back");
    }
}

#[test]
fn t31_an_idle_connection_is_closed() {
    let server = TestServer::with("http.idle_timeout_ms = 300");
    let mut wire = Wire::to(server.address());
    // Together they take longer than the limit, which starts afresh with each.
    for _ in 0..8 {
        wire.send(LIVEZ);
        let _ = wire.answer().expect(200);
        assert!(!wire.is_reset_within(Duration::from_millis(50)));
    }
    let rest = wire.until_closed().0;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[test]
fn t31_a_connection_is_closed_however_long_its_last_answer_took() {
    let server = TestServer::with("http.head_timeout_ms = 100\nhttp.idle_timeout_ms = 200");
    let silent = FakeServer::silent();
    let place = json!({"server": "127.0.0.1", "port": silent.port()});
    let path = server.editor.create_at(&with(by_parts("a"), place));
    let request = server.editor.request("POST", &format!("{path}test-connection/"));
    let request = request.json(&json!({"timeout_ms": 1000})).to_bytes();
    let request = String::from_utf8(request).expect("text").replace("Connection: close\r\n", "");
    let mut wire = Wire::to(server.address());
    wire.send(request.as_bytes());
    // Neither limit is one of the answer.
    assert_eq!(wire.answer().expect(200).json()["error"]["code"], "timeout");
    let rest = wire.until_closed().0;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}
