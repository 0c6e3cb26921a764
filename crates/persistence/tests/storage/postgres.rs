//! What only PostgreSQL can get wrong.

use crate::support::postgres::TestServer;
use crate::support::{TestDatabase as _, migrated, subject};
use datastore_domain::Action;
use datastore_persistence::{PoolSettings, SchemaError, Storage};
use datastore_ports::{DatastoreRepository as _, RepositoryError};
use datastore_testkit::contract::Subject;
use datastore_testkit::{entry, new_datastore};
use std::time::{Duration, Instant};

async fn make() -> Subject {
    let database = TestServer::new();
    subject(migrated(&database).await, database)
}

mod contract {
    use super::make;

    datastore_testkit::storage_contract!(make);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_a_server_that_refuses_is_unavailable_within_two_seconds() {
    let url = "postgres://nobody:secret@127.0.0.1:1/nothing".parse().expect("valid");
    let storage = Storage::open(&url, PoolSettings::default()).expect("opens without a server");
    let begun = Instant::now();
    let answer = storage.ping().await;
    assert!(matches!(answer, Err(RepositoryError::Unavailable(_))), "{answer:?}");
    let schema = storage.schema_state().await;
    assert!(matches!(schema, Err(SchemaError::Unavailable(_))), "{schema:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(!format!("{answer:?} {storage:?}").contains("secret"));
}

/// As after a restart of the server: its connections are closed, new ones are taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_no_call_fails_because_of_a_connection_that_died_in_the_pool() {
    let database = TestServer::new();
    let storage = migrated(&database).await;
    for round in 0..3 {
        // Waits for the end of each, so that its goodbye has arrived.
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.execute(end).expect("the superuser may do so");
        let new = new_datastore(&format!("after {round}"));
        storage.insert(new, entry(Action::Create)).await.expect("stores on a new connection");
        storage.ping().await.expect("answers");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_may_be_dropped_inside_a_runtime() {
    let database = TestServer::new();
    let storage = migrated(&database).await;
    storage.ping().await.expect("answers");
    drop(storage);
}
