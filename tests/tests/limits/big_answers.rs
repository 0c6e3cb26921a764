//! T32: many clients that read the longest page slowly.

use crate::wire::{PATIENCE, Wire, fill, longest_page, memory};
use datastore_tests::{DATASTORES, Process, Response};
use std::time::Instant;

const MIB: u64 = 1024 * 1024;

/// The status and the length of an answer that begins with `bytes`.
fn status(bytes: &[u8]) -> Option<u16> {
    std::str::from_utf8(bytes.get(9..12)?).ok()?.parse().ok()
}

#[test]
fn t32_slow_readers_of_the_longest_page() {
    let folder = tempfile::tempdir().expect("a folder");
    // How long they may take is not what is asked here.
    let patient = ("DATASTORE_API__HTTP__WRITE_TIMEOUT_MS", "600000");
    let server = Process::serve(&folder.path().join("data"), &[patient]);
    let viewer = server.client("viewer");
    fill(&server.client("editor"), 500);
    let whole = viewer.get(&longest_page()).expect(200).body.len();
    assert!(whole > 5_000_000, "{whole}");
    let request = viewer.request("GET", &longest_page()).to_bytes();
    let mut slow: Vec<Wire> = (0..64).map(|_| Wire::to(server.address())).collect();
    for wire in &mut slow {
        wire.send(&request);
    }
    // Each has an answer in hand and leaves most of it unread.
    let mut begun: Vec<Vec<u8>> = slow.iter_mut().map(|wire| wire.gulp(1024)).collect();
    let statuses: Vec<_> = begun.iter().filter_map(|bytes| status(bytes)).collect();
    let (served, refused): (Vec<u16>, Vec<u16>) = statuses.iter().partition(|s| **s == 200);
    assert_eq!(statuses.len(), 64, "{statuses:?}");
    assert!(refused.iter().all(|status| *status == 503), "{statuses:?}");
    assert!(!served.is_empty() && !refused.is_empty(), "{statuses:?}");
    // An honest client is told one or the other at once, and small answers always come.
    for _ in 0..5 {
        let answer = viewer.get(&longest_page());
        if answer.status == 200 {
            assert_eq!(answer.body.len(), whole);
        } else {
            answer.problem(503, "overloaded");
        }
        let _ = viewer.get(&format!("{DATASTORES}1/")).expect(200);
        let _ = viewer.get(&format!("{DATASTORES}?page_size=5")).expect(200);
    }
    // Those that were let in get all of it.
    for (wire, start) in slow.into_iter().zip(&mut begun) {
        start.extend(wire.until_closed().0);
        let answer = Response::parse(start, false).expect("a whole answer");
        if answer.status == 200 {
            assert_eq!(answer.body.len(), whole);
        } else {
            answer.problem(503, "overloaded");
        }
    }
    // And there is room again, as soon as the server has noticed.
    let begin = Instant::now();
    while viewer.get(&longest_page()).status != 200 {
        assert!(begin.elapsed() < PATIENCE, "the room was not given back");
    }
    let peak = memory(&server, "VmHWM") / MIB;
    assert!(peak < 512, "resident at most {peak} MiB");
}
