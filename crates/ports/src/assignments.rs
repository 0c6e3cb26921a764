//! Which datasets live in which datastore.

use crate::{Page, RepositoryError};
use async_trait::async_trait;
use datastore_domain::{
    Assignment, AssignmentPeriod, DatasetId, DatastoreId, HistoryEntry, PageRequest, Timestamp,
};

/// What an assignment did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignOutcome {
    /// The dataset lives here now.
    Assigned(Assignment),
    /// It lived here already; only a new name was taken over.
    AlreadyHere(Assignment),
}

/// Why a dataset was not assigned or released; nothing was changed, but for
/// [`RepositoryError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum AssignmentError {
    /// No such datastore, or it is deleted.
    #[error("no such datastore")]
    NoDatastore,
    /// The dataset is not assigned here.
    #[error("the dataset is not assigned here")]
    NotAssigned,
    /// The datastore is not active.
    #[error("the datastore is not active")]
    Inactive,
    /// The dataset lives in another datastore, and was not to be moved.
    #[error("the dataset is assigned elsewhere")]
    AssignedElsewhere {
        /// Where it lives.
        datastore: DatastoreId,
    },
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] RepositoryError),
}

/// Keeps assignments, past and present. A dataset has at most one current datastore.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DatasetAssignments: Send + Sync {
    /// Assigns `assignment.dataset` to `datastore`, which must live and be active; decided in the
    /// transaction of the change, against deletion and deactivation at the same moment.
    ///
    /// Assigned here already: keeps `assigned_at` and `assigned_by`, takes over a name that is
    /// given and differs, and writes no history entry when nothing changes. Assigned elsewhere:
    /// released there at `assignment.assigned_at` when `move_here`, with a history entry of its own
    /// and the name carried over unless a new one is given; refused otherwise.
    ///
    /// # Errors
    ///
    /// [`AssignmentError::NoDatastore`], [`AssignmentError::Inactive`] (not for a dataset that is
    /// here already), [`AssignmentError::AssignedElsewhere`], storage.
    async fn assign(
        &self,
        datastore: DatastoreId,
        assignment: Assignment,
        move_here: bool,
        entry: HistoryEntry,
    ) -> Result<AssignOutcome, AssignmentError>;

    /// Ends the assignment of `dataset` to `datastore` at `at`; the row stays for the history.
    ///
    /// # Errors
    ///
    /// [`AssignmentError::NoDatastore`], [`AssignmentError::NotAssigned`], storage.
    async fn release(
        &self,
        datastore: DatastoreId,
        dataset: &DatasetId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), AssignmentError>;

    /// The current datasets of a datastore, oldest assignment first, ties in the order of
    /// assignment. A datastore that does not exist has none.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn current(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<Assignment>, RepositoryError>;

    /// Present and past assignments of a datastore, deleted or not: newest first, ties against the
    /// order of assignment. A datastore that does not exist has none.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn history(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<AssignmentPeriod>, RepositoryError>;
}
