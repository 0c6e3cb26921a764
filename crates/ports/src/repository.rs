//! Storage of datastores.

use crate::Cause;
use async_trait::async_trait;
use datastore_domain::{
    Datastore, DatastoreId, HistoryEntry, ListQuery, Profile, RecordId, SealedConnection,
    Timestamp, Version,
};

/// A datastore that has no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDatastore {
    /// UUID that the sealed secret is bound to.
    pub record: RecordId,
    /// Becomes `created_at` and `updated_at`.
    pub at: Timestamp,
    /// What it is.
    pub profile: Profile,
    /// How it is reached.
    pub connection: SealedConnection,
}

/// Some rows of a list, and what lies on both sides of them at the same moment. Both sides are
/// looked at, also by cursor: an anchor whose row is gone may have become the beginning of the list,
/// and nothing may lead to a page that is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// All rows that match, read in the same snapshot; `None` for a page by cursor.
    pub count: Option<u64>,
    /// Whether rows come before these.
    pub before: bool,
    /// Whether rows come after these.
    pub after: bool,
    /// The rows, in the order of the list.
    pub rows: Vec<T>,
}

/// Why storage did not do what it was asked to; nothing was changed, but for
/// [`RepositoryError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Another datastore that is not deleted has the name.
    #[error("the name is taken")]
    NameTaken,
    /// No such datastore, or it is deleted.
    #[error("no such datastore")]
    NotFound,
    /// The record is not at the version expected: somebody else wrote in between.
    #[error("the record was changed meanwhile")]
    VersionConflict,
    /// Datasets are assigned.
    #[error("{count} dataset(s) are assigned")]
    InUse {
        /// Ids of up to ten of them, by id.
        datasets: Vec<String>,
        /// How many.
        count: u64,
    },
    /// There are as many valid tokens as there may be.
    #[error("there are {limit} valid tokens already")]
    TooManyTokens {
        /// How many there may be.
        limit: u32,
    },
    /// The database does not answer, is busy, or has no room.
    #[error("the storage is unavailable")]
    Unavailable(#[source] Cause),
    /// The database broke off while it stored: everything is stored, or nothing. Never tried again
    /// by the storage itself.
    #[error("the storage broke off, and whether it stored the change is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// A stored row is not valid.
    #[error("row {id} of {table} is corrupt in column {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row.
        id: i64,
        /// The column.
        column: &'static str,
    },
    /// A defect of ours.
    #[error("the storage failed")]
    Internal(#[source] Cause),
}

/// What is wrong with a storage that can, as a rule, be read and not written: the cause of
/// [`RepositoryError::Unavailable`], told to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageFault {
    /// The disk is full.
    #[error("no space is left on its disk")]
    NoSpace,
    /// The file, its file system or the server takes no writes.
    #[error("it is read-only")]
    ReadOnly,
    /// The service's user lacks a right.
    #[error("its user lacks a right")]
    NoRight,
    /// The disk fails.
    #[error("its disk reports errors")]
    DiskError,
}

/// Too many callers use the storage at the same time, and this one would have waited for too long:
/// the cause of [`RepositoryError::Unavailable`], told to callers. Nothing was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many callers use the storage")]
pub struct StorageBusy;

/// Keeps datastores. Only rows that are not deleted are found, listed, changed and deleted, unless
/// a method says otherwise.
///
/// Every command writes its history entry in the same transaction as its change: both are stored,
/// or neither. Each may fail as `OutcomeUnknown`. What a command acknowledged survives the end of
/// process and machine.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DatastoreRepository: Send + Sync {
    /// Stores a new datastore at [`Version::FIRST`] and gives it a number that was never used.
    /// The entry's datastore and version are filled in.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NameTaken`], decided by the database; `Unavailable`.
    async fn insert(
        &self,
        new: NewDatastore,
        entry: HistoryEntry,
    ) -> Result<Datastore, RepositoryError>;

    /// The datastore with this number, unless it is deleted.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn find(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError>;

    /// The datastore with this number, deleted or not.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn find_any(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError>;

    /// The rows asked for, in the order asked for: text by code point, absent figures last in both
    /// directions, ties by id in the direction of the last key. Beyond the last page: no rows, and
    /// the right count. Count and rows are of one moment.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn list(&self, query: &ListQuery) -> Result<Page<Datastore>, RepositoryError>;

    /// Replaces the row of `changed.id`, provided that it is still at version `expected`.
    /// `changed` carries its own next version and time.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::VersionConflict`], [`RepositoryError::NameTaken`],
    /// [`RepositoryError::NotFound`], `Unavailable`.
    async fn update(
        &self,
        changed: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError>;

    /// Marks the row of `deleted.id` as deleted, provided that it is still at version `expected`
    /// and no dataset is assigned to it. Both are decided in the transaction of the change, so
    /// that an assignment at the same moment either comes first (`InUse`) or finds nothing.
    /// `deleted` carries its own next version and time.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::InUse`], [`RepositoryError::VersionConflict`],
    /// [`RepositoryError::NotFound`], `Unavailable`.
    async fn delete(
        &self,
        deleted: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError>;

    /// Brings the deleted row of `restored.id` back, provided that it is still at version
    /// `expected`. `restored` carries its own next version and time.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NameTaken`] when a living datastore has the name meanwhile, decided by
    /// the database; [`RepositoryError::VersionConflict`]; [`RepositoryError::NotFound`] when there
    /// is no such row or it is not deleted; `Unavailable`.
    async fn restore(
        &self,
        restored: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError>;

    /// Reads the database once, for readiness; after a write that failed because of a
    /// [`StorageFault`] it also tries to write, until that succeeds.
    ///
    /// # Errors
    ///
    /// `Unavailable`, with the fault as its cause where it is one.
    async fn ping(&self) -> Result<(), RepositoryError>;
}
