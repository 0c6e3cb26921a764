//! The database file before SQLite sees it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// Marks a file as a database of this service: `application_id` in the header of the file.
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"DSAP");

/// The first bytes of every SQLite database, and where `application_id` stands.
/// <https://www.sqlite.org/fileformat.html>
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;
const HEADER: usize = 100;

/// Makes sure that the file exists; `false` when it is something else's. Such a file is read, and
/// not changed: switching on the write-ahead log would write into it.
///
/// A new file is readable by its owner only; SQLite gives its companions (`-wal`, `-shm`) the
/// mode of the file itself.
pub(super) fn prepare(path: &Path) -> io::Result<bool> {
    match private().create_new(true).open(path) {
        Ok(file) => {
            file.sync_all()?;
            sync_folder(path)?;
            mark(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match header(path)? {
            // Left over by a start that was cut off before it could mark the file.
            header if header.is_empty() => mark(path),
            header if is_ours(&header) => make_private(path).map(|()| true),
            _ => Ok(false),
        },
        Err(error) => Err(error),
    }
}

/// Takes away what others may do with a file of ours, and with its companions: it holds host names,
/// user names and digests of tokens.
fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    for companion in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mut name = path.as_os_str().to_owned();
        name.push(companion);
        match std::fs::metadata(&name) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                std::fs::set_permissions(&name, std::fs::Permissions::from_mode(0o600))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A new name survives a loss of power once its folder is on disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn header(path: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER);
    File::open(path)?.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(header)
}

fn is_ours(header: &[u8]) -> bool {
    let id = header.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4);
    header.starts_with(MAGIC) && id == Some(&APPLICATION_ID.to_be_bytes())
}

/// Writes the mark while the file still has a rollback journal: so it stands in the file itself
/// before anything else does.
fn mark(path: &Path) -> io::Result<bool> {
    use diesel::connection::{Connection as _, SimpleConnection as _};
    let utf8 = || io::Error::new(io::ErrorKind::InvalidInput, "the path is not valid UTF-8");
    let path = path.to_str().ok_or_else(utf8)?;
    let mut connection = super::Conn::establish(path).map_err(io::Error::other)?;
    let sql = format!(
        "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; \
         PRAGMA application_id = {APPLICATION_ID};"
    );
    connection.batch_execute(&sql).map_err(io::Error::other)?;
    Ok(true)
}
