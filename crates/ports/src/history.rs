//! What happened, as it was recorded.

use crate::{Page, RepositoryError};
use async_trait::async_trait;
use datastore_domain::{EntryId, HistoryFilter, Paging, RecordedEntry};

/// Reads the history, which the commands of the other ports write in the transaction of their
/// change.
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
}
