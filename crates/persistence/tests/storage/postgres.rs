//! What only PostgreSQL can get wrong.

use crate::support::postgres::{END_SESSIONS, TestServer};
use crate::support::{TestDatabase as _, migrated, subject};
use datastore_domain::Action;
use datastore_ports::DatastoreRepository as _;
use datastore_testkit::contract::Subject;
use datastore_testkit::{entry, new_datastore};

async fn make() -> Subject {
    let database = TestServer::new();
    subject(migrated(&database).await, database)
}

mod contract {
    use super::make;

    datastore_testkit::storage_contract!(make);
}

/// As after a restart of the server: its connections are closed, new ones are taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t40_no_call_fails_because_of_a_connection_that_died_in_the_pool() {
    let database = TestServer::new();
    let storage = migrated(&database).await;
    for round in 0..3 {
        // Waits for the end of each, so that its goodbye has arrived.
        database.execute(END_SESSIONS).expect("the superuser may do so");
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
