//! What the tests of both databases share.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use async_trait::async_trait;
use datastore_domain::DatastoreId;
use datastore_persistence::Storage;
use datastore_testkit::contract::{HistoryLine, HistoryReader, Subject};
use std::any::Any;
use std::sync::Arc;

struct History(Storage);

#[async_trait]
impl HistoryReader for History {
    async fn history(&self, datastore: Option<DatastoreId>) -> Vec<HistoryLine> {
        let entries = self.0.history(datastore).await.expect("the storage answers");
        entries
            .into_iter()
            .map(|entry| HistoryLine {
                at: entry.at,
                actor: entry.actor,
                action: entry.action,
                datastore: entry.datastore,
                version: entry.version,
                changes: entry.changes,
                request_id: entry.request_id,
            })
            .collect()
    }
}

/// A migrated storage as a subject of the contract.
pub(crate) fn subject(storage: Storage, guard: impl Any + Send + Sync) -> Subject {
    let history = Arc::new(History(storage.clone()));
    Subject::new(Arc::new(storage), history, guard)
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
