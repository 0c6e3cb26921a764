//! Migrations and the schema's version.

use crate::support::{TestDatabase, entries, migrated, on_both_databases};
use datastore_domain::Action;
use datastore_persistence::{SchemaError, SchemaState};
use datastore_ports::{DatasetAssignments as _, DatastoreRepository as _};
use datastore_testkit::{assignment, at, entry, new_datastore, page};

on_both_databases! {
    a_new_database_is_pending_and_then_current,
    every_migration_can_be_taken_back_and_run_again,
    t38_four_replicas_that_start_together_migrate_once,
    t38_four_replicas_that_start_together_finish_an_older_schema_once,
    t49_an_older_schema_is_migrated_with_its_rows_kept,
    t44_a_newer_database_is_refused_with_both_versions,
    t44_a_database_of_another_program_is_refused,
}

const FIRST: &str = "00000000000001";
const NEWEST: &str = "00000000000002";

async fn a_new_database_is_pending_and_then_current(database: &impl TestDatabase) {
    let storage = database.open();
    let state = storage.schema_state().await.expect("answers");
    assert_eq!(state, SchemaState::Pending(vec![FIRST.to_owned(), NEWEST.to_owned()]));
    assert!(database.schema().is_empty(), "a look changes nothing");
    assert_eq!(storage.migrate().await.expect("migrates"), [FIRST, NEWEST]);
    assert_eq!(storage.schema_state().await.expect("answers"), SchemaState::Current);
    assert_eq!(storage.migrate().await.expect("has nothing to do"), Vec::<String>::new());
}

async fn every_migration_can_be_taken_back_and_run_again(database: &impl TestDatabase) {
    let mut before = Vec::new();
    for version in [FIRST, NEWEST] {
        before.push(database.schema());
        assert_eq!(database.migrate_one(), version);
    }
    let newest = database.schema();
    assert!(newest.iter().any(|line| line.contains("datastores")), "{newest:?}");
    for version in [NEWEST, FIRST] {
        assert_eq!(database.revert_one(), version);
        assert_eq!(Some(database.schema()), before.pop(), "before {version}");
    }
    let storage = migrated(database).await;
    assert_eq!(database.schema(), newest);
    storage.ping().await.expect("answers");
}

/// How many migrations each of four replicas runs that start together.
async fn start_four(database: &impl TestDatabase) -> Vec<usize> {
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let storage = database.open();
        replicas.spawn(async move { storage.migrate().await.expect("migrates").len() });
    }
    let mut ran = replicas.join_all().await;
    ran.sort_unstable();
    ran
}

async fn t38_four_replicas_that_start_together_migrate_once(database: &impl TestDatabase) {
    assert_eq!(start_four(database).await, [0, 0, 0, 2]);
}

async fn t38_four_replicas_that_start_together_finish_an_older_schema_once(
    database: &impl TestDatabase,
) {
    assert_eq!(database.migrate_one(), FIRST);
    assert_eq!(start_four(database).await, [0, 0, 0, 1]);
}

async fn t49_an_older_schema_is_migrated_with_its_rows_kept(database: &impl TestDatabase) {
    assert_eq!(database.migrate_one(), FIRST);
    let storage = database.open();
    let stored = storage.insert(new_datastore("one"), entry(Action::Create)).await.expect("stores");
    let gone = storage.insert(new_datastore("gone"), entry(Action::Create)).await.expect("stores");
    let deleted = gone.delete(at(1)).expect("it lives");
    storage.delete(&deleted, gone.version, entry(Action::Delete)).await.expect("deletes");
    let assigned = assignment("d", at(1));
    let assign = storage.assign(stored.id, assigned.clone(), false, entry(Action::Assign));
    assign.await.expect("nothing is in the way");
    assert_eq!(
        storage.schema_state().await.expect("answers"),
        SchemaState::Pending(vec![NEWEST.to_owned()])
    );
    drop(storage);
    let storage = migrated(database).await;
    assert_eq!(storage.find(stored.id).await.expect("answers").as_ref(), Some(&stored));
    assert_eq!(storage.find_any(gone.id).await.expect("answers"), Some(deleted));
    let current = storage.current(stored.id, page(1, 9)).await.expect("answers");
    assert_eq!(current.rows, [assigned]);
    assert_eq!(entries(&storage).await, 4);
    storage.insert(new_datastore("gone"), entry(Action::Create)).await.expect("the name is free");
}

async fn t44_a_newer_database_is_refused_with_both_versions(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000999')";
    database.execute(newer).expect("writes");
    let error = storage.migrate().await.expect_err("is refused");
    assert!(matches!(error, SchemaError::Newer { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("00000000000999") && text.contains(NEWEST), "{text}");
}

async fn t44_a_database_of_another_program_is_refused(database: &impl TestDatabase) {
    let storage = database.open();
    let theirs = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY);
                  INSERT INTO __diesel_schema_migrations VALUES ('20240101000000');";
    database.execute(theirs).expect("writes");
    let error = storage.migrate().await.expect_err("is refused");
    assert!(matches!(error, SchemaError::NotOurs), "{error:?}");
    for theirs in [
        // Nothing but tables; the name of our migration, and nothing of ours; ours without its name.
        "DROP TABLE __diesel_schema_migrations; CREATE TABLE theirs (name TEXT);",
        "DROP TABLE theirs; CREATE VIEW theirs AS SELECT 1 AS one;",
        "DROP VIEW theirs; CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY);
         INSERT INTO __diesel_schema_migrations VALUES ('00000000000001');",
        "DROP TABLE __diesel_schema_migrations; CREATE TABLE sealed_canary (id INTEGER);",
    ] {
        database.execute(theirs).expect("writes");
        let error = storage.migrate().await.expect_err(theirs);
        assert!(matches!(error, SchemaError::NotOurs), "{theirs}: {error:?}");
    }
    database.execute("DROP TABLE sealed_canary").expect("writes");
    assert_eq!(database.schema(), Vec::<String>::new());
    assert_eq!(storage.migrate().await.expect("migrates what is empty"), [FIRST, NEWEST]);
}
