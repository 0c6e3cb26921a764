//! A PostgreSQL database for each test.

use super::{Dialect, TestDatabase};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_testkit::live;
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
        let database = Self {
            server: live("TEST_POSTGRES_ADMIN_URL"),
            name: format!("persistence_{random:016x}"),
        };
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
            "SELECT DISTINCT ssl::text AS line FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE datname = '{}' AND application_name = '{application}'",
            self.name
        );
        let found = self.with(move |client| diesel::sql_query(sql).load::<Line>(client));
        let found: Vec<_> = found.expect("reads").into_iter().map(|row| row.line).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found == ["true"]
    }

    fn on_server(&self, sql: String) {
        let done = on_thread(self.server.clone(), move |client| client.batch_execute(&sql));
        done.expect("the superuser may do so");
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

const SCHEMA: &str = "
    SELECT line FROM (
        SELECT format('%s %s %s %s %s', attrelid::regclass, attname,
            format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation) AS line
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
        UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    ) AS lines WHERE line NOT LIKE '%__diesel_schema_migrations%' ORDER BY line";

impl TestServer {
    /// How many rows and index entries were read, once no session is left that has not reported
    /// yet: they do when they end.
    pub(crate) fn reads(&self) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            reads: i64,
        }
        let sql = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::bigint \
                   + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::bigint AS reads";
        let count = self.with(move |client| {
            client.batch_execute(END_SESSIONS)?;
            diesel::sql_query(sql).get_result::<Count>(client)
        });
        count.expect("the superuser may do so").reads
    }
}

/// Ends all sessions but this one, and waits for their end.
pub(crate) const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid, 5000) \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

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

    fn schema(&self) -> Vec<String> {
        let lines = self.with(move |client| diesel::sql_query(SCHEMA).load::<Line>(client));
        lines.expect("reads").into_iter().map(|line| line.line).collect()
    }

    fn dialect(&self) -> Dialect {
        Dialect {
            bytes: "decode(md5(random()::text || i), 'hex')",
            digest: "sha256(convert_to(random()::text || i, 'UTF8'))",
            series: "generate_series(1::bigint, {rows}) AS series (i)",
        }
    }

    fn migrate_one(&self) -> String {
        self.with(|client| client.run_next_migration(MIGRATIONS).expect("runs").to_string())
    }

    fn revert_one(&self) -> String {
        self.with(|client| client.revert_last_migration(MIGRATIONS).expect("reverts").to_string())
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
