//! A PostgreSQL database for each test.

use super::TestDatabase;
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// A connection that is driven from a thread without a runtime.
type Client = AsyncConnectionWrapper<AsyncPgConnection>;

/// A new, empty database of the test server; dropped with this value.
pub(crate) struct TestServer {
    server: String,
    name: String,
}

impl TestServer {
    pub(crate) fn new() -> Self {
        // No number that a test cut off earlier may have left a database under.
        let random = RandomState::new().build_hasher().finish();
        let database = Self { server: server(), name: format!("persistence_{random:016x}") };
        database.on_server(format!("CREATE DATABASE {}", database.name));
        database
    }

    /// The address of this database.
    pub(crate) fn address(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{}", self.name)
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.address().parse().expect("the URL of the test server is valid")
    }

    /// Works with a connection to this database.
    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Client) -> T + Send + 'static) -> T {
        on_thread(self.address(), work)
    }

    /// Whether the sessions of an application are encrypted.
    pub(crate) fn is_encrypted(&self, application: &str) -> bool {
        let sql = format!(
            "SELECT DISTINCT ssl::text AS name FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE datname = '{}' AND application_name = '{application}'",
            self.name
        );
        let found = self.with(move |client| diesel::sql_query(sql).load::<Table>(client));
        let found: Vec<_> = found.expect("reads").into_iter().map(|table| table.name).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found == ["true"]
    }

    fn on_server(&self, sql: String) {
        let done = on_thread(self.server.clone(), move |client| client.batch_execute(&sql));
        done.expect("the superuser may do so");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where servers are"
)]
fn server() -> String {
    std::env::var("TEST_POSTGRES_ADMIN_URL").unwrap_or_else(|_| {
        panic!(
            "TEST_POSTGRES_ADMIN_URL is not set: this test needs a PostgreSQL server. Run `make \
             test`, which starts one, or `eval \"$(scripts/databases env)\"` after \
             `scripts/databases up`."
        )
    })
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

impl TestDatabase for TestServer {
    fn open(&self) -> Storage {
        // Patient: the machine may be busy, and a login takes thousands of hashes, slow in a debug
        // build.
        let patient = Duration::from_secs(60);
        let settings = PoolSettings::default();
        let settings = PoolSettings { connection_timeout: patient, deadline: patient, ..settings };
        Storage::open(&self.url(), settings).expect("opens")
    }

    fn execute(&self, sql: &str) -> Result<(), diesel::result::Error> {
        let sql = sql.to_owned();
        self.with(move |client| client.batch_execute(&sql))
    }

    fn tables(&self) -> Vec<String> {
        let sql = "SELECT relname::text AS name FROM pg_class WHERE relnamespace = \
                   'public'::regnamespace AND relname NOT LIKE '\\_\\_diesel%' ORDER BY relname";
        let tables = self.with(move |client| diesel::sql_query(sql).load::<Table>(client));
        tables.expect("reads").into_iter().map(|table| table.name).collect()
    }

    fn revert(&self) {
        self.with(|client| client.revert_all_migrations(MIGRATIONS).map(|_| ()).expect("reverts"));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.on_server(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Tests run inside a runtime, where the connection cannot wait.
fn on_thread<T: Send + 'static>(
    address: String,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> T {
    let thread = std::thread::spawn(move || {
        let mut client = Client::establish(&address).expect("the test server answers");
        work(&mut client)
    });
    thread.join().expect("does not panic")
}
