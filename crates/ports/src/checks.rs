//! Storage of connection tests' results.

use crate::RepositoryError;
use async_trait::async_trait;
use datastore_domain::{Check, DatastoreId, HistoryEntry, Timestamp};

/// Most checks that are read at once: one a minute for 30 days is fewer.
pub const MOST_CHECKS: u16 = 50_000;

/// Keeps what connection tests found.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CheckLog: Send + Sync {
    /// Records one check of a datastore that exists, deleted or not, and its entry in the history:
    /// both or neither.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotFound`], `Unavailable`, `OutcomeUnknown`.
    async fn record(
        &self,
        datastore: DatastoreId,
        check: Check,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError>;

    /// The checks of a datastore at or after `from`, oldest first, ties in the order of recording;
    /// of more than [`MOST_CHECKS`] the newest.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn since(
        &self,
        datastore: DatastoreId,
        from: Timestamp,
    ) -> Result<Vec<Check>, RepositoryError>;

    /// The last check ever recorded of a datastore.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn last(&self, datastore: DatastoreId) -> Result<Option<Check>, RepositoryError>;
}
