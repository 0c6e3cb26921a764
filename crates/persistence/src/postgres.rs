//! PostgreSQL: connections, threads, and the SQL that only it speaks.
//!
//! The connection is diesel-async's (pure Rust, no libpq), driven from blocking threads.

use crate::error::{Failure, outcome_unknown, unavailable};
use crate::fault::Fault;
use crate::lane::Lane;
use crate::storage::PoolSettings;
use crate::transaction::finish;
use crate::url::PostgresUrl;
use datastore_domain::DatastoreId;
use datastore_ports::{Cause, RepositoryError};
use diesel::connection::{SimpleConnection as _, TransactionManager as _};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Text};
use pool::Pool;
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

mod advice;
mod connect;
mod migrating;
mod pool;
mod session;
mod tls;
mod verdict;
mod wire;

pub(crate) use migrating::while_migrating_alone;
pub(crate) use session::Conn;

/// What the queries are compiled for.
pub(crate) type Db = diesel::pg::Pg;

/// Told that a column is equal, it would walk along the ids instead of the index of both; a pair it
/// looks up in that index.
pub(crate) const LOOKS_UP_PAIRS: bool = true;

pub(crate) const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
    diesel_migrations::embed_migrations!("../../migrations/postgres");

/// A pool of connections to PostgreSQL, used from blocking threads only.
pub(crate) struct Postgres {
    pool: Arc<Pool>,
    lane: Lane,
    deadline: Duration,
}

impl Postgres {
    pub(crate) fn open(url: &PostgresUrl, settings: &PoolSettings) -> Result<Self, Cause> {
        Ok(Self {
            pool: Arc::new(Pool::new(url, settings)?),
            lane: Lane::new(settings.size as usize, settings.queue, settings.connection_timeout),
            deadline: settings.deadline,
        })
    }

    /// Runs a query that reads a bounded number of rows by an index.
    pub(crate) async fn read<T, E>(
        &self,
        query: impl FnMut(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let (pool, deadline) = (self.pool.clone(), Instant::now() + self.deadline);
        let work = move || pool.read(deadline, query);
        self.lane.run(deadline, unavailable, work).await
    }

    /// Runs a query that may look at many rows: the server keeps it from the others.
    pub(crate) async fn scan<T, E>(
        &self,
        query: impl FnMut(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.read(query).await
    }

    /// Runs a query that writes; again, when the server has rolled it back because of another
    /// transaction, or the connection was dead before anything could be stored.
    pub(crate) async fn write<T, E>(
        &self,
        query: impl FnMut(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let (pool, deadline) = (self.pool.clone(), Instant::now() + self.deadline);
        let work = move || pool.write(deadline, query);
        self.lane.run(deadline, outcome_unknown, work).await
    }

    /// Ends the connections that nobody uses.
    pub(crate) fn close(&self) {
        self.pool.close_idle();
    }

    pub(crate) fn fault(&self) -> &Fault {
        self.pool.fault()
    }

    /// Which settings of the server let it lose what it has acknowledged.
    pub(crate) async fn durability_warnings(&self) -> Result<Vec<String>, RepositoryError> {
        self.read(|connection| {
            #[derive(QueryableByName)]
            struct Setting {
                #[diesel(sql_type = diesel::sql_types::Text)]
                name: String,
            }
            let sql = "SELECT name FROM pg_settings WHERE setting = 'off' AND name IN \
                       ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
            let settings = diesel::sql_query(sql).load::<Setting>(connection)?;
            Ok(settings.into_iter().map(|setting| setting.name).collect())
        })
        .await
    }
}

/// A transaction that writes.
pub(crate) fn transaction<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    let begun = <Conn as Connection>::TransactionManager::begin_transaction(connection);
    finish(connection, begun, body)
}

/// Several reads of one state of the database.
pub(crate) fn snapshot<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    // In words of its own: diesel can begin only one kind of transaction through the wrapper.
    connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = body(connection);
    if let Err(error) = connection.batch_execute("COMMIT") {
        // Whether the transaction is open is not known, and diesel knows of none.
        <Conn as Connection>::TransactionManager::transaction_manager_status_mut(connection)
            .set_in_error();
        return result.and(Err(error.into()));
    }
    result
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Where `part` begins in `text`, from 1; 0 when it does not occur.
    #[sql_name = "strpos"]
    fn position_of(
        text: diesel::sql_types::Text,
        part: diesel::sql_types::Text,
    ) -> diesel::sql_types::Integer;
}

/// Version of a living datastore and whether it is active. The row is locked: they stay as they
/// are until the transaction ends.
pub(crate) fn lock_living(
    connection: &mut Conn,
    datastore: DatastoreId,
) -> QueryResult<Option<(i64, bool)>> {
    use crate::schema::datastores::{id, is_active, version};
    crate::schema::living()
        .filter(id.eq(datastore.get()))
        .select((version, is_active))
        // Enough against deletion and another assignment, and compatible with the share lock that
        // a history entry takes on the datastore that it names.
        .for_no_key_update()
        .first(connection)
        .optional()
}

/// Version of a deleted datastore; the row is locked as by [`lock_living`].
pub(crate) fn lock_deleted(
    connection: &mut Conn,
    datastore: DatastoreId,
) -> QueryResult<Option<i64>> {
    use crate::schema::datastores::{id, version};
    crate::schema::deleted()
        .filter(id.eq(datastore.get()))
        .select(version)
        .for_no_key_update()
        .first(connection)
        .optional()
}

/// Key of the advisory lock that a transaction holds while it makes a token: any number that nobody
/// else uses.
const TOKEN_LOCK: i64 = migrating::MIGRATION_LOCK + 1;

/// Lets one transaction at a time make tokens, so that each counts those of the one before.
pub(crate) fn lock_new_tokens(connection: &mut Conn) -> QueryResult<()> {
    connection.batch_execute(&format!("SELECT pg_advisory_xact_lock({TOKEN_LOCK})"))
}

/// Whether `error` is the violation of this unique index.
pub(crate) fn violates(error: &DieselError, index: crate::schema::UniqueIndex) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information)
        if information.constraint_name() == Some(index.name))
}

/// Counts sealed values by the id of their key: version (1 byte), length of the id (1 byte), id, and
/// the rest.
pub(crate) const KEY_IDS: &str = "
    SELECT CASE WHEN length(sealed) < 2 THEN NULL
                WHEN length(sealed) < 2 + get_byte(sealed, 1) THEN NULL
                ELSE substring(sealed FROM 3 FOR get_byte(sealed, 1)) END AS key_id,
           count(*) AS secrets
    FROM (SELECT coalesce(password_sealed, connection_string_sealed) AS sealed FROM datastores) AS s
    GROUP BY key_id";

/// Needs room that the database does not have yet, and gives it back; its rows go where the tables
/// are. A user who may make no temporary tables shows only that something can be written.
pub(crate) const TAKE_ROOM: &str = "
    SET LOCAL temp_tablespaces = '';
    DO $$ BEGIN
        IF has_database_privilege(current_database(), 'TEMP') THEN
            CREATE TEMPORARY TABLE room ON COMMIT DROP AS
                SELECT repeat('x', 1000) FROM generate_series(1, 64);
        END IF;
    END $$";

/// Whether the table exists. Not by `to_regclass`, which sees more than the transaction's snapshot.
pub(crate) fn has_table(connection: &mut Conn, table: &str) -> QueryResult<bool> {
    let found =
        sql::<Bool>("EXISTS (SELECT FROM pg_class WHERE pg_table_is_visible(oid) AND relname = ")
            .bind::<Text, _>(table)
            .sql(")");
    diesel::select(found).get_result(connection)
}

/// Whether there are tables or views, of whoever, where those of a new database go. What an
/// extension brings along is nobody's.
pub(crate) fn holds_tables(connection: &mut Conn) -> QueryResult<bool> {
    let others = sql::<Bool>(
        "EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                   AND c.relname <> '__diesel_schema_migrations' \
                   AND NOT EXISTS (SELECT FROM pg_depend AS d \
                                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                                     AND d.deptype = 'e'))",
    );
    diesel::select(others).get_result(connection)
}

#[cfg(test)]
mod tests;
