//! T36 and T40: PostgreSQL itself is killed, again and again, and the server goes on.

use crate::history::assert_whole;
use crate::kills::{DEEP, KILLS, WRITERS, kill_in_the_middle};
use crate::model::{Outcome, Writer};
use datastore_testkit::PostgresServer;
use datastore_tests::{Client, Installation};
use std::time::{Duration, Instant};

/// `fsync` is on, as in production.
#[test]
fn t36_a_hundred_kills_of_postgresql_leave_each_write_whole_or_absent() {
    // After a crash it syncs its thousand files; one call for all of them is several times faster.
    let mut postgres = PostgresServer::start_with(&["recovery_init_sync_method=syncfs"]);
    let installation = Installation::in_database(postgres.url("postgres"));
    // The writers' connections rest while PostgreSQL recovers, which takes long on a busy machine.
    let server = installation.serve(&[
        ("DATASTORE_API__DATABASE__POOL_WAIT_MS", "1000"),
        ("DATASTORE_API__HTTP__IDLE_TIMEOUT_MS", "3600000"),
    ]);
    let admin = Client::new(server.address(), Some(installation.token("admin")));
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(number, &admin)).collect();
    let mut opened = vec![0; WRITERS];
    for round in 1..=KILLS {
        // 503, as no connection to the server is cut.
        kill_in_the_middle(&mut writers, round, Outcome::Unavailable, || postgres.kill());
        postgres.start_again();
        await_ready(&admin);
        for writer in &mut writers {
            writer.resolve();
            writer.verify_latest();
        }
        if round % DEEP == 0 {
            assert_whole(&mut installation.database(), &admin, &mut writers, &mut opened);
        }
    }
    let stored: usize = writers.iter().map(|writer| writer.rows.len()).sum();
    assert!(stored > KILLS, "hardly anything was written: {stored}");
    let log = server.terminate();
    assert!(!log.contains("panicked"), "{log}");
}

/// Waits until the server has noticed that its database is back: 5 s by the threat, and another one
/// since the machine may be busy.
#[track_caller]
fn await_ready(client: &Client) {
    let back = Instant::now();
    while client.get("/readyz").status != 200 {
        assert!(back.elapsed() < Duration::from_secs(6), "not ready again");
    }
}
