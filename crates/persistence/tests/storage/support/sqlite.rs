//! A SQLite database in a folder of its own.

use super::{Dialect, TestDatabase};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use std::path::PathBuf;
use std::time::Duration;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

pub(crate) struct TestFile(tempfile::TempDir);

impl TestFile {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("registry.db")
    }

    pub(crate) fn open_with(&self, settings: PoolSettings) -> Storage {
        Storage::open(&DatabaseUrl::sqlite(self.path()), settings).expect("opens")
    }

    /// A connection beside the storage's, as another process would have one.
    pub(crate) fn connect(&self) -> SqliteConnection {
        let path = self.path();
        let path = path.to_str().expect("temporary folders have plain names");
        let mut connection = SqliteConnection::establish(path).expect("opens");
        connection.batch_execute("PRAGMA busy_timeout = 5000").expect("sets");
        connection
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

impl TestDatabase for TestFile {
    fn open(&self) -> Storage {
        // Patient: the machine may be busy, and sixteen threads may write.
        let patient = Duration::from_secs(60);
        let settings = PoolSettings::default();
        self.open_with(PoolSettings {
            connection_timeout: patient,
            write_timeout: patient,
            deadline: patient,
            ..settings
        })
    }

    fn execute(&self, sql: &str) -> Result<(), diesel::result::Error> {
        self.connect().batch_execute(sql)
    }

    fn schema(&self) -> Vec<String> {
        let sql = "SELECT coalesce(sql, name) AS line FROM sqlite_schema \
                   WHERE tbl_name NOT IN ('__diesel_schema_migrations', 'sqlite_sequence') \
                   ORDER BY line";
        let lines = diesel::sql_query(sql).load::<Line>(&mut self.connect()).expect("reads");
        lines.into_iter().map(|line| line.line).collect()
    }

    fn dialect(&self) -> Dialect {
        Dialect {
            bytes: "randomblob(16)",
            digest: "randomblob(32)",
            series: "(WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series \
                     WHERE i < {rows}) SELECT i FROM series)",
        }
    }

    fn migrate_one(&self) -> String {
        // Marks a new file as one of this service.
        drop(self.open());
        self.connect().run_next_migration(MIGRATIONS).expect("runs").to_string()
    }

    fn revert_one(&self) -> String {
        self.connect().revert_last_migration(MIGRATIONS).expect("reverts").to_string()
    }
}
