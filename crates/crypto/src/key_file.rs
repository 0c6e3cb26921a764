//! The key file: who may see it is checked before it is read, and it is made whole or not at all.
//!
//! The content is the text format of [`KeyRing`].

use crate::entropy::NoRandomness;
use crate::key::{Key, KeyId};
use crate::private_file::{self, Draft, Found, MODE};
use crate::ring::{KeyRing, KeyRingError, format_entry};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest key file that is read, in bytes: some thousand keys.
const MAX_LENGTH: usize = 256 * 1024;

/// Why a key file is refused, or could not be made. Each message names the file and the remedy on
/// one line, and never any content.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no key file `{}`; restore it, or set `crypto.key_file` to where it is", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system does not let us read it.
    #[error("key file `{}` cannot be read; let the user of this process read it, and only that user", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A folder, a device, a pipe, or a symbolic link to one.
    #[error("key file `{}` is not a regular file; set `crypto.key_file` to one, or to a symbolic link to one", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Someone who is neither root nor this process could have written it.
    #[error("key file `{}` belongs to user id {owner}; give it to root or to the user of this process (id {us}) with `chown`", path.display())]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// User id of the owner.
        owner: u32,
        /// Effective user id of this process.
        us: u32,
    },
    /// Others may read or write it.
    #[error("key file `{}` has mode {mode:04o}, which lets others at it; run `chmod {allowed:04o}` on it", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The widest permission bits that are accepted.
        allowed: u32,
    },
    /// Too long to be a key file.
    #[error("file `{}` is longer than {MAX_LENGTH} bytes and so is no key file; set `crypto.key_file` to the right one", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Not UTF-8.
    #[error("file `{}` is not text and so is no key file; set `crypto.key_file` to the right one", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The content is not a key ring; the source says which entry, why, and the remedy.
    #[error("key file `{}` is refused", path.display())]
    Ring {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyRingError,
    },
    /// There is something at the place of a new key file; it was left alone.
    #[error("`{}` exists already and is left alone; use it, or name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A new key file could not be written.
    #[error("key file `{}` cannot be made; check that its folder exists and that this process may write to it", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// No new key could be made.
    #[error("no key can be made; make one elsewhere with `datastore-api key generate`")]
    NoRandomness(#[from] NoRandomness),
}

/// Reads the key ring in the file `path`.
///
/// A symbolic link is followed, since mounted secrets are links; what counts is the file behind it.
/// The file is opened once, and type, owner, mode and content are those of that open file, so that
/// nobody can put another in its place between check and use.
///
/// With `allow_group_read` the group may read the file (mode 0640), as it may with mounted secrets.
///
/// # Errors
///
/// [`KeyFileError::Missing`] and [`KeyFileError::Unreadable`] as the operating system says;
/// [`KeyFileError::NotAFile`], [`KeyFileError::ForeignOwner`] and [`KeyFileError::TooOpen`] before
/// any of it is read; [`KeyFileError::TooLong`], [`KeyFileError::NotText`] and
/// [`KeyFileError::Ring`] by content.
pub fn load(path: &Path, allow_group_read: bool) -> Result<KeyRing, KeyFileError> {
    load_as(path, allow_group_read, rustix::process::geteuid().as_raw())
}

fn load_as(path: &Path, allow_group_read: bool, us: u32) -> Result<KeyRing, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable { path: path.to_owned(), source };
    let (file, found) = private_file::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing { path: path.to_owned() },
        _ => unreadable(source),
    })?;
    found.judge(path, allow_group_read, us)?;
    // Room for all that will be read: a buffer that grows leaves copies of keys behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 64));
    file.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_LENGTH {
        return Err(KeyFileError::TooLong { path: path.to_owned() });
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| KeyFileError::NotText { path: path.to_owned() })?;
    KeyRing::parse(text).map_err(|source| KeyFileError::Ring { path: path.to_owned(), source })
}

impl Found {
    fn judge(self, path: &Path, allow_group_read: bool, us: u32) -> Result<(), KeyFileError> {
        let path = path.to_owned();
        let allowed = if allow_group_read { 0o640 } else { MODE };
        if !self.regular {
            Err(KeyFileError::NotAFile { path })
        } else if !self.belongs_to(us) {
            Err(KeyFileError::ForeignOwner { path, owner: self.owner, us })
        } else if self.mode & 0o077 & !allowed != 0 {
            Err(KeyFileError::TooOpen { path, mode: self.mode, allowed })
        } else {
            Ok(())
        }
    }
}

/// Makes the key file `path` with one new key, and returns the ring.
///
/// The file has mode 0600, whatever the umask. It appears whole or not at all, even when the
/// process is killed, and is on the disk when this returns; of several processes that make it at
/// once, one succeeds. A process killed in between may leave a file `.….new` beside it, which can be
/// removed. Whether a new key may be made is the caller's to know: never while sealed values exist.
///
/// # Errors
///
/// [`KeyFileError::Exists`] when there is anything at `path`, which is never overwritten;
/// [`KeyFileError::Unwritable`] as the operating system says (the file system must have hard
/// links); [`KeyFileError::NoRandomness`] when it gives no key.
pub fn create(path: &Path) -> Result<KeyRing, KeyFileError> {
    // Only a short cut: that nothing is overwritten is decided by the link below.
    if fs::symlink_metadata(path).is_ok() {
        return Err(KeyFileError::Exists { path: path.to_owned() });
    }
    let (id, key) = (KeyId::generate()?, Key::generate()?);
    let draft = Draft::beside(path)?;
    let written = draft.write(format_entry(&id, &key).expose()).and_then(|()| draft.publish(path));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.to_owned() },
        _ => KeyFileError::Unwritable { path: path.to_owned(), source },
    })?;
    let ring = KeyRing::new(vec![(id, key)]);
    ring.map_err(|source| KeyFileError::Ring { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
