//! SQLite: connections, threads, and the SQL that only it speaks.

use crate::error::{Failure, OpenError, Reason, outcome_unknown, unavailable};
use crate::fault::Fault;
use crate::lane::Lane;
use crate::storage::PoolSettings;
use crate::transaction::finish;
use datastore_domain::DatastoreId;
use datastore_ports::{Cause, RepositoryError};
use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::SqliteConnection;
use pool::Pool;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "queries/assignments.rs"]
pub(crate) mod assignments;
#[path = "queries/checks.rs"]
pub(crate) mod checks;
#[path = "queries/history.rs"]
pub(crate) mod history;
#[path = "queries/list.rs"]
pub(crate) mod list;
#[path = "queries/migrations.rs"]
pub(crate) mod migrations;
#[path = "queries/repository.rs"]
pub(crate) mod repository;
#[path = "queries/sealed.rs"]
pub(crate) mod sealed;
#[path = "queries/tokens.rs"]
pub(crate) mod tokens;

mod failure;
mod file;
mod pool;

/// What the queries are compiled for.
pub(crate) type Conn = SqliteConnection;
pub(crate) type Db = diesel::sqlite::Sqlite;

/// It would look up the first of a pair only when the second is the row's number.
pub(crate) const LOOKS_UP_PAIRS: bool = false;

pub(crate) const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
    diesel_migrations::embed_migrations!("../../migrations/sqlite");

/// An open SQLite database: one connection that writes, several that only read.
pub(crate) struct Sqlite {
    writer: Arc<Pool>,
    readers: Pool,
    /// Apart from the readers, whose users wait on threads that must not wait long.
    scanners: Arc<Pool>,
    writes: Lane,
    scans: Lane,
    fault: Arc<Fault>,
    write_timeout: Duration,
    deadline: Duration,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, settings: &PoolSettings) -> Result<Self, OpenError> {
        let database = || format!("sqlite://{}", path.display());
        let cannot = |source: Cause| OpenError::CannotOpen { database: database(), source };
        let path = std::path::absolute(path).map_err(|error| cannot(error.into()))?;
        if !file::prepare(&path).map_err(|error| cannot(error.into()))? {
            return Err(OpenError::NotOurs { database: database() });
        }
        // Opened first, by itself: this turns the file into one with a write-ahead log.
        let writer = Pool::writer(&path, settings).map_err(cannot)?;
        let readers = Pool::readers(&path, settings).map_err(cannot)?;
        let scanners = Pool::readers(&path, settings).map_err(cannot)?;
        let size = settings.size as usize;
        Ok(Self {
            writer: Arc::new(writer),
            readers,
            scanners: Arc::new(scanners),
            writes: Lane::new(1, settings.queue, settings.write_timeout),
            scans: Lane::new(size, settings.queue, settings.connection_timeout),
            fault: Arc::default(),
            write_timeout: settings.write_timeout,
            deadline: settings.deadline,
        })
    }

    /// Runs a query that reads a bounded number of rows by an index: on the caller's thread, which
    /// takes less than handing it over.
    #[expect(clippy::unused_async, reason = "its counterpart for PostgreSQL waits")]
    pub(crate) async fn read<T, E: From<RepositoryError>>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        let mut connection = self.readers.get().map_err(|cause| E::from(unavailable(cause)))?;
        query(&mut connection).map_err(error_of)
    }

    /// Runs a query that may look at many rows: on a blocking thread, so that no other request
    /// waits for it.
    pub(crate) async fn scan<T, E>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let scanners = self.scanners.clone();
        let work = move || {
            let mut connection = scanners.get().map_err(|cause| E::from(unavailable(cause)))?;
            query(&mut connection).map_err(error_of)
        };
        self.scans.run(Instant::now() + self.deadline, unavailable, work).await
    }

    /// Runs a query that writes: one at a time, on a blocking thread, since it waits for the disk.
    pub(crate) async fn write<T, E>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        // One wait, for writers of this process and then for those of others; and the disk's time.
        let turn = Instant::now() + self.write_timeout;
        let deadline = turn + self.deadline;
        let (writer, fault) = (self.writer.clone(), self.fault.clone());
        let work = move || {
            let mut connection = writer.get().map_err(|cause| E::from(unavailable(cause)))?;
            let left = turn.saturating_duration_since(Instant::now());
            let wait = format!("PRAGMA busy_timeout = {}", left.as_millis());
            connection.batch_execute(&wait).map_err(|error| E::from(unavailable(error)))?;
            match query(&mut connection).map_err(failure::error_of) {
                Ok(value) => Ok(value),
                Err(Err(refused)) => Err(refused),
                Err(Ok(error)) => {
                    fault.look_at(&error);
                    Err(error.into())
                }
            }
        };
        self.writes.run(deadline, outcome_unknown, work).await
    }

    /// Runs migrations.
    pub(crate) async fn migrate<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.write(query).await
    }

    pub(crate) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Ends all connections; the last one moves the log into the file and removes it.
    pub(crate) async fn close(&self) -> Result<(), RepositoryError> {
        let (readers, scanners) = (self.readers.clone(), self.scanners.clone());
        let writer = self.writer.clone();
        let closing = tokio::task::spawn_blocking(move || {
            readers.close() && scanners.close() && writer.close()
        });
        match closing.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(unavailable(Reason("some calls did not end"))),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn error_of<E: From<RepositoryError>>(failure: Failure<E>) -> E {
    failure::error_of(failure).map_or_else(|refused| refused, E::from)
}

/// A transaction that writes. It begins as a writer: one that reads first and turns into a writer
/// later would fail at once beside another writer, whatever `busy_timeout` says.
pub(crate) fn transaction<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    let begun = AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE");
    finish(connection, begun, body)
}

/// Several reads of one state of the database.
pub(crate) fn snapshot<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    let begun = AnsiTransactionManager::begin_transaction(connection);
    finish(connection, begun, body)
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Where `part` begins in `text`, from 1; 0 when it does not occur.
    #[sql_name = "instr"]
    fn position_of(
        text: diesel::sql_types::Text,
        part: diesel::sql_types::Text,
    ) -> diesel::sql_types::Integer;
}

/// Version of a living datastore and whether it is active. The transaction is the only writer, so
/// they stay as they are until it ends.
pub(crate) fn lock_living(
    connection: &mut Conn,
    datastore: DatastoreId,
) -> QueryResult<Option<(i64, bool)>> {
    use crate::schema::datastores::{id, is_active, version};
    crate::schema::living()
        .filter(id.eq(datastore.get()))
        .select((version, is_active))
        .first(connection)
        .optional()
}

/// Version of a deleted datastore, which stays as it is: see [`lock_living`].
pub(crate) fn lock_deleted(
    connection: &mut Conn,
    datastore: DatastoreId,
) -> QueryResult<Option<i64>> {
    use crate::schema::datastores::{id, version};
    crate::schema::deleted()
        .filter(id.eq(datastore.get()))
        .select(version)
        .first(connection)
        .optional()
}

/// Nothing to do: the transaction is the only writer.
#[expect(clippy::unnecessary_wraps, reason = "its counterpart for PostgreSQL may fail")]
pub(crate) fn lock_new_tokens(_: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Whether `error` is the violation of this unique index; SQLite names the column.
pub(crate) fn violates(error: &DieselError, index: crate::schema::UniqueIndex) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information)
        if information.message().ends_with(index.column))
}

/// Counts sealed values by the id of their key: version (1 byte), length of the id (1 byte), id, and
/// the rest. SQLite turns no byte into a number, but says where one stands
/// among the lengths that there are.
pub(crate) const KEY_IDS: &str = "
    SELECT CASE WHEN id_length >= 0 AND length(sealed) >= 2 + id_length
                THEN substr(sealed, 3, id_length) END AS key_id,
           count(*) AS secrets
    FROM (SELECT sealed,
                 instr(X'000102030405060708090A0B0C0D0E0F10', substr(sealed, 2, 1)) - 1 AS id_length
          FROM (SELECT coalesce(password_sealed, connection_string_sealed) AS sealed
                FROM datastores))
    GROUP BY key_id";

/// Needs room that the log does not have yet, and gives it back.
pub(crate) const TAKE_ROOM: &str = "
    CREATE TABLE room (bytes BLOB);
    INSERT INTO room VALUES (zeroblob(65536));
    DROP TABLE room";

/// Whether the table exists.
pub(crate) fn has_table(connection: &mut Conn, table: &str) -> QueryResult<bool> {
    let found = sql::<Bool>("EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ")
        .bind::<Text, _>(table)
        .sql(")");
    diesel::select(found).get_result(connection)
}

/// Whether there are tables or views, of whoever.
pub(crate) fn holds_tables(connection: &mut Conn) -> QueryResult<bool> {
    let others = sql::<Bool>(
        "EXISTS (SELECT 1 FROM sqlite_schema \
                 WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*' \
                   AND name <> '__diesel_schema_migrations')",
    );
    diesel::select(others).get_result(connection)
}

/// Runs `body` while no other process migrates.
pub(crate) fn while_migrating_alone<T>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    transaction(connection, body)
}

#[cfg(test)]
mod tests;
