//! How many connections there may be, and for how long.

use crate::wire::{PATIENCE, Wire};
use datastore_tests::TestServer;
use std::time::Instant;

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
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let rest = wire.until_closed().0;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}
