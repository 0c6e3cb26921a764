//! Connections to one file.

use super::Conn;
use super::failure::CLOSED;
use crate::error::Reason;
use crate::storage::PoolSettings;
use datastore_ports::Cause;
use diesel::connection::{
    AnsiTransactionManager, Connection as _, SimpleConnection as _, TransactionManager as _,
};
use diesel::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long closing waits for calls that still run.
const CLOSING: Duration = Duration::from_secs(5);

/// Connections of one kind, all of them open from the beginning.
#[derive(Clone)]
pub(super) struct Pool {
    connections: r2d2::Pool<Opener>,
    is_closing: Arc<AtomicBool>,
}

impl Pool {
    /// The connection that writes.
    pub(super) fn writer(path: &Path, settings: &PoolSettings) -> Result<Self, Cause> {
        Self::new(path, true, 1, settings.write_timeout, settings)
    }

    /// Connections that only read. One waits for the file only while a log that a crash left
    /// behind is taken up, and does so on the caller's thread: not long.
    pub(super) fn readers(path: &Path, settings: &PoolSettings) -> Result<Self, Cause> {
        Self::new(path, false, settings.size, settings.connection_timeout, settings)
    }

    fn new(
        path: &Path,
        may_write: bool,
        size: u32,
        busy_timeout: Duration,
        settings: &PoolSettings,
    ) -> Result<Self, Cause> {
        let is_closing = Arc::new(AtomicBool::new(false));
        let opener =
            Opener { path: path.into(), busy_timeout, may_write, is_closing: is_closing.clone() };
        let connections = r2d2::Pool::builder()
            .max_size(size)
            // None is opened unasked: not when closing ends them.
            .min_idle(Some(0))
            .connection_timeout(settings.connection_timeout)
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .error_handler(Box::new(LogPoolError))
            .build(opener)?;
        let all: Result<Vec<_>, _> = (0..size).map(|_| connections.get()).collect();
        drop(all?);
        Ok(Self { connections, is_closing })
    }

    pub(super) fn get(&self) -> Result<r2d2::PooledConnection<Opener>, Cause> {
        if self.is_closing.load(SeqCst) {
            return Err(CLOSED.into());
        }
        Ok(self.connections.get()?)
    }

    /// Ends all connections: those that are idle at once, the others when they come back. `false`
    /// when some did not in time.
    pub(super) fn close(&self) -> bool {
        self.is_closing.store(true, SeqCst);
        let begun = Instant::now();
        loop {
            while self.connections.try_get().is_some() {}
            if self.connections.state().connections == 0 {
                return true;
            }
            if begun.elapsed() > CLOSING {
                return false;
            }
            // A connection that comes back is dropped then and there, and wakes nobody.
            sleep(Duration::from_millis(5));
        }
    }
}

/// Why a pool could not make a connection.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum ConnectError {
    Connection(#[from] diesel::ConnectionError),
    Setup(#[from] diesel::result::Error),
    Reason(#[from] Reason),
}

/// Logs why a pool could not make a connection; its callers only learn that they waited in vain.
#[derive(Debug)]
struct LogPoolError;

impl r2d2::HandleError<ConnectError> for LogPoolError {
    fn handle_error(&self, error: ConnectError) {
        tracing::warn!(error = %error, "cannot connect to the storage");
    }
}

/// Opens connections to one file.
#[derive(Debug)]
pub(super) struct Opener {
    path: PathBuf,
    busy_timeout: Duration,
    may_write: bool,
    is_closing: Arc<AtomicBool>,
}

impl Opener {
    /// `synchronous = FULL`: in WAL mode, NORMAL would lose acknowledged commits with the power.
    /// `secure_delete`: a secret that was replaced is wiped from the file.
    fn setup(&self, connection: &mut Conn) -> Result<(), ConnectError> {
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {};
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;",
            self.busy_timeout.as_millis()
        ))?;
        if !self.may_write {
            return Ok(connection.batch_execute("PRAGMA query_only = ON")?);
        }
        #[derive(QueryableByName)]
        struct Mode {
            #[diesel(sql_type = diesel::sql_types::Text)]
            journal_mode: String,
        }
        let mode: Mode = diesel::sql_query("PRAGMA journal_mode = WAL").get_result(connection)?;
        if mode.journal_mode != "wal" {
            return Err(Reason("this file system cannot hold a write-ahead log").into());
        }
        Ok(())
    }
}

impl r2d2::ManageConnection for Opener {
    type Connection = Conn;
    type Error = ConnectError;

    fn connect(&self) -> Result<Conn, Self::Error> {
        if self.is_closing.load(SeqCst) {
            return Err(CLOSED.into());
        }
        let path = self.path.to_str().ok_or(Reason("the path is not valid UTF-8"))?;
        let mut connection = Conn::establish(path)?;
        self.setup(&mut connection)?;
        Ok(connection)
    }

    fn is_valid(&self, _: &mut Conn) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A panic in the middle of a transaction leaves it open, and so may a COMMIT that failed: such a
    /// connection is not used again.
    fn has_broken(&self, connection: &mut Conn) -> bool {
        std::thread::panicking()
            || self.is_closing.load(SeqCst)
            || AnsiTransactionManager::is_broken_transaction_manager(connection)
    }
}
