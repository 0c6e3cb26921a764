//! Errors of diesel and of the pools, in the words of the ports.

use datastore_ports::{Cause, RepositoryError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

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
    /// The database holds migrations, but not the tables of this service.
    #[error("the database belongs to another program")]
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
            RepositoryError::Unavailable(cause) => Self::Unavailable(cause),
            other => Self::Failed(Box::new(other)),
        }
    }
}

/// Why a query gave no result: the database failed, or the answer is an error of the port.
pub(crate) enum Failure<E = RepositoryError> {
    Database(DieselError),
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

impl<E: From<RepositoryError>> Failure<E> {
    pub(crate) fn into_error(self) -> E {
        match self {
            Self::Database(error) => storage_error(error).into(),
            Self::Refused(error) => error,
        }
    }
}

/// A cause told in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reason(pub(crate) &'static str);

pub(crate) fn unavailable(cause: impl Into<Cause>) -> RepositoryError {
    RepositoryError::Unavailable(cause.into())
}

/// Beginnings of SQLite's messages for BUSY, LOCKED, FULL, READONLY, IOERR, CANTOPEN and NOMEM:
/// diesel hands all of them over as `Unknown`, told apart by text only.
/// <https://www.sqlite.org/rescode.html>
const SQLITE_UNAVAILABLE: [&str; 7] = [
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "attempt to write a readonly database",
    "disk I/O error",
    "unable to open database file",
    "out of memory",
];

/// Parts of PostgreSQL's messages for classes 53 (insufficient resources) and 57 (operator
/// intervention), for deadlocks and for a full disk.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const POSTGRES_UNAVAILABLE: [&str; 12] = [
    "terminating connection",
    "the database system is",
    "cannot connect now",
    "deadlock detected",
    "canceling statement",
    "lock timeout",
    "out of shared memory",
    "too many clients",
    "remaining connection slots",
    "could not extend file",
    "could not write",
    "No space left on device",
];

fn is_unavailable(kind: &DatabaseErrorKind, message: &str) -> bool {
    match kind {
        DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ReadOnlyTransaction => true,
        _ => {
            SQLITE_UNAVAILABLE.iter().any(|begin| message.starts_with(begin))
                || POSTGRES_UNAVAILABLE.iter().any(|part| message.contains(part))
        }
    }
}

pub(crate) fn storage_error(error: DieselError) -> RepositoryError {
    match &error {
        DieselError::DatabaseError(kind, information)
            if is_unavailable(kind, information.message()) =>
        {
            unavailable(error)
        }
        // The connection was lost inside a transaction; the cause was logged by diesel's caller.
        DieselError::BrokenTransactionManager => unavailable(error),
        DieselError::RollbackErrorOnCommit { commit_error, .. } => {
            match storage_error_ref(commit_error) {
                true => unavailable(error),
                false => RepositoryError::Internal(Box::new(error)),
            }
        }
        _ => RepositoryError::Internal(Box::new(error)),
    }
}

fn storage_error_ref(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(kind, information)
        if is_unavailable(kind, information.message()))
}
