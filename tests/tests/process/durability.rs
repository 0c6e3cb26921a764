//! T35: what was acknowledged is there after `kill -9`, and nothing else is.

use crate::history::assert_whole;
use crate::kills::{DEEP, KILLS, WRITERS, kill_in_the_middle};
use crate::model::{Outcome, Writer};
use datastore_tests::{Backend, Client, Installation, on_both_databases};

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
        // No 503: nothing was wrong until then.
        kill_in_the_middle(&mut writers, round, Outcome::Cut, || {
            let log = server.kill();
            assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
        });
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

on_both_databases!(t35_a_hundred_kills_lose_nothing_and_keep_nothing_refused);
