//! SQLite: connections, threads, and the SQL that only it speaks.

use crate::error::{Failure, OpenError, Reason, unavailable};
use crate::lane::{ConnectError, Lane, LogPoolError};
use crate::storage::PoolSettings;
use datastore_domain::DatastoreId;
use datastore_ports::{Cause, RepositoryError};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sqlite::SqliteConnection;
use std::path::{Path, PathBuf};
use std::time::Duration;

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

mod file;

/// What the queries are compiled for.
pub(crate) type Conn = SqliteConnection;
pub(crate) type Db = diesel::sqlite::Sqlite;

pub(crate) const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
    diesel_migrations::embed_migrations!("../../migrations/sqlite");

/// An open SQLite database: one connection that writes, several that only read.
pub(crate) struct Sqlite {
    writer: r2d2::Pool<Opener>,
    readers: r2d2::Pool<Opener>,
    writes: Lane,
    scans: Lane,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, settings: PoolSettings) -> Result<Self, OpenError> {
        let database = || format!("sqlite://{}", path.display());
        let cannot = |source: Cause| OpenError::CannotOpen { database: database(), source };
        let path = std::path::absolute(path).map_err(|error| cannot(error.into()))?;
        if !file::prepare(&path).map_err(|error| cannot(error.into()))? {
            return Err(OpenError::NotOurs { database: database() });
        }
        // A reader waits only while a log that a crash left behind is taken up, and does so on the
        // caller's thread: not long.
        let opener = |may_write| Opener {
            path: path.clone(),
            busy_timeout: if may_write {
                settings.write_timeout
            } else {
                settings.connection_timeout
            },
            may_write,
        };
        // Opened first, by itself: this turns the file into one with a write-ahead log.
        let writer = pool(opener(true), 1, settings).map_err(|error| cannot(error.into()))?;
        let readers = pool(opener(false), settings.size, settings);
        Ok(Self {
            writer,
            readers: readers.map_err(|error| cannot(error.into()))?,
            writes: Lane::new(1, settings.queue, settings.write_timeout),
            scans: Lane::new(settings.size as usize, settings.queue, settings.connection_timeout),
        })
    }

    /// Runs a query that reads a bounded number of rows by an index: on the caller's thread, which
    /// takes less than handing it over.
    #[expect(clippy::unused_async, reason = "its counterpart for PostgreSQL waits")]
    pub(crate) async fn read<T, E: From<RepositoryError>>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        run(&self.readers, query)
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
        let readers = self.readers.clone();
        self.scans.run(move || run(&readers, query)).await
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
        let writer = self.writer.clone();
        self.writes.run(move || run(&writer, query)).await
    }

    pub(crate) async fn checkpoint(&self) -> Result<(), RepositoryError> {
        #[derive(QueryableByName)]
        struct Outcome {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            busy: i32,
        }
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let outcome: Outcome = self
            .write::<_, RepositoryError>(move |conn| Ok(diesel::sql_query(sql).get_result(conn)?))
            .await?;
        if outcome.busy != 0 {
            return Err(unavailable(Reason("readers kept the write-ahead log busy")));
        }
        Ok(())
    }
}

fn run<T, E: From<RepositoryError>>(
    pool: &r2d2::Pool<Opener>,
    query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, E> {
    let mut connection = pool.get().map_err(|error| E::from(unavailable(error)))?;
    query(&mut connection).map_err(Failure::into_error)
}

fn pool(
    opener: Opener,
    size: u32,
    settings: PoolSettings,
) -> Result<r2d2::Pool<Opener>, r2d2::Error> {
    r2d2::Pool::builder()
        .max_size(size)
        .connection_timeout(settings.connection_timeout)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .error_handler(Box::new(LogPoolError))
        .build(opener)
}

/// Opens connections to one file.
#[derive(Debug)]
struct Opener {
    path: PathBuf,
    busy_timeout: Duration,
    may_write: bool,
}

impl Opener {
    /// `synchronous = FULL`: in WAL mode, NORMAL would lose acknowledged commits with the power.
    /// `secure_delete`: a secret that was replaced is wiped from the file.
    fn setup(&self, connection: &mut Conn) -> Result<(), ConnectError> {
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {};
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;",
            self.busy_timeout.as_millis()
        ))?;
        if !self.may_write {
            return Ok(connection.batch_execute("PRAGMA query_only = ON")?);
        }
        #[derive(QueryableByName)]
        struct Mode {
            #[diesel(sql_type = diesel::sql_types::Text)]
            journal_mode: String,
        }
        let mode: Mode = diesel::sql_query("PRAGMA journal_mode = WAL").get_result(connection)?;
        if mode.journal_mode != "wal" {
            return Err(Reason("this file system cannot hold a write-ahead log").into());
        }
        Ok(())
    }
}

impl r2d2::ManageConnection for Opener {
    type Connection = Conn;
    type Error = ConnectError;

    fn connect(&self) -> Result<Conn, Self::Error> {
        let path = self.path.to_str().ok_or(Reason("the path is not valid UTF-8"))?;
        let mut connection = Conn::establish(path)?;
        self.setup(&mut connection)?;
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Conn) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A panic in the middle of a transaction leaves it open: such a connection is not used again.
    fn has_broken(&self, connection: &mut Conn) -> bool {
        use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
        std::thread::panicking()
            || AnsiTransactionManager::is_broken_transaction_manager(connection)
    }
}

/// A transaction that writes. It begins as a writer: one that reads first and turns into a writer
/// later would fail at once beside another writer, whatever `busy_timeout` says.
pub(crate) fn transaction<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    connection.immediate_transaction(body)
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

/// Whether `error` is the violation of this unique index; SQLite names the column.
pub(crate) fn violates(error: &DieselError, index: crate::schema::UniqueIndex) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information)
        if information.message().ends_with(index.column))
}

/// Whether the table exists.
pub(crate) fn has_table(connection: &mut Conn, table: &str) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        found: i64,
    }
    diesel::sql_query(
        "SELECT count(*) AS found FROM sqlite_schema WHERE type = 'table' AND name = ?",
    )
    .bind::<diesel::sql_types::Text, _>(table)
    .get_result::<Found>(connection)
    .map(|row| row.found > 0)
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
