//! T35: what was acknowledged is there after `kill -9`, and nothing else is.

use crate::history::assert_whole;
use crate::model::{Outcome, Writer};
use datastore_tests::{Backend, Client, Installation, Process, on_both_databases};
use std::sync::mpsc;
use std::time::Duration;

const WRITERS: usize = 8;
const KILLS: usize = 100;
/// How often everything is looked at, and not just what was lately written.
const DEEP: usize = 20;

fn t35_a_hundred_kills_lose_nothing_and_keep_nothing_refused(backend: Backend) {
    let installation = Installation::new(backend);
    let mut server = installation.serve(&[]);
    let admin = match backend {
        Backend::Sqlite => server.admin(),
        Backend::Postgres => Client::new(server.address(), Some(installation.token("admin"))),
    };
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(number, &admin)).collect();
    let mut opened = vec![0; WRITERS];
    for round in 1..=KILLS {
        kill_in_the_middle(server, &mut writers, round);
        installation.await_quiet();
        server = installation.serve(&[]);
        let admin = Client::new(server.address(), admin.token().map(str::to_owned));
        for writer in &mut writers {
            writer.move_to(server.address());
            writer.resolve();
            writer.verify_latest();
        }
        if round % DEEP == 0 {
            assert_whole(&mut installation.database(), &admin, &mut writers, &mut opened);
        }
    }
    let stored: usize = writers.iter().map(|writer| writer.rows.len()).sum();
    assert!(stored > KILLS, "hardly anything was written: {stored}");
    let _ = server.terminate();
}

/// All write, and the server is killed after some answers: each round at another moment.
fn kill_in_the_middle(server: Process, writers: &mut [Writer], round: usize) {
    let (told, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for writer in writers {
            let told = told.clone();
            // The receiver is gone once enough was written.
            scope.spawn(move || {
                let ended = writer.write_until_unsure(|| {
                    let _ = told.send(());
                });
                assert_eq!(ended, Outcome::Cut, "503 although nothing was wrong");
            });
        }
        drop(told);
        for _ in 0..20 + (round * 7) % 31 {
            if answers.recv().is_err() {
                break;
            }
        }
        // Not always just after an answer: what is awaited here is nothing but another moment.
        std::thread::sleep(Duration::from_micros((round as u64 * 389) % 2500));
        let log = server.kill();
        assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    });
}

on_both_databases!(t35_a_hundred_kills_lose_nothing_and_keep_nothing_refused);
