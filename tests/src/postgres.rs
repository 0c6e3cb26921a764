//! A PostgreSQL database for each test.

use crate::Database;
use crate::database::PgClient;
use datastore_testkit::live;
use diesel::Connection as _;
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};
use std::path::{Path, PathBuf};

/// How an empty database sorts and changes case unless told otherwise: nothing of ours may depend on
/// it, and no language is further from code points than Turkish.
const LOCALE: &str = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'";

/// A database of the server of `scripts/databases`; dropped with this value.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// An empty database.
    #[must_use]
    pub(crate) fn empty() -> Self {
        Self::create(LOCALE)
    }

    /// A database with the schema of the checkout: a copy of a template, which the first test that
    /// needs it makes.
    #[must_use]
    pub(crate) fn migrated() -> Self {
        Self::create(&format!("TEMPLATE {}", template()))
    }

    fn create(how: &str) -> Self {
        // No number that a test cut off earlier may have left a database under.
        let random = RandomState::new().build_hasher().finish();
        let database = Self {
            server: live("TEST_POSTGRES_ADMIN_URL"),
            name: format!("registry_{random:016x}"),
        };
        Database::connect(&database.server)
            .execute(&format!("CREATE DATABASE {} {how}", database.name));
        database
    }

    /// Its address, for the superuser.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        url(&self.server, &self.name)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = Database::connect(&self.server).try_execute(&drop);
        // A second panic would hide the first.
        if !std::thread::panicking() {
            dropped.expect("the superuser may do so");
        }
    }
}

/// Waits until nobody else is connected any more: what a killed client left running has ended.
pub(crate) fn await_end_of_sessions(url: &str) {
    let mut database = Database::connect(url);
    let others = "SELECT count(*) AS value FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    while database.number(others) > 0 {}
}

/// The address of another database of the same server.
fn url(server: &str, database: &str) -> String {
    let (server, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{database}")
}

fn migrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/postgres")
}

/// The name of a database with the schema, told by what the migrations say: it serves every run
/// until they change.
fn template() -> String {
    let name = format!("registry_template_{:016x}", fingerprint(&migrations()));
    let mut server = Database::connect(&live("TEST_POSTGRES_ADMIN_URL"));
    let there = format!("SELECT count(*) AS value FROM pg_database WHERE datname = '{name}'");
    if server.number(&there) == 0 {
        // One of the tests that run at once makes it; the lock ends with the connection.
        server.execute("SELECT pg_advisory_lock(7381632)");
        if server.number(&there) == 0 {
            make_template(&mut server, &name);
        }
    }
    name
}

/// Makes it under another name: whole or not at all.
fn make_template(on: &mut Database, name: &str) {
    let draft = format!("{name}_draft");
    on.execute(&format!("DROP DATABASE IF EXISTS {draft}"));
    on.execute(&format!("CREATE DATABASE {draft} {LOCALE}"));
    let migrations = FileBasedMigrations::from_path(migrations()).expect("the migrations");
    let mut client = PgClient::establish(&url(&live("TEST_POSTGRES_ADMIN_URL"), &draft))
        .expect("the server answers");
    let ran = client.run_pending_migrations(migrations).map(|ran| ran.len());
    assert!(ran.is_ok_and(|ran| ran > 0), "no migrations");
    drop(client);
    // Waits up to 5 s for the end of that session.
    on.execute(&format!("ALTER DATABASE {draft} RENAME TO {name}"));
}

fn fingerprint(folder: &Path) -> u64 {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder of migrations")
        .map(|entry| entry.expect("an entry").path().join("up.sql"))
        .collect();
    files.sort_unstable();
    let mut hasher = DefaultHasher::new();
    hasher.write(LOCALE.as_bytes());
    for file in files {
        hasher.write(&std::fs::read(file).expect("a migration"));
    }
    hasher.finish()
}
