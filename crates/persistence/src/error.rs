//! Errors of diesel and of the pools, in the words of the ports.

use datastore_ports::{Cause, RepositoryError};
use diesel::result::Error as DieselError;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be created or read, or SQLite refuses it.
    #[error("cannot open the database {database}")]
    CannotOpen {
        /// The database, without secrets.
        database: String,
        /// The reason.
        #[source]
        source: Cause,
    },
    /// The file exists and is no database of this service; nothing in it was touched.
    #[error("{database} exists and is not a database of this service")]
    NotOurs {
        /// The database, without secrets.
        database: String,
    },
}

/// Why the schema could not be examined or migrated.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database was migrated by a newer version of this service.
    #[error(
        "the database is newer than this program: its schema is {database}, this program knows \
         {program}; start the newer version"
    )]
    Newer {
        /// Newest migration in the database.
        database: String,
        /// Newest migration that this program has.
        program: String,
    },
    /// The database holds tables or migrations of something else; nothing in it was touched.
    #[error(
        "the database holds tables of another program; give this service one of its own, such as \
         CREATE DATABASE datastore_api makes, and name it in database.url"
    )]
    NotOurs,
    /// The database does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// A migration failed; it was rolled back.
    #[error("the schema could not be migrated")]
    Failed(#[source] Cause),
}

impl From<RepositoryError> for SchemaError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Unavailable(cause) | RepositoryError::OutcomeUnknown(cause) => {
                Self::Unavailable(cause)
            }
            other => Self::Failed(Box::new(other)),
        }
    }
}

/// Why a query gave no result: the database failed, or the answer is an error of the port.
pub(crate) enum Failure<E = RepositoryError> {
    /// Of a statement outside of any transaction.
    Database(DieselError),
    /// Of a statement in a transaction, or of its beginning: nothing was stored.
    BeforeCommit(DieselError),
    /// Of COMMIT.
    Commit(DieselError),
    Refused(E),
}

impl<E> From<DieselError> for Failure<E> {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl<E: From<RepositoryError>> From<RepositoryError> for Failure<E> {
    fn from(error: RepositoryError) -> Self {
        Self::Refused(error.into())
    }
}

impl<E> Failure<E> {
    /// This failure as one that came before COMMIT.
    pub(crate) fn before_commit(self) -> Self {
        match self {
            Self::Database(error) | Self::Commit(error) => Self::BeforeCommit(error),
            known @ (Self::BeforeCommit(_) | Self::Refused(_)) => known,
        }
    }
}

/// A cause told in one sentence.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reason(pub(crate) &'static str);

pub(crate) fn unavailable(cause: impl Into<Cause>) -> RepositoryError {
    RepositoryError::Unavailable(cause.into())
}

pub(crate) fn outcome_unknown(cause: impl Into<Cause>) -> RepositoryError {
    RepositoryError::OutcomeUnknown(cause.into())
}
