//! The contract of the storage ports, on the adapter in memory.

use datastore_testkit::MemoryStorage;
use datastore_testkit::contract::Subject;
use std::sync::Arc;

async fn make() -> Subject {
    Subject::new(Arc::new(MemoryStorage::new()), ())
}

datastore_testkit::storage_contract!(make);
