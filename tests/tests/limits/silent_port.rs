//! T13: a thousand tests of a port that takes connections and says nothing.

use crate::wire::{PATIENCE, Wire, assert_unbothered, p99, status};
use datastore_tests::{DATASTORES, FakeServer, Process, by_parts, with};
use serde_json::json;
use std::time::Instant;

const TESTS: usize = 1000;
const SLOTS: usize = 16;

/// Sockets that the server holds, in whatever state they are.
fn sockets(server: &Process) -> usize {
    let folder = format!("/proc/{}/fd", server.pid());
    let descriptors = std::fs::read_dir(folder).expect("this is Linux, and it runs").flatten();
    let places = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    places.filter(|place| place.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn t13_a_thousand_tests_of_a_silent_port_bother_nobody_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let slots = SLOTS.to_string();
    let server = Process::serve(
        &folder.path().join("data"),
        &[
            ("DATASTORE_API__CONNECTIVITY__SLOTS", &slots),
            ("DATASTORE_API__CONNECTIVITY__SLOTS_PER_TOKEN", &slots),
            ("DATASTORE_API__CONNECTIVITY__SLOTS_PER_TARGET", &slots),
        ],
    );
    let editor = server.client("editor");
    let silent = FakeServer::silent();
    let body = with(by_parts("a"), json!({"server": "127.0.0.1", "port": silent.port()}));
    let path = editor.create_at(&body);
    let _ = p99(&editor, &path);
    let (before, threads) = (p99(&editor, &path), status(&server, "Threads"));
    let held = sockets(&server);
    // Of what is not stored, so that none shares another's result; five seconds each.
    let request = editor.request("POST", &format!("{DATASTORES}test-connection/")).json(&body);
    let request = request.to_bytes();
    let mut tests: Vec<_> = (0..TESTS).map(|_| Wire::to(server.address())).collect();
    for test in &mut tests {
        assert!(test.send(&request), "the server takes the request");
    }
    let during = p99(&editor, &path);
    assert_unbothered(before, during);
    let answers: Vec<_> = tests.into_iter().map(|test| test.until_closed().answer()).collect();
    let ran = answers.iter().filter(|answer| answer.status == 200).count();
    for answer in &answers {
        match answer.status {
            200 => assert_eq!(answer.json()["error"]["code"], "timeout", "{}", answer.text()),
            _ => drop(answer.problem(503, "probe_capacity_exceeded")),
        }
    }
    assert!((SLOTS..TESTS / 10).contains(&ran), "{ran} tests ran");
    assert_eq!(silent.seen().len(), ran, "each of them on one connection");
    let begin = Instant::now();
    while sockets(&server) > held {
        assert!(begin.elapsed() < PATIENCE, "{} sockets are left", sockets(&server) - held);
        std::thread::yield_now();
    }
    // Threads for the records of what was found may still rest; those of tests are none's own.
    let after = status(&server, "Threads");
    assert!(after <= threads + SLOTS as u64, "{threads} threads before, {after} afterwards");
    let log = server.terminate();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}
