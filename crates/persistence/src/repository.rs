//! The port of datastores.

use crate::error::Reason;
use crate::rows::{NewHistory, WrittenDatastore, stored_datastore};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{Datastore, DatastoreId, HistoryEntry, ListQuery, Timestamp, Version};
use datastore_ports::{DatastoreRepository, NewDatastore, Page, RepositoryError};

/// When and as which version a datastore is deleted.
#[derive(Clone, Copy)]
pub(crate) struct Deletion {
    pub(crate) id: DatastoreId,
    pub(crate) expected: Version,
    pub(crate) version: Version,
    pub(crate) updated_at: Timestamp,
    pub(crate) deleted_at: Timestamp,
}

/// The entry, as one of this datastore as it is after the change.
fn entry_of(datastore: &Datastore, entry: &HistoryEntry) -> NewHistory {
    NewHistory::new(entry).of(datastore.id.get(), Some(datastore.version))
}

#[async_trait]
impl DatastoreRepository for Storage {
    async fn insert(
        &self,
        new: NewDatastore,
        entry: HistoryEntry,
    ) -> Result<Datastore, RepositoryError> {
        let (record, at) = (new.record, new.at);
        let written = WrittenDatastore::new(Version::FIRST, at, &new.profile, &new.connection);
        let entry = NewHistory::new(&entry);
        let id = query!(self.write, repository::insert(record, at, &written, &entry))?;
        stored_datastore(new, id)
    }

    async fn find(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError> {
        query!(self.read, repository::find(id))?.map(Datastore::try_from).transpose()
    }

    async fn list(&self, query: &ListQuery) -> Result<Page<Datastore>, RepositoryError> {
        let query = query.clone();
        // A search looks at every row that the filters leave.
        let page = if query.filter.search.words().is_empty() {
            query!(self.read, list::list(&query))?
        } else {
            query!(self.scan, list::list(&query))?
        };
        let rows = page.rows.into_iter().map(Datastore::try_from).collect::<Result<_, _>>()?;
        Ok(Page { count: page.count, rows })
    }

    async fn update(
        &self,
        changed: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let id = changed.id;
        let written = WrittenDatastore::new(
            changed.version,
            changed.updated_at,
            &changed.profile,
            &changed.connection,
        );
        let entry = entry_of(changed, &entry);
        query!(self.write, repository::update(id, expected, &written, &entry))
    }

    async fn delete(
        &self,
        deleted: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let deleted_at = deleted.deleted_at.ok_or_else(|| {
            RepositoryError::Internal(Reason("a deletion without its time").into())
        })?;
        let Datastore { id, version, updated_at, .. } = *deleted;
        let deletion = Deletion { id, expected, version, updated_at, deleted_at };
        let entry = entry_of(deleted, &entry);
        query!(self.write, repository::delete(deletion, &entry))
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        let read: Result<(), RepositoryError> = query!(self.read, repository::ping());
        read?;
        if self.has_fault() { query!(self.write, repository::touch()) } else { Ok(()) }
    }
}
