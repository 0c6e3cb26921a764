//! The registry's storage, over one of the two databases.

use crate::error::OpenError;
use crate::fault::Fault;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::url::{DatabaseUrl, Kind};
use datastore_ports::RepositoryError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How many connections, and how long callers wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Connections to PostgreSQL; on SQLite connections that read, beside the one that writes.
    pub size: u32,
    /// How long a caller waits for a connection.
    pub connection_timeout: Duration,
    /// How long a write to SQLite waits for its turn: for writers of this process, then for those
    /// of other processes.
    pub write_timeout: Duration,
    /// How long a piece of work may take: the wait for a connection, making it, and all its
    /// statements. Half a second later, at most, its caller has an answer. Of SQLite only reads
    /// that may look at many rows heed it.
    pub deadline: Duration,
    /// Callers that wait for a thread, and writers that wait for their turn; more are refused at
    /// once.
    pub queue: usize,
    /// Authorities that the certificate of PostgreSQL may come from, as PEM. `None`: those of the
    /// system.
    pub ca_pem: Option<Vec<u8>>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 10,
            connection_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(4),
            queue: 256,
            ca_pem: None,
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
/// is `read` (a bounded number of rows by an index), `scan` (any read), `write` or `migrate`. The
/// query may run more than once: it uses its arguments by reference, or copies them.
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
                    .$lane(move |connection| {
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
    /// folder must exist. PostgreSQL is contacted by the calls: a server that does not answer makes
    /// them fail, not this one.
    ///
    /// The schema is left as it is: see [`Storage::schema_state`] and [`Storage::migrate`].
    ///
    /// # Errors
    ///
    /// [`OpenError::CannotOpen`]; [`OpenError::NotOurs`] for a file that something else wrote,
    /// which is not touched.
    #[expect(clippy::needless_pass_by_value, reason = "settings are made for one storage")]
    pub fn open(url: &DatabaseUrl, settings: PoolSettings) -> Result<Self, OpenError> {
        let backend = match &url.0 {
            Kind::Sqlite(path) => Backend::Sqlite(Sqlite::open(path, &settings)?),
            Kind::Postgres(server) => {
                let database = url.to_string();
                let opened = Postgres::open(server, &settings);
                Backend::Postgres(
                    opened.map_err(|source| OpenError::CannotOpen { database, source })?,
                )
            }
        };
        Ok(Self { backend: Arc::new(backend), url: url.clone() })
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Ends the connections, for a clean shutdown. On SQLite calls fail from now on, the write-ahead
    /// log is moved into the database file and its companions are removed, unless another process
    /// uses them; on PostgreSQL those are ended that nobody uses. What was acknowledged is safe
    /// without it.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`] when calls of others did not end within a few seconds.
    pub async fn close(&self) -> Result<(), RepositoryError> {
        match self.backend() {
            Backend::Sqlite(database) => database.close().await,
            Backend::Postgres(database) => {
                database.close();
                Ok(())
            }
        }
    }

    /// Settings of the server, by name, that let it lose what it has acknowledged when its machine
    /// fails. None on SQLite, where this program makes them.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn durability_warnings(&self) -> Result<Vec<String>, RepositoryError> {
        match self.backend() {
            Backend::Sqlite(_) => Ok(Vec::new()),
            Backend::Postgres(database) => database.durability_warnings().await,
        }
    }

    /// What writes have met.
    pub(crate) fn fault(&self) -> &Fault {
        match self.backend() {
            Backend::Sqlite(database) => database.fault(),
            Backend::Postgres(database) => database.fault(),
        }
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.url)
    }
}
