//! Files that hold a secret: made whole or not at all, for their owner alone.

use crate::entropy::{NoRandomness, fill};
use rustix::fs::OFlags;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Mode of the files made here.
pub(crate) const MODE: u32 = 0o600;

/// Makes the file `path` with `line` and a line break in it.
///
/// The file has mode 0600, whatever the umask. It appears whole or not at all, even when the
/// process is killed, and is on the disk when this returns; of several processes that make it at
/// once, one succeeds. A process killed in between may leave a file `.….new` beside it, which can be
/// removed.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] when there is anything at `path`, which is never overwritten;
/// otherwise as the operating system says (the file system must have hard links).
pub fn create(path: &Path, line: &str) -> io::Result<()> {
    let draft = Draft::beside(path).map_err(io::Error::other)?;
    draft.write(line)?;
    draft.publish(path)
}

/// What the descriptor of an open file says of it.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Whether it is a file, and no folder, device or pipe.
    pub regular: bool,
    /// User id of its owner.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
}

impl Found {
    /// Whether nobody but root and the user `us` owns it.
    #[must_use]
    pub fn belongs_to(self, us: u32) -> bool {
        self.owner == 0 || self.owner == us
    }
}

/// Opens a file that is judged before it is read: what was found is of the open file, so that nobody
/// can put another in its place in between.
///
/// # Errors
///
/// As the operating system says.
pub fn open(path: &Path) -> io::Result<(File, Found)> {
    // Without NONBLOCK, opening a named pipe would wait for somebody to write to it.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    Ok((file, Found { regular: metadata.is_file(), owner, mode }))
}

/// The new file under a name of its own, so that nobody sees it half written; removed on drop.
pub(crate) struct Draft(PathBuf);

impl Draft {
    pub(crate) fn beside(path: &Path) -> Result<Self, NoRandomness> {
        let mut suffix = [0; 8];
        fill(&mut suffix)?;
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{:016x}.new", u64::from_be_bytes(suffix)));
        Ok(Self(path.with_file_name(name)))
    }

    pub(crate) fn write(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&self.0)?;
        // The umask may have taken bits away from us.
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// Gives the file its name. A link, unlike a rename, fails when the name is taken.
    pub(crate) fn publish(&self, path: &Path) -> io::Result<()> {
        fs::hard_link(&self.0, path)?;
        fs::remove_file(&self.0)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After success it is gone already; after a failure there is nothing better to do.
        drop(fs::remove_file(&self.0));
    }
}
