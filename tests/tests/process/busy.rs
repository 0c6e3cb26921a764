//! T37: many writers, and the command line beside the server.

use crate::history::assert_tells_what_is_stored;
use crate::model::{Outcome, Writer};
use datastore_tests::{Backend, Client, Installation, on_both_databases};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

const WRITERS: usize = 16;
const WRITES: usize = 40;

fn t37_writers_and_the_command_line_do_not_disturb_each_other(backend: Backend) {
    let installation = Installation::new(backend);
    let server = installation.serve(&[]);
    let admin = Client::new(server.address(), Some(installation.token("admin")));
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(number, &admin)).collect();
    let written = AtomicBool::new(false);
    let revoked = std::thread::scope(|scope| {
        let operator = scope.spawn(|| make_and_revoke_until(&installation, &written));
        let writing: Vec<_> =
            writers.iter_mut().map(|writer| scope.spawn(|| write(writer))).collect();
        let ended: Vec<_> = writing.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        written.store(true, Ordering::SeqCst);
        let revoked = operator.join().expect("the command line works");
        assert!(ended.iter().all(Result::is_ok), "a writer found something wrong");
        revoked
    });
    for writer in &mut writers {
        writer.verify_all();
    }
    let mut database = installation.database();
    let stored =
        database.number("SELECT count(*) AS value FROM tokens WHERE revoked_at IS NOT NULL");
    assert_eq!(stored, revoked);
    assert_tells_what_is_stored(&mut database, &admin);
    let log = server.terminate();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}

fn write(writer: &mut Writer) {
    for _ in 0..WRITES {
        assert_eq!(writer.step(), Outcome::Exact);
    }
}

/// Makes a token and revokes it, again and again; returns how often.
fn make_and_revoke_until(installation: &Installation, written: &AtomicBool) -> i64 {
    let run = |arguments: &[&str]| {
        let output = installation.command(arguments).output().expect("the binary runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    };
    let mut revoked = 0;
    while revoked == 0 || !written.load(Ordering::SeqCst) {
        let _ = installation.token("viewer");
        let list = run(&["token", "list", "--output", "json"]);
        let list: Value = serde_json::from_str(&list).expect("JSON");
        let rows = list.as_array().expect("rows").iter();
        let valid = rows.filter(|row| row["name"] == "viewer" && row["revoked_at"].is_null());
        for row in valid {
            let _ = run(&["token", "revoke", &row["id"].to_string()]);
            revoked += 1;
        }
    }
    revoked
}

on_both_databases!(t37_writers_and_the_command_line_do_not_disturb_each_other);
