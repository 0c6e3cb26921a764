//! The port of assignments.

use crate::rows::{NewHistory, parsed};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{
    Assignment, AssignmentPeriod, DatasetId, DatasetName, DatastoreId, HistoryEntry, PageRequest,
    Timestamp,
};
use datastore_ports::{AssignOutcome, AssignmentError, DatasetAssignments, Page, RepositoryError};

/// A wish to assign a dataset.
pub(crate) struct Wish {
    pub(crate) datastore: DatastoreId,
    pub(crate) assignment: Assignment,
    pub(crate) move_here: bool,
}

impl Wish {
    /// The wish with this name, unless it brings one of its own.
    pub(crate) fn with_name(&self, known: Option<DatasetName>) -> Self {
        let mut assignment = self.assignment.clone();
        assignment.name = assignment.name.or(known);
        Self { assignment, ..*self }
    }
}

#[async_trait]
impl DatasetAssignments for Storage {
    async fn assign(
        &self,
        datastore: DatastoreId,
        assignment: Assignment,
        move_here: bool,
        entry: HistoryEntry,
    ) -> Result<AssignOutcome, AssignmentError> {
        let wish = Wish { datastore, assignment, move_here };
        let entry = NewHistory::new(&entry).of(datastore.get(), None);
        query!(self.write, assignments::assign(&wish, &entry))
    }

    async fn release(
        &self,
        datastore: DatastoreId,
        dataset: &DatasetId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), AssignmentError> {
        let dataset = dataset.clone();
        let entry = NewHistory::new(&entry).of(datastore.get(), None);
        query!(self.write, assignments::release(datastore, &dataset, at, &entry))
    }

    async fn current(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<Assignment>, RepositoryError> {
        parsed(query!(self.scan, assignments::current_page(datastore, page))?)
    }

    async fn history(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<AssignmentPeriod>, RepositoryError> {
        parsed(query!(self.scan, assignments::history_page(datastore, page))?)
    }
}
