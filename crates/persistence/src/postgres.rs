//! PostgreSQL: connections, threads, and the SQL that only it speaks.
//!
//! The connection is diesel-async's (pure Rust, no libpq), driven from blocking threads.

use crate::error::{Failure, Reason, unavailable};
use crate::lane::{ConnectError, Lane, LogPoolError};
use crate::storage::PoolSettings;
use datastore_domain::DatastoreId;
use datastore_ports::RepositoryError;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::{AsyncConnectionWrapper, BlockOn};
use diesel_async::pooled_connection::PoolableConnection as _;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

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

/// What the queries are compiled for.
pub(crate) type Conn = AsyncConnectionWrapper<AsyncPgConnection, SharedRuntime>;
pub(crate) type Db = diesel::pg::Pg;

pub(crate) const MIGRATIONS: diesel_migrations::EmbeddedMigrations =
    diesel_migrations::embed_migrations!("../../migrations/postgres");

/// A pool of connections to PostgreSQL, used from blocking threads only.
pub(crate) struct Postgres {
    pool: r2d2::Pool<Opener>,
    lane: Lane,
}

impl Postgres {
    pub(crate) fn open(url: &str, settings: PoolSettings) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(settings.size)
            .min_idle(Some(1))
            .connection_timeout(settings.connection_timeout)
            // Costs no round trip here: see `is_valid`.
            .test_on_check_out(true)
            .error_handler(Box::new(LogPoolError))
            .build_unchecked(Opener { url: session_url(url) });
        let lane = Lane::new(settings.size as usize, settings.queue, settings.write_timeout);
        Self { pool, lane }
    }

    /// Runs a query of any kind: the server keeps those that read much, and those that write, from
    /// each other.
    pub(crate) async fn run<T, E>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let pool = self.pool.clone();
        self.lane
            .run(move || {
                let mut client = pool.get().map_err(|error| E::from(unavailable(error)))?;
                query(&mut client.connection).map_err(Failure::into_error)
            })
            .await
    }
}

/// Adds what every session of ours has, unless the URL says otherwise.
fn session_url(url: &str) -> String {
    let mut full = url.to_owned();
    for (name, value) in [("application_name", "datastore-api"), ("connect_timeout", "2")] {
        if !url.contains(&format!("{name}=")) {
            let separator = if full.contains('?') { '&' } else { '?' };
            full.push_str(&format!("{separator}{name}={value}"));
        }
    }
    full
}

/// Opens connections to one server. Has no `Debug` of its URL, which holds a password.
struct Opener {
    url: String,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// A pooled connection, with the means to look after it.
struct Client {
    connection: Conn,
    runtime: SharedRuntime,
}

impl r2d2::ManageConnection for Opener {
    type Connection = Client;
    type Error = ConnectError;

    fn connect(&self) -> Result<Client, ConnectError> {
        let mut connection = Conn::establish(&self.url)?;
        let runtime = MADE_LAST.take().ok_or(Reason("the connection made no runtime"))?;
        // Notices (of migrations that find a table already there, say) are nobody's to read.
        connection.batch_execute("SET client_min_messages = warning")?;
        Ok(Client { connection, runtime })
    }

    /// Costs no round trip: takes in what has arrived meanwhile, such as the server's goodbye.
    fn is_valid(&self, client: &mut Client) -> Result<(), ConnectError> {
        client.runtime.block_on(async {
            // The first turn looks at the socket, the second lets the connection see it, the third
            // lets it end.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
        if self.has_broken(client) { Err(Reason("the connection broke").into()) } else { Ok(()) }
    }

    /// A panic in the middle of a transaction leaves it open: such a connection is not used again.
    fn has_broken(&self, client: &mut Client) -> bool {
        std::thread::panicking() || AsyncPgConnection::is_broken(&mut client.connection)
    }
}

thread_local! {
    /// The runtime that diesel-async made last on this thread: it asks for one inside
    /// `establish`, and keeps it to itself.
    static MADE_LAST: Cell<Option<SharedRuntime>> = const { Cell::new(None) };
}

/// Drives one connection on whichever blocking thread uses it: no other thread is woken.
///
/// diesel-async's own runtime has no timers on r2d2's threads, where tokio's would panic.
#[derive(Clone)]
pub(crate) struct SharedRuntime(Option<Arc<tokio::runtime::Runtime>>);

impl BlockOn for SharedRuntime {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.0.as_ref().expect("taken in `drop` only");
        runtime.block_on(future)
    }

    fn get_runtime() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the operating system has a descriptor left for polling");
        let shared = Self(Some(Arc::new(runtime)));
        MADE_LAST.set(Some(shared.clone()));
        shared
    }
}

impl Drop for SharedRuntime {
    /// A runtime that is dropped inside another one panics, unless it is told not to wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take().and_then(Arc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

/// A transaction that writes.
pub(crate) fn transaction<T, E>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure<E>>,
) -> Result<T, Failure<E>> {
    connection.transaction(body)
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

/// Whether `error` is the violation of this unique index.
pub(crate) fn violates(error: &DieselError, index: crate::schema::UniqueIndex) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information)
        if information.constraint_name() == Some(index.name))
}

/// Whether the table exists.
pub(crate) fn has_table(connection: &mut Conn, table: &str) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        found: bool,
    }
    diesel::sql_query("SELECT to_regclass($1) IS NOT NULL AS found")
        .bind::<diesel::sql_types::Text, _>(table)
        .get_result::<Found>(connection)
        .map(|row| row.found)
}

/// Key of the advisory lock that migrations hold; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x0064_6174_6173_746f;

/// Runs `body` while no other replica migrates. A session that ends loses the lock by itself.
pub(crate) fn while_migrating_alone<T>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    connection.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
    let result = body(connection);
    connection.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))?;
    result
}
