//! The registry's storage, over one of the two databases.

use crate::error::OpenError;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::url::{DatabaseUrl, Kind};
use datastore_ports::RepositoryError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many connections, and how long callers wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Connections to PostgreSQL; on SQLite connections that read, beside the one that writes.
    pub size: u32,
    /// How long a caller waits for a connection, and a connection for the server.
    pub connection_timeout: Duration,
    /// How long a write waits for its turn: for writers of this process, and on SQLite again for
    /// those of other processes.
    pub write_timeout: Duration,
    /// Callers that wait for a thread, and writers that wait for their turn; more are refused at
    /// once.
    pub queue: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 10,
            connection_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            queue: 256,
        }
    }
}

/// The registry's storage: implements the ports of datastores, assignments, tokens and checks.
/// Clones share their connections.
#[derive(Clone)]
pub struct Storage {
    backend: Arc<Backend>,
    url: DatabaseUrl,
}

pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Runs a query of `queries/` on the connection of whichever database this is.
///
/// `query!(storage.read, repository::find(id))` expands to one call for each database. The lane
/// (`read`, `scan`, `write`) is SQLite's; PostgreSQL has one for all.
macro_rules! query {
    ($storage:ident.$lane:ident, $module:ident::$query:ident($($argument:expr),* $(,)?)) => {
        match $storage.backend() {
            $crate::storage::Backend::Sqlite(database) => {
                database
                    .$lane(move |connection| {
                        $crate::sqlite::$module::$query(connection, $($argument),*)
                    })
                    .await
            }
            $crate::storage::Backend::Postgres(database) => {
                database
                    .run(move |connection| {
                        $crate::postgres::$module::$query(connection, $($argument),*)
                    })
                    .await
            }
        }
    };
}
pub(crate) use query;

impl Storage {
    /// Opens the database. A SQLite file that is absent is made, readable by its owner only; its
    /// folder must exist. PostgreSQL is contacted in the background: a server that does not answer
    /// makes the calls fail, not this one.
    ///
    /// The schema is left as it is: see [`Storage::schema_state`] and [`Storage::migrate`].
    ///
    /// # Errors
    ///
    /// [`OpenError::CannotOpen`]; [`OpenError::NotOurs`] for a file that something else wrote,
    /// which is not touched.
    pub fn open(url: &DatabaseUrl, settings: PoolSettings) -> Result<Self, OpenError> {
        let backend = match &url.0 {
            Kind::Sqlite(path) => Backend::Sqlite(Sqlite::open(path, settings)?),
            Kind::Postgres { url, .. } => Backend::Postgres(Postgres::open(url, settings)),
        };
        Ok(Self { backend: Arc::new(backend), url: url.clone() })
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Moves what SQLite's write-ahead log holds into the database file, for a clean shutdown;
    /// nothing to do on PostgreSQL. What was acknowledged is safe without it.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn checkpoint(&self) -> Result<(), RepositoryError> {
        match self.backend() {
            Backend::Sqlite(database) => database.checkpoint().await,
            Backend::Postgres(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.url)
    }
}
