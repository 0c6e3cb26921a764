//! The contract of the storage ports, on the adapter in memory.

use datastore_testkit::MemoryStorage;
use datastore_testkit::contract::Subject;
use std::sync::Arc;

async fn make() -> Subject {
    let storage = Arc::new(MemoryStorage::new());
    Subject::new(storage.clone(), storage, ())
}

datastore_testkit::storage_contract!(make);
