//! T35: what is acknowledged is on the disk, and not just on its way there. A killed process does
//! not show this, since the system keeps what was written; its calls do.

use datastore_tests::{DATASTORES, Process, by_parts, path_of};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// What one call of the trace was about.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    LogWritten,
    LogSynced,
    Acknowledged,
}

/// The calls that matter, in their order: a write when it begins, a sync when it has ended.
fn events(trace: &str) -> Vec<Event> {
    let mut events = Vec::new();
    // Threads that are in a sync of the log.
    let mut syncing = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let sync = ["fdatasync(", "fsync("].iter().any(|name| call.starts_with(name));
        if sync && call.contains("-wal>") {
            if call.contains("<unfinished") {
                syncing.push(thread);
            } else if call.ends_with("= 0") {
                events.push(Event::LogSynced);
            }
        } else if call.contains("sync resumed>") && syncing.contains(&thread) {
            syncing.retain(|other| *other != thread);
            if call.ends_with("= 0") {
                events.push(Event::LogSynced);
            }
        } else if call.starts_with("pwrite64(") && call.contains("-wal>") {
            events.push(Event::LogWritten);
        } else if call.contains("HTTP/1.1 20") && !call.starts_with("recv") {
            events.push(Event::Acknowledged);
        }
    }
    events
}

/// Waits until the tracer has written all that it saw.
fn whole(trace: &Path, pid: u32) -> String {
    let end = [pid.to_string().as_str(), "+++", "exited"].map(str::to_owned);
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(trace).expect("a trace");
        if text.lines().any(|line| line.split_whitespace().take(3).eq(end.iter())) {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the trace has no end");
        // It is no child of ours, and wakes nobody.
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn t35_the_log_is_synced_between_its_last_write_and_each_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let calls = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg";
    let server = Process::serve_traced(&folder.path().join("data"), calls, &trace);
    let admin = server.admin();
    for n in 0..5 {
        let path = path_of(&admin.create(&by_parts(&format!("n{n}"))));
        let _ = admin.patch(&path, &json!({"description": "changed"})).expect(200);
        let _ = admin.put(&format!("{path}current-datasets/d{n}/"), &json!({})).expect(201);
        let _ = admin.delete(&format!("{path}current-datasets/d{n}/")).expect(204);
        let _ = admin.delete(&path).expect(204);
    }
    let _ = admin.post(DATASTORES, &json!({})).errors(400, "validation_failed");
    let pid = server.pid();
    let _ = server.terminate();
    let events = events(&whole(&trace, pid));
    let mut acknowledged = 0;
    let mut since = Vec::new();
    for event in events {
        if event == Event::Acknowledged {
            assert!(since.contains(&Event::LogWritten), "answer {acknowledged} wrote nothing");
            assert_eq!(since.last(), Some(&Event::LogSynced), "answer {acknowledged}");
            acknowledged += 1;
            since.clear();
        } else {
            since.push(event);
        }
    }
    assert_eq!(acknowledged, 25);
}
