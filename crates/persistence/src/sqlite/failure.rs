//! What a failure on SQLite means.

use crate::error::{Failure, Reason, outcome_unknown, unavailable};
use datastore_ports::{RepositoryError, StorageFault};
use diesel::result::Error as DieselError;

/// What a message of SQLite says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// BUSY, LOCKED, CANTOPEN, NOMEM; CORRUPT and NOTADB until somebody restores the file.
    Passing,
    Fault(StorageFault),
}

/// Beginnings of the messages. diesel keeps the code only of violated constraints, hands all others
/// over as `Unknown`, and lets nobody ask the connection; the texts are constants of the library
/// that is compiled in, the same in every language.
/// <https://www.sqlite.org/rescode.html>
const CONDITIONS: [(&str, Condition); 9] = [
    ("database is locked", Condition::Passing),
    ("database table is locked", Condition::Passing),
    ("unable to open database file", Condition::Passing),
    ("out of memory", Condition::Passing),
    ("database disk image is malformed", Condition::Passing),
    ("file is not a database", Condition::Passing),
    ("database or disk is full", Condition::Fault(StorageFault::NoSpace)),
    ("attempt to write a readonly database", Condition::Fault(StorageFault::ReadOnly)),
    ("disk I/O error", Condition::Fault(StorageFault::DiskError)),
];

/// The failure in the words of the ports.
pub(super) fn error_of<E: From<RepositoryError>>(
    failure: Failure<E>,
) -> Result<RepositoryError, E> {
    Ok(match failure {
        Failure::Refused(error) => return Err(error),
        Failure::BeforeCommit(error) => explain(error, false),
        Failure::Database(error) => explain(error, true),
        // diesel rolls back after a COMMIT that failed. SQLite may have done so itself, and refuses
        // then; the connection is dropped, and the first error counts.
        Failure::Commit(DieselError::RollbackErrorOnCommit { commit_error, .. }) => {
            explain(*commit_error, true)
        }
        Failure::Commit(error) => explain(error, true),
    })
}

/// `stores`: whether the statement was to make the change durable. A disk that was full, or could
/// not be written, holds nothing of it. After an I/O error it is undone here, but the log may hold
/// it whole: should the process die before the next write, the next start would find it there.
fn explain(error: DieselError, stores: bool) -> RepositoryError {
    let DieselError::DatabaseError(_, information) = &error else {
        return match error {
            DieselError::BrokenTransactionManager => unavailable(error),
            _ => RepositoryError::Internal(Box::new(error)),
        };
    };
    let message = information.message();
    let found = CONDITIONS.iter().find(|(begin, _)| message.starts_with(begin));
    match found.map(|(_, condition)| *condition) {
        None => RepositoryError::Internal(Box::new(error)),
        Some(Condition::Passing) => unavailable(error),
        Some(Condition::Fault(fault)) => {
            tracing::warn!(%error, "the database file cannot be used as it should");
            match fault {
                StorageFault::DiskError if stores => outcome_unknown(fault),
                _ => unavailable(fault),
            }
        }
    }
}

/// The storage was closed.
pub(super) const CLOSED: Reason = Reason("the storage is closed");

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::result::DatabaseErrorKind;

    fn database(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    fn told(failure: Failure) -> String {
        use RepositoryError::{Internal, OutcomeUnknown, Unavailable};
        match error_of(failure) {
            Ok(Unavailable(cause)) => format!("unavailable: {cause}"),
            Ok(OutcomeUnknown(cause)) => format!("unknown: {cause}"),
            Ok(Internal(_)) => "internal".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn t36_only_an_io_error_while_storing_leaves_the_outcome_open() {
        let full = || database("database or disk is full");
        assert_eq!(told(Failure::Commit(full())), "unavailable: no space is left on its disk");
        let io = || database("disk I/O error");
        assert_eq!(told(Failure::Commit(io())), "unknown: its disk reports errors");
        assert_eq!(told(Failure::BeforeCommit(io())), "unavailable: its disk reports errors");
        let both = DieselError::RollbackErrorOnCommit {
            rollback_error: Box::new(database("cannot rollback - no transaction is active")),
            commit_error: Box::new(full()),
        };
        assert_eq!(told(Failure::Commit(both)), "unavailable: no space is left on its disk");
        let locked = database("database is locked");
        assert_eq!(told(Failure::BeforeCommit(locked)), "unavailable: database is locked");
        assert_eq!(told(Failure::Database(database("no such table: x"))), "internal");
        let damaged = told(Failure::Database(database("database disk image is malformed")));
        assert_eq!(damaged, "unavailable: database disk image is malformed");
    }
}
