//! What the start and `key status` ask of the storage.

use crate::support::{TestDatabase, migrated, on_both_databases};
use datastore_domain::{Action, SealedConnection, SealedValue};
use datastore_ports::DatastoreRepository as _;
use datastore_testkit::{at, entry, new_datastore, new_datastore_by_string};

on_both_databases! {
    t44_keys_can_be_checked_before_there_is_a_schema,
    a_new_database_holds_nothing_sealed,
    keeps_one_canary,
    counts_values_of_each_key,
    counts_values_too_short_to_name_a_key,
}

async fn t44_keys_can_be_checked_before_there_is_a_schema(database: &impl TestDatabase) {
    let storage = database.open();
    assert!(!storage.has_sealed_values().await.expect("answers"));
    assert_eq!(storage.canary().await.expect("answers"), None);
    assert!(storage.sealed_key_ids().await.expect("answers").is_empty());
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
    let counts: Vec<_> = counts.iter().map(|(key, count)| (key.as_deref(), *count)).collect();
    assert_eq!(counts, [(Some(&b"k-2"[..]), 1), (Some(&b"test"[..]), 3)]);
}

async fn counts_values_too_short_to_name_a_key(database: &impl TestDatabase) {
    let storage = migrated(database).await;
    let mut new = new_datastore("short");
    if let SealedConnection::Parts { password, .. } = &mut new.connection {
        *password = SealedValue::new(vec![1, 9, b'x']);
    }
    storage.insert(new, entry(Action::Create)).await.expect("stores");
    let mut new = new_datastore("empty");
    if let SealedConnection::Parts { password, .. } = &mut new.connection {
        *password = SealedValue::new(Vec::new());
    }
    storage.insert(new, entry(Action::Create)).await.expect("stores");
    storage.insert(new_datastore("whole"), entry(Action::Create)).await.expect("stores");
    let counts = storage.sealed_key_ids().await.expect("answers");
    assert_eq!(counts.get(&None), Some(&2), "{counts:?}");
    assert_eq!(counts.values().sum::<u64>(), 3, "{counts:?}");
}
