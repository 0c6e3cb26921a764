//! The port of the history; commands of the other ports write it.

use crate::rows::parsed;
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{EntryId, HistoryFilter, Paging, RecordedEntry};
use datastore_ports::{HistoryLog, Page, RepositoryError};

#[async_trait]
impl HistoryLog for Storage {
    async fn entries(
        &self,
        filter: &HistoryFilter,
        paging: Paging<EntryId>,
    ) -> Result<Page<RecordedEntry>, RepositoryError> {
        let filter = filter.clone();
        parsed(match paging {
            Paging::Cursor { size, from } => {
                query!(self.read, history::by_cursor(&filter, size, from))
            }
            // Counts all entries that the filter leaves.
            Paging::Number(page) => query!(self.scan, history::by_number(&filter, page)),
        }?)
    }
}
