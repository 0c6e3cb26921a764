//! The port of connection tests' results.

use crate::rows::NewCheck;
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{Check, DatastoreId, Timestamp};
use datastore_ports::{CheckLog, RepositoryError};

#[async_trait]
impl CheckLog for Storage {
    async fn record(&self, datastore: DatastoreId, check: Check) -> Result<(), RepositoryError> {
        let new = NewCheck::new(datastore, &check);
        query!(self.write, checks::record(&new))
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
