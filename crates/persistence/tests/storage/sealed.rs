//! What the start and `key status` ask of the storage.

use crate::support::{TestDatabase, migrated, on_both_databases};
use datastore_domain::{Action, SealedConnection, SealedValue};
use datastore_ports::{DatastoreRepository as _, RepositoryError};
use datastore_testkit::{at, entry, new_datastore, new_datastore_by_string};

on_both_databases! {
    a_new_database_holds_nothing_sealed,
    keeps_one_canary,
    counts_values_of_each_key,
    names_the_row_whose_value_is_too_short,
}

async fn a_new_database_holds_nothing_sealed(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    assert!(!storage.has_sealed_values().await.expect("answers"));
    assert!(storage.sealed_key_ids().await.expect("answers").is_empty());
    let stored = storage.insert(new_datastore("one"), entry(Action::Create)).await.expect("stores");
    let deleted = stored.delete(at(1)).expect("it lives");
    storage.delete(&deleted, stored.version, entry(Action::Delete)).await.expect("deletes");
    assert!(storage.has_sealed_values().await.expect("answers"), "a deleted one counts");
}

async fn keeps_one_canary(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    assert_eq!(storage.canary().await.expect("answers"), None);
    let first = SealedValue::new(vec![1, 2, 3]);
    for canary in [&first, &SealedValue::new(vec![0; 200])] {
        storage.put_canary_if_absent(canary).await.expect("stores");
        assert_eq!(storage.canary().await.expect("answers").as_ref(), Some(&first));
    }
    assert!(storage.has_sealed_values().await.expect("answers"));
}

async fn counts_values_of_each_key(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    for number in 0..3 {
        let new = new_datastore(&format!("by parts {number}"));
        storage.insert(new, entry(Action::Create)).await.expect("stores");
    }
    let mut other = new_datastore_by_string("other key");
    let sealed = SealedValue::new(b"\x01\x03k-2and the rest".to_vec());
    other.connection = SealedConnection::Uri { sealed, mask: "redis://***".to_owned() };
    storage.insert(other, entry(Action::Create)).await.expect("stores");
    let counts = storage.sealed_key_ids().await.expect("answers");
    let counts: Vec<_> = counts.iter().map(|(key, count)| (&key[..], *count)).collect();
    assert_eq!(counts, [(&b"k-2"[..], 1), (&b"test"[..], 3)]);
}

async fn names_the_row_whose_value_is_too_short(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let mut new = new_datastore("short");
    if let SealedConnection::Parts { password, .. } = &mut new.connection {
        *password = SealedValue::new(vec![1, 9, b'x']);
    }
    let stored = storage.insert(new, entry(Action::Create)).await.expect("stores");
    match storage.sealed_key_ids().await {
        Err(RepositoryError::Corrupt { table: "datastores", id, column: "password_sealed" }) => {
            assert_eq!(id, stored.id.get());
        }
        other => panic!("{other:?}"),
    }
}
