//! Reading the history; commands write it.

use crate::storage::{Storage, query};
use datastore_domain::{Action, DatastoreId, RequestId, Timestamp, TokenName, Version};
use datastore_ports::RepositoryError;

/// One entry of the history as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEntry {
    /// Number of the entry, in the order of recording.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Name of the token that acted, or of the command.
    pub actor: TokenName,
    /// What was done.
    pub action: Action,
    /// To which datastore; `None` for tokens.
    pub datastore: Option<DatastoreId>,
    /// The record's version after it; `None` where no version counts.
    pub version: Option<Version>,
    /// What changed: a JSON object as the API answers it, in the order of the members.
    pub changes: String,
    /// The request that caused it; `None` for commands.
    pub request_id: Option<RequestId>,
}

impl Storage {
    /// The history of one datastore, deleted or not, or of everything; in the order of recording.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`], [`RepositoryError::Corrupt`].
    pub async fn history(
        &self,
        datastore: Option<DatastoreId>,
    ) -> Result<Vec<RecordedEntry>, RepositoryError> {
        let rows = query!(self.read, history::read(datastore))?;
        rows.into_iter().map(RecordedEntry::try_from).collect()
    }
}
