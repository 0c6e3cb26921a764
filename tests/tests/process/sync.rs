//! T35: what is acknowledged is on the disk, and not just on its way there. A killed process does
//! not show this, since the system keeps what was written; its calls do.

use datastore_tests::{DATASTORES, Process, by_parts, path_of};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;

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

/// A pipe in place of the trace's file, and who reads it to its end: the tracer is no child of ours.
fn trace_into(pipe: &Path) -> JoinHandle<String> {
    let made = Command::new("mkfifo").arg(pipe).status().expect("it runs");
    assert!(made.success(), "{made}");
    let pipe = pipe.to_owned();
    std::thread::spawn(move || std::fs::read_to_string(pipe).expect("a trace"))
}

#[test]
fn t35_the_log_is_synced_between_its_last_write_and_each_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let calls = "fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg";
    let traced = trace_into(&trace);
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
    let _ = server.terminate();
    let trace = traced.join().expect("no panic");
    assert!(trace.contains("+++ exited with 0 +++"), "the trace has no end: {trace}");
    let events = events(&trace);
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
