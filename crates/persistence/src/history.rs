//! The port of the history; commands of the other ports write it, too.

use crate::rows::{NewHistory, parsed};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{EntryId, HistoryEntry, HistoryFilter, Paging, RecordedEntry};
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

    async fn record(&self, entry: HistoryEntry) -> Result<(), RepositoryError> {
        let entry = NewHistory::new(&entry);
        query!(self.write, history::record(&entry))
    }
}
