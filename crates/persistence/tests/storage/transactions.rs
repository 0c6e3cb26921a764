//! Change and history are one; rows that do not parse are told by name.

use crate::support::{TestDatabase, entries, migrated, on_both_databases};
use datastore_domain::{Action, Datastore, HistoryFilter, Paging, Role, TokenDigest};
use datastore_persistence::Storage;
use datastore_ports::{
    DatasetAssignments as _, DatastoreRepository, HistoryLog as _, RepositoryError, TokenRepository,
};
use datastore_testkit::{assignment, at, dataset, entry, new_datastore, page, token_name};

on_both_databases! {
    an_action_of_a_newer_program_is_passed_on,
    t29_without_its_history_entry_no_change_is_stored,
    t29_without_its_history_entry_nothing_is_restored,
    t29_the_history_refuses_to_be_changed,
    a_row_that_does_not_parse_is_corrupt_by_name,
    changes_that_are_no_object_are_corrupt,
    rows_of_both_or_no_connection_are_refused_by_the_database,
}

async fn insert(storage: &Storage, name: &str) -> Result<Datastore, RepositoryError> {
    DatastoreRepository::insert(storage, new_datastore(name), entry(Action::Create)).await
}

async fn find(storage: &Storage, stored: &Datastore) -> Result<Option<Datastore>, RepositoryError> {
    DatastoreRepository::find(storage, stored.id).await
}

async fn t29_without_its_history_entry_no_change_is_stored(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let stored = insert(&storage, "one").await.expect("stores");
    let assign = || storage.assign(stored.id, assignment("d", at(1)), false, entry(Action::Assign));
    assign().await.expect("nothing is in the way");
    // From now on no entry can be written.
    database.execute("ALTER TABLE history RENAME TO history_elsewhere").expect("renames");

    let refused = insert(&storage, "two").await;
    assert!(matches!(refused, Err(RepositoryError::Internal(_))), "{refused:?}");
    let mut next = stored.clone();
    next.version = stored.version.next();
    next.profile.is_active = false;
    storage.update(&next, stored.version, entry(Action::Update)).await.expect_err("no entry");
    let dataset = dataset("d");
    storage
        .release(stored.id, &dataset, at(2), entry(Action::Release))
        .await
        .expect_err("no entry");
    let other = assignment("e", at(2));
    storage.assign(stored.id, other, false, entry(Action::Assign)).await.expect_err("no entry");
    let digest = TokenDigest::from_bytes([1; 32]);
    let token = entry(Action::TokenCreate);
    TokenRepository::insert(&storage, token_name("t"), Role::Admin, digest, at(1), None, token)
        .await
        .expect_err("no entry");

    database.execute("ALTER TABLE history_elsewhere RENAME TO history").expect("renames");
    assert_eq!(find(&storage, &stored).await.expect("answers"), Some(stored.clone()));
    let tokens = TokenRepository::list(&storage, page(1, 10)).await.expect("answers");
    assert_eq!(tokens.count, Some(0));
    let current = storage.current(stored.id, page(1, 10)).await.expect("answers");
    assert_eq!(current.rows, [assignment("d", at(1))]);
    assert_eq!(entries(&storage).await, 2);
    insert(&storage, "two").await.expect("the name is free");
}

async fn t29_without_its_history_entry_nothing_is_restored(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let stored = insert(&storage, "one").await.expect("stores");
    let gone = stored.delete(at(1)).expect("it lives");
    storage.delete(&gone, stored.version, entry(Action::Delete)).await.expect("deletes");
    let restored = gone.restore(at(2)).expect("it is deleted");
    let restore = || storage.restore(&restored, gone.version, entry(Action::Restore));
    database.execute("ALTER TABLE history RENAME TO history_elsewhere").expect("renames");
    let refused = restore().await;
    assert!(matches!(refused, Err(RepositoryError::Internal(_))), "{refused:?}");
    database.execute("ALTER TABLE history_elsewhere RENAME TO history").expect("renames");
    assert_eq!(storage.find_any(gone.id).await.expect("answers"), Some(gone.clone()));
    restore().await.expect("nothing is in the way");
}

async fn t29_the_history_refuses_to_be_changed(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    insert(&storage, "one").await.expect("stores");
    for sql in ["UPDATE history SET actor = 'x'", "DELETE FROM history"] {
        let error = database.execute(sql).expect_err("is refused");
        assert!(error.to_string().contains("history is append-only"), "{sql}: {error}");
    }
    assert_eq!(entries(&storage).await, 1);
}

async fn a_row_that_does_not_parse_is_corrupt_by_name(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let stored = insert(&storage, "one").await.expect("stores");
    let broken = [
        ("type", "'graph'"),
        ("type", "'sql '"),
        ("system", "'oracle'"),
        ("name", "''"),
        ("server", "'a b'"),
        ("tls", "'maybe'"),
        ("updated_at", "9223372036854775807"),
    ];
    for (name, value) in broken {
        database.execute("ALTER TABLE datastores ADD COLUMN kept TEXT").expect("adds");
        database
            .execute(&format!("UPDATE datastores SET kept = CAST({name} AS TEXT)"))
            .expect("keeps");
        database.execute(&format!("UPDATE datastores SET {name} = {value}")).expect("breaks");
        match find(&storage, &stored).await {
            Err(RepositoryError::Corrupt { table: "datastores", id: 1, column }) => {
                assert_eq!(column, name, "{value}");
            }
            other => panic!("{name} = {value}: {other:?}"),
        }
        let kept = if name == "updated_at" { "CAST(kept AS BIGINT)" } else { "kept" };
        database.execute(&format!("UPDATE datastores SET {name} = {kept}")).expect("mends");
        database.execute("ALTER TABLE datastores DROP COLUMN kept").expect("drops");
    }
    assert_eq!(find(&storage, &stored).await.expect("answers"), Some(stored));
}

async fn changes_that_are_no_object_are_corrupt(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    insert(&storage, "one").await.expect("stores");
    let read = || async {
        let page = Paging::Cursor { size: 1, from: None };
        storage.entries(&HistoryFilter::default(), page).await
    };
    assert_eq!(read().await.expect("answers").rows[0].changes, "{}");
    for (id, changes) in (2..).zip(["", "{", "[]", "null", "\"x\"", "7", "{} {}", "{\"a\":}"]) {
        let values = format!("1, 'tester', 'create', '{changes}'");
        let sql = format!("INSERT INTO history (at, actor, action, changes) VALUES ({values})");
        database.execute(&sql).expect("stores");
        match read().await {
            Err(RepositoryError::Corrupt { table: "history", id: found, column: "changes" }) => {
                assert_eq!(found, id, "{changes}");
            }
            other => panic!("{changes}: {other:?}"),
        }
    }
}

async fn rows_of_both_or_no_connection_are_refused_by_the_database(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    insert(&storage, "one").await.expect("stores");
    for set in
        ["password_sealed = NULL", "connection_string_mask = 'x'", "port = 0", "port = 65536"]
    {
        let error = database.execute(&format!("UPDATE datastores SET {set}"));
        error.expect_err("violates a constraint");
    }
}

async fn an_action_of_a_newer_program_is_passed_on(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let newer = "INSERT INTO history (at, actor, action, changes) VALUES (1, 'a', 'rotate', '{}')";
    database.execute(newer).expect("writes");
    let newest = Paging::Cursor { size: 1, from: None };
    let found = storage.entries(&HistoryFilter::default(), newest).await.expect("answers");
    assert_eq!(found.rows[0].action, "rotate");
}
