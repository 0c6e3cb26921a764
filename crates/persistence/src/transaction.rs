//! Transactions whose failures tell whether anything can have been stored.

use crate::error::Failure;
use diesel::connection::{Connection, TransactionManager as _};
use diesel::result::QueryResult;

/// Runs `body` in the transaction that has just begun, and ends it.
///
/// diesel's own `transaction` hides whether COMMIT was tried, and replaces the error of the body by
/// that of a rollback which then fails too, as SQLite's does when it has rolled back by itself.
pub(crate) fn finish<C: Connection, T, E>(
    connection: &mut C,
    begun: QueryResult<()>,
    body: impl FnOnce(&mut C) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    begun.map_err(Failure::BeforeCommit)?;
    match body(connection) {
        Ok(value) => {
            let committed = C::TransactionManager::commit_transaction(connection);
            committed.map(|()| value).map_err(Failure::Commit)
        }
        Err(failure) => {
            // When this fails, diesel marks the connection, and the pool drops it.
            let _ = C::TransactionManager::rollback_transaction(connection);
            Err(failure.before_commit())
        }
    }
}
