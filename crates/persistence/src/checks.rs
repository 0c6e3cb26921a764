//! The port of connection tests' results.

use crate::rows::{NewCheck, NewHistory};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{Check, DatastoreId, HistoryEntry, Timestamp};
use datastore_ports::{CheckLog, RepositoryError};

#[async_trait]
impl CheckLog for Storage {
    async fn record(
        &self,
        datastore: DatastoreId,
        check: Check,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let new = NewCheck::new(datastore, &check);
        let entry = NewHistory::new(&entry).of(datastore.get(), None);
        query!(self.write, checks::record(&new, &entry))
    }

    async fn since(
        &self,
        datastore: DatastoreId,
        from: Timestamp,
    ) -> Result<Vec<Check>, RepositoryError> {
        let rows = query!(self.scan, checks::since(datastore, from))?;
        rows.into_iter().map(Check::try_from).collect()
    }

    async fn last(&self, datastore: DatastoreId) -> Result<Option<Check>, RepositoryError> {
        query!(self.read, checks::last(datastore))?.map(Check::try_from).transpose()
    }
}
