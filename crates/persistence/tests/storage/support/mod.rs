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

    /// Names of the tables that are there, but for the one of the migrations themselves.
    fn tables(&self) -> Vec<String>;

    /// Takes every migration back by its `down.sql`.
    fn revert(&self);
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
