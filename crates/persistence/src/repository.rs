//! The port of datastores.

use crate::error::Reason;
use crate::rows::{NewHistory, WrittenDatastore, parsed, stored_datastore};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{
    Datastore, DatastoreId, HistoryEntry, ListQuery, OrderKey, Paging, Timestamp, Version,
};
use datastore_ports::{DatastoreRepository, NewDatastore, Page, RepositoryError};

/// As which version, and when, a datastore is deleted or restored.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) id: DatastoreId,
    pub(crate) expected: Version,
    pub(crate) version: Version,
    pub(crate) updated_at: Timestamp,
    pub(crate) deleted_at: Option<Timestamp>,
}

impl Turn {
    fn new(turned: &Datastore, expected: Version) -> Self {
        let Datastore { id, version, updated_at, deleted_at, .. } = *turned;
        Self { id, expected, version, updated_at, deleted_at }
    }
}

/// The entry, as one of this datastore as it is after the change.
fn entry_of(datastore: &Datastore, entry: &HistoryEntry) -> NewHistory {
    NewHistory::new(entry).of(datastore.id.get(), Some(datastore.version))
}

/// Whether few rows are looked at: those of a page by cursor whose order an index has. Otherwise,
/// and in a search, it may be every row that the filters leave; pages by number count them all.
fn goes_by_index(query: &ListQuery) -> bool {
    let ListQuery { filter, ordering, paging } = query;
    if matches!(paging, Paging::Number(_)) {
        return false;
    }
    let [one] = ordering[..] else { return false };
    let is_filtered = !(filter.types.is_empty() && filter.systems.is_empty());
    filter.search.words().is_empty()
        && (one.key == OrderKey::CreatedAt || !(is_filtered || filter.is_active.is_some()))
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

    async fn find_any(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError> {
        query!(self.read, repository::find_any(id))?.map(Datastore::try_from).transpose()
    }

    async fn list(&self, query: &ListQuery) -> Result<Page<Datastore>, RepositoryError> {
        let query = query.clone();
        let page = if goes_by_index(&query) {
            query!(self.read, list::list(&query))?
        } else {
            query!(self.scan, list::list(&query))?
        };
        parsed(page)
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
        if deleted.deleted_at.is_none() {
            return Err(RepositoryError::Internal(Reason("a deletion without its time").into()));
        }
        let (turn, entry) = (Turn::new(deleted, expected), entry_of(deleted, &entry));
        query!(self.write, repository::delete(turn, &entry))
    }

    async fn restore(
        &self,
        restored: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        if restored.deleted_at.is_some() {
            return Err(RepositoryError::Internal(Reason("restored, and still deleted").into()));
        }
        let (turn, entry) = (Turn::new(restored, expected), entry_of(restored, &entry));
        query!(self.write, repository::restore(turn, &entry))
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        let read: Result<(), RepositoryError> = query!(self.read, repository::ping());
        read?;
        if !self.fault().is_known() {
            return Ok(());
        }
        let written: Result<(), RepositoryError> = query!(self.write, repository::touch());
        written?;
        self.fault().is_mended();
        Ok(())
    }
}
