//! T31: a thousand clients that drip.

use crate::wire::{PATIENCE, Wire, assert_unbothered, memory, p99};
use datastore_tests::{DATASTORES, Process, by_parts, path_of};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const DRIPPERS: usize = 1000;
const MIB: u64 = 1024 * 1024;

/// A client that drips, in one of several ways; the server has a limit for each.
fn dripper(address: SocketAddr, token: &str, way: usize) -> Wire {
    let mut wire = Wire::to(address);
    let authorization = format!("Authorization: Bearer {token}\r\nContent-Type: application/json");
    let start = match way % 5 {
        0 => "GET /livez HTTP/1.1\r\nHost: a\r\nx: ".to_owned(),
        // A later head on the same connection.
        1 => "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /".to_owned(),
        2 => format!(
            "POST {DATASTORES} HTTP/1.1\r\nHost: a\r\n{authorization}\r\nContent-Length: 9999\r\n\r\n"
        ),
        3 => format!(
            "POST {DATASTORES} HTTP/1.1\r\nHost: a\r\n{authorization}\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"
        ),
        // A body that is refused and goes on.
        _ => format!(
            "POST {DATASTORES} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"
        ),
    };
    wire.send(start.as_bytes());
    wire
}

/// Keeps up the drippers until `enough`, then drips until the server has closed them all; returns
/// how many it had to close.
fn drip(address: SocketAddr, token: &str, there: &AtomicBool, enough: &AtomicBool) -> usize {
    let mut number = 0;
    let mut next = || {
        number += 1;
        dripper(address, token, number)
    };
    let mut drippers: VecDeque<Wire> = (0..DRIPPERS).map(|_| next()).collect();
    there.store(true, Ordering::Relaxed);
    let mut closed = 0;
    let mut stopped = None;
    while let Some(mut wire) = drippers.pop_front() {
        let stopping = enough.load(Ordering::Relaxed);
        // The pace of the drippers is a byte a second at the most.
        if wire.drip(b' ') && !wire.is_reset_within(Duration::from_millis(1)) {
            drippers.push_back(wire);
        } else {
            closed += 1;
            drippers.extend((!stopping).then(&mut next));
        }
        if stopping {
            let begin = *stopped.get_or_insert_with(Instant::now);
            assert!(begin.elapsed() < PATIENCE, "{} are never closed", drippers.len());
        }
    }
    closed
}

#[test]
fn t31_a_thousand_drippers_bother_nobody_and_are_closed() {
    // Each is an open file of ours as well.
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("up to the most");
    let folder = tempfile::tempdir().expect("a folder");
    let limits = [
        ("DATASTORE_API__HTTP__HEAD_TIMEOUT_MS", "2000"),
        ("DATASTORE_API__HTTP__BODY_TIMEOUT_MS", "2000"),
    ];
    let server = Process::serve(&folder.path().join("data"), &limits);
    let editor = server.client("editor");
    let path = path_of(&editor.create(&by_parts("a")));
    let _ = p99(&editor, &path);
    let (there, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let token = editor.token().expect("a token");
    std::thread::scope(|scope| {
        let before = (p99(&editor, &path), memory(&server, "VmRSS"));
        let dripping = scope.spawn(|| drip(server.address(), token, &there, &enough));
        while !there.load(Ordering::Relaxed) {
            assert!(!dripping.is_finished(), "the drippers could not connect");
            std::thread::yield_now();
        }
        let during = (p99(&editor, &path), memory(&server, "VmHWM"));
        enough.store(true, Ordering::Relaxed);
        let closed = dripping.join().expect("all were closed");
        let grown = during.1.saturating_sub(before.1) / MIB;
        assert!(closed >= DRIPPERS, "{closed}");
        assert!(grown < 64, "resident memory grew by {grown} MiB");
        assert_unbothered(before.0, during.0);
    });
    let _ = editor.get(&path).expect(200);
}
