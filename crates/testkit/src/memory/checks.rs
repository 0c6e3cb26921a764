//! The port of connection tests' results.

use super::{MemoryStorage, State};
use async_trait::async_trait;
use datastore_domain::{Check, DatastoreId, HistoryEntry, Timestamp};
use datastore_ports::{CheckLog, MOST_CHECKS, RepositoryError};

#[async_trait]
impl CheckLog for MemoryStorage {
    async fn record(
        &self,
        datastore: DatastoreId,
        check: Check,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        if !state.datastores.iter().any(|row| row.id == datastore) {
            return Err(RepositoryError::NotFound);
        }
        state.checks.push((datastore, check));
        state.history.push(HistoryEntry { datastore: Some(datastore), ..entry });
        Ok(())
    }

    async fn since(
        &self,
        datastore: DatastoreId,
        from: Timestamp,
    ) -> Result<Vec<Check>, RepositoryError> {
        let mut checks = self.state()?.checks_of(datastore);
        checks.retain(|check| check.at >= from);
        checks.drain(..checks.len().saturating_sub(MOST_CHECKS.into()));
        Ok(checks)
    }

    async fn last(&self, datastore: DatastoreId) -> Result<Option<Check>, RepositoryError> {
        Ok(self.state()?.checks_of(datastore).pop())
    }
}

impl State {
    /// Oldest first; stable, so that ties stay in the order of recording.
    fn checks_of(&self, datastore: DatastoreId) -> Vec<Check> {
        let here = self.checks.iter().filter(|(id, _)| *id == datastore);
        let mut checks: Vec<_> = here.map(|(_, check)| *check).collect();
        checks.sort_by_key(|check| check.at);
        checks
    }
}
