//! A consistent copy of the embedded database, made while it is in use.

use crate::error::Reason;
use crate::schema::living;
use crate::sqlite::Conn;
use crate::storage::{Backend, Storage};
use datastore_ports::{Cause, RepositoryError};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A copy that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// Datastores in it that are not deleted.
    pub datastores: u64,
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has tools of its own for this.
    #[error(
        "PostgreSQL is backed up with its own tools: `pg_dump --format=custom --file=FILE`, with \
         the login in a file (PGPASSFILE), not among the arguments; see \"Backup and restore\" in the README"
    )]
    NotEmbedded,
    /// There is something at that path; it was left alone.
    #[error("`{}` exists already and is left alone; name another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// The copy could not be made, and nothing of it is left.
    #[error("cannot make `{}`; check its folder and the space there", path.display())]
    Failed {
        /// Where the copy was to be.
        path: PathBuf,
        /// The reason.
        source: Cause,
    },
}

impl Storage {
    /// Copies the embedded database to `path`, as it stands at one moment: everything that was
    /// acknowledged before this call is in the copy. Readers and writers, of other processes too,
    /// go on meanwhile.
    ///
    /// The copy is readable by its owner alone. It appears whole or not at all, and is on the disk
    /// when this returns. What was deleted or replaced is not in it, not even in free pages.
    ///
    /// # Errors
    ///
    /// [`BackupError`].
    pub async fn backup(&self, path: &Path) -> Result<Backup, BackupError> {
        let Backend::Sqlite(database) = self.backend() else {
            return Err(BackupError::NotEmbedded);
        };
        let failed = |source| BackupError::Failed { path: path.to_owned(), source };
        let source = database.scan::<_, RepositoryError>(|conn| Ok(file_of(conn)?)).await;
        let source = source.map_err(|error| failed(error.into()))?;
        let target = path.to_owned();
        // Not in a lane of the requests: it may take minutes.
        let copied = tokio::task::spawn_blocking(move || copy(&source, &target)).await;
        copied.map_err(|_| failed(Reason("the copy was cut short").into()))?
    }
}

/// The file that the connection works on.
fn file_of(connection: &mut Conn) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        file: String,
    }
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    Ok(diesel::sql_query(sql).get_result::<Row>(connection)?.file)
}

fn copy(source: &str, path: &Path) -> Result<Backup, BackupError> {
    let failed = |source| BackupError::Failed { path: path.to_owned(), source };
    if fs::symlink_metadata(path).is_ok() {
        return Err(BackupError::Exists(path.to_owned()));
    }
    let path = std::path::absolute(path).map_err(|error| failed(error.into()))?;
    let draft = Draft::beside(&path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(Draft::path(&path)),
        _ => failed(error.into()),
    })?;
    let datastores = fill(source, &draft.0).map_err(failed)?;
    let bytes = draft.publish(&path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(path.clone()),
        _ => failed(error.into()),
    })?;
    Ok(Backup { bytes, datastores })
}

/// Writes the copy into the empty file `draft`; how many datastores it holds.
///
/// `VACUUM INTO` copies one snapshot, with the mark of our files and the counters of ids, and holds
/// up no writer: the write-ahead log only grows meanwhile.
fn fill(source: &str, draft: &Path) -> Result<u64, Cause> {
    let draft = draft.to_str().ok_or(Reason("the path is not valid UTF-8"))?;
    let mut connection = Conn::establish(source)?;
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(draft).execute(&mut connection)?;
    let mut copy = Conn::establish(draft)?;
    let datastores: i64 = living().count().get_result(&mut copy)?;
    Ok(datastores.cast_unsigned())
}

/// The copy under a name of its own, so that nobody takes half of one for a whole one; removed on
/// drop.
struct Draft(PathBuf);

impl Draft {
    fn path(target: &Path) -> PathBuf {
        let mut name = OsString::from(target);
        name.push(".partial");
        name.into()
    }

    fn beside(target: &Path) -> io::Result<Self> {
        let path = Self::path(target);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?;
        Ok(Self(path))
    }

    /// Gives the copy its name once it is on the disk; its size. A link, unlike a rename, fails
    /// when the name is taken.
    fn publish(self, target: &Path) -> io::Result<u64> {
        let file = File::open(&self.0)?;
        file.sync_all()?;
        fs::hard_link(&self.0, target)?;
        fs::remove_file(&self.0)?;
        if let Some(folder) = target.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(file.metadata()?.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After success it is gone already; after a failure there is nothing better to do.
        drop(fs::remove_file(&self.0));
    }
}
