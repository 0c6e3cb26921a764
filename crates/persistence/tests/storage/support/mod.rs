//! What the tests of both databases share.

pub(crate) mod postgres;
pub(crate) mod private;
pub(crate) mod sqlite;

use datastore_domain::{HistoryFilter, Paging};
use datastore_persistence::Storage;
use datastore_ports::HistoryLog as _;
use datastore_testkit::contract::Subject;
use datastore_testkit::page;
use std::any::Any;
use std::sync::Arc;

/// A migrated storage as a subject of the contract.
pub(crate) fn subject(storage: Storage, guard: impl Any + Send + Sync) -> Subject {
    Subject::new(Arc::new(storage), guard)
}

/// How many entries the history has.
pub(crate) async fn entries(storage: &Storage) -> u64 {
    let first = Paging::Number(page(1, 1));
    let page = storage.entries(&HistoryFilter::default(), first).await.expect("answers");
    page.count.expect("a page by number")
}

/// A database of a test, whichever it is.
pub(crate) trait TestDatabase: Send + Sync {
    /// A storage on it, whose schema is as it is. Each call opens connections of its own.
    fn open(&self) -> Storage;

    /// Runs SQL beside the storage, with every right.
    fn execute(&self, sql: &str) -> Result<(), diesel::result::Error>;

    /// What makes up the schema, but for the table of the migrations themselves: a line for each
    /// column, index, constraint, trigger and function.
    fn schema(&self) -> Vec<String>;

    /// What [`seed`] writes in another way for each.
    fn dialect(&self) -> Dialect;

    /// Runs the next migration and gives its version.
    fn migrate_one(&self) -> String;

    /// Takes the newest migration back by its `down.sql` and gives its version.
    fn revert_one(&self) -> String;
}

/// What the two databases do not write alike.
pub(crate) struct Dialect {
    /// Sixteen bytes, others for each row.
    bytes: &'static str,
    /// Thirty-two of them.
    digest: &'static str,
    /// A row of one column `i` for each number from 1 to `{rows}`.
    series: &'static str,
}

/// Stores so many datastores in one statement: names in an order of their own, three at a time
/// created at the same moment, all systems, every tenth inactive, a quarter without a response time
/// and the others with one of 750. `deleted_at` is SQL.
pub(crate) fn seed(database: &impl TestDatabase, rows: u32, deleted_at: &str) {
    let Dialect { bytes, series, .. } = database.dialect();
    let series = series.replace("{rows}", &rows.to_string());
    let sql = format!(
        "INSERT INTO datastores (record, version, created_at, updated_at, deleted_at, name, type, \
         system, description, search_text, is_active, server, port, username, password_sealed, \
         tls, avg_response_time_ms) \
         SELECT {bytes}, 1, 1000000 + i / 3, 1000000 + i / 3, {deleted_at}, \
         'node ' || (1000000 + i * 7919 % 1000003), \
         CASE i % 6 WHEN 0 THEN 'sql' WHEN 1 THEN 'sql' WHEN 2 THEN 'document' \
         WHEN 3 THEN 'keyvalue' WHEN 4 THEN 'graph' ELSE 'column' END, \
         CASE i % 6 WHEN 0 THEN 'postgres' WHEN 1 THEN 'mysql' WHEN 2 THEN 'mongodb' \
         WHEN 3 THEN 'redis' WHEN 4 THEN 'neo4j' ELSE 'cassandra' END, \
         'A node.', 'node', i % 10 <> 0, 'db.company.com', 5432, 'app', {bytes}, 'require', \
         CASE WHEN i % 4 = 0 THEN NULL ELSE i % 1000 + 0.5 END FROM {series}"
    );
    database.execute(&sql).expect("stores");
}

/// Stores so many tokens that were never revoked; `expires_at` is SQL.
pub(crate) fn seed_tokens(database: &impl TestDatabase, rows: u32, expires_at: &str) {
    let Dialect { digest, series, .. } = database.dialect();
    let series = series.replace("{rows}", &rows.to_string());
    let sql = format!(
        "INSERT INTO tokens (name, role, digest, created_at, expires_at) \
         SELECT 'seeded', 'viewer', {digest}, 1, {expires_at} FROM {series}"
    );
    database.execute(&sql).expect("stores");
}

/// A storage on it, migrated.
pub(crate) async fn migrated(database: &impl TestDatabase) -> Storage {
    let storage = database.open();
    storage.migrate().await.expect("migrates");
    storage
}

/// Makes one test for each database of each case, an `async fn(&impl TestDatabase)`.
macro_rules! on_both_databases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&crate::support::sqlite::TestFile::new()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&crate::support::postgres::TestServer::new()).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_databases;
