//! Migrations and the schema's version.

use crate::support::{TestDatabase, migrated, on_both_databases};
use datastore_persistence::{SchemaError, SchemaState};
use datastore_ports::DatastoreRepository as _;

on_both_databases! {
    a_new_database_is_pending_and_then_current,
    every_migration_can_be_taken_back_and_run_again,
    t38_four_replicas_that_start_together_migrate_once,
    t44_a_newer_database_is_refused_with_both_versions,
    t44_a_database_of_another_program_is_refused,
}

const FIRST: &str = "00000000000001";

async fn a_new_database_is_pending_and_then_current(database: &impl TestDatabase) {
    let storage = database.open();
    let state = storage.schema_state().await.expect("answers");
    assert_eq!(state, SchemaState::Pending(vec![FIRST.to_owned()]));
    assert!(database.tables().is_empty(), "a look changes nothing");
    assert_eq!(storage.migrate().await.expect("migrates"), [FIRST]);
    assert_eq!(storage.schema_state().await.expect("answers"), SchemaState::Current);
    assert_eq!(storage.migrate().await.expect("has nothing to do"), Vec::<String>::new());
}

async fn every_migration_can_be_taken_back_and_run_again(database: &impl TestDatabase) {
    drop(migrated(database).await);
    let tables = database.tables();
    assert!(tables.iter().any(|table| table == "datastores"), "{tables:?}");
    database.revert();
    assert_eq!(database.tables(), Vec::<String>::new());
    let storage = migrated(database).await;
    assert_eq!(database.tables(), tables);
    storage.ping().await.expect("answers");
}

async fn t38_four_replicas_that_start_together_migrate_once(database: &impl TestDatabase) {
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let storage = database.open();
        replicas.spawn(async move { storage.migrate().await });
    }
    let ran: Vec<_> =
        replicas.join_all().await.into_iter().map(|ran| ran.expect("migrates").len()).collect();
    assert_eq!(ran.iter().sum::<usize>(), 1, "{ran:?}");
}

async fn t44_a_newer_database_is_refused_with_both_versions(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000999')";
    database.execute(newer).expect("writes");
    let error = storage.migrate().await.expect_err("is refused");
    assert!(matches!(error, SchemaError::Newer { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("00000000000999") && text.contains(FIRST), "{text}");
}

async fn t44_a_database_of_another_program_is_refused(database: &impl TestDatabase) {
    let storage = database.open();
    let theirs = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY);
                  INSERT INTO __diesel_schema_migrations VALUES ('20240101000000');";
    database.execute(theirs).expect("writes");
    let error = storage.migrate().await.expect_err("is refused");
    assert!(matches!(error, SchemaError::NotOurs), "{error:?}");
}
