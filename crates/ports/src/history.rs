//! What happened, as it was recorded.

use crate::{Page, RepositoryError};
use async_trait::async_trait;
use datastore_domain::{EntryId, HistoryEntry, HistoryFilter, Paging, RecordedEntry};

/// The history. The commands of the other ports write it in the transaction of their change; what
/// changes nothing is written here.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait HistoryLog: Send + Sync {
    /// The entries asked for, newest first.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn entries(
        &self,
        filter: &HistoryFilter,
        paging: Paging<EntryId>,
    ) -> Result<Page<RecordedEntry>, RepositoryError>;

    /// Records what changed nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `OutcomeUnknown`.
    async fn record(&self, entry: HistoryEntry) -> Result<(), RepositoryError>;
}
