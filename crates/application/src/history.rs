//! What happened to datastores, deleted ones too: changes, and assignments of datasets.

use crate::Error;
use crate::permission::{Granted, ReadDatasetHistory, ReadHistory};
use crate::registry::Registry;
use datastore_domain::{
    AssignmentPeriod, Datastore, DatastoreId, EntryId, HistoryFilter, PageRequest, Paging,
    RecordedEntry,
};
use datastore_ports::Page;

/// A datastore that was found, deleted or not.
#[derive(Clone, Copy, Debug)]
pub struct LocatedAny(DatastoreId);

impl LocatedAny {
    pub(crate) fn id(self) -> DatastoreId {
        self.0
    }
}

impl Registry {
    /// Finds a datastore, deleted or not.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn locate_any<P>(
        &self,
        _granted: &Granted<P>,
        id: DatastoreId,
    ) -> Result<LocatedAny, Error> {
        Ok(LocatedAny(self.find_any(id).await?.id))
    }

    /// Past and present assignments of datasets to a datastore, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn dataset_history(
        &self,
        _granted: &Granted<ReadDatasetHistory>,
        located: LocatedAny,
        page: PageRequest,
    ) -> Result<Page<AssignmentPeriod>, Error> {
        Ok(self.ports.assignments.history(located.id(), page).await?)
    }

    /// What was done, of all datastores and tokens, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn history(
        &self,
        _granted: &Granted<ReadHistory>,
        filter: &HistoryFilter,
        paging: Paging<EntryId>,
    ) -> Result<Page<RecordedEntry>, Error> {
        Ok(self.ports.history.entries(filter, paging).await?)
    }

    pub(crate) async fn find_any(&self, id: DatastoreId) -> Result<Datastore, Error> {
        self.ports.datastores.find_any(id).await?.ok_or(Error::NotFound("datastore"))
    }
}
