//! The folders that database, key file and token lie in: whoever may write there may put others in
//! their place.

use crate::settings::Settings;
use rustix::fs::Access;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Why a folder is refused. Each message names the folder and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It is not there and cannot be made.
    #[error("cannot make the folder `{}`; make it by hand, or set data_dir", path.display())]
    Unmakeable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It cannot be looked at.
    #[error("cannot look at the folder `{}`; let the user of this process at it", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Something else is there.
    #[error("`{}` is not a folder; move it away, or set data_dir", .0.display())]
    NotAFolder(PathBuf),
    /// Someone who is neither root nor this process may do there what they like.
    #[error(
        "the folder `{}` belongs to user id {owner}; give it to root or to the user of this process \
         (id {us}) with `chown`, or set data_dir to a folder in it, which is made", path.display()
    )]
    ForeignOwner {
        /// The folder.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// Effective user id of this process.
        us: u32,
    },
    /// Others may write there.
    #[error(
        "the folder `{}` has mode {mode:04o}, which lets others put files there; run `chmod go-w` \
         on it, or set data_dir to a folder in it, which is made", path.display()
    )]
    TooOpen {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// We may not write there.
    #[error(
        "the folder `{}` cannot be written to; let the user of this process (id {us}) do so, or set \
         data_dir", path.display()
    )]
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// Effective user id of this process.
        us: u32,
        /// The reason.
        source: io::Error,
    },
}

/// Refuses a data folder that others may write to, or that we may not, and likewise the folder of
/// an embedded database that lies elsewhere. One that is not there is made when it is needed. A key
/// file that lies elsewhere is judged by itself: mounted secrets lie in folders of many kinds.
pub(super) fn check(settings: &Settings) -> Result<(), DataDirError> {
    judged(settings).into_iter().next().map_or(Ok(()), Err)
}

/// As [`check`], and all that is wrong at once; also a data folder that cannot be made.
pub(super) fn faults(settings: &Settings) -> Vec<DataDirError> {
    let mut faults = judged(settings);
    if settings.database_url().sqlite_path().is_some() {
        faults.extend(makeable(&settings.data_dir).err());
    }
    faults
}

fn judged(settings: &Settings) -> Vec<DataDirError> {
    let url = settings.database_url();
    let database = url.sqlite_path().map(folder_of);
    let holds_keys = settings.crypto.keys.is_none() && settings.crypto.key_file.is_none();
    let mut folders = Vec::new();
    if database.is_some() || holds_keys {
        folders.push(settings.data_dir.as_path());
    }
    folders.extend(database.filter(|folder| *folder != settings.data_dir));
    folders.iter().filter_map(|folder| judge(folder, database.is_some()).err()).collect()
}

/// Whether a folder that is not there could be made: whether the one above it could be written to.
fn makeable(path: &Path) -> Result<(), DataDirError> {
    if !matches!(path.try_exists(), Ok(false)) {
        return Ok(());
    }
    let above = path.ancestors().skip(1).map(named).find(|folder| folder.exists());
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    let allowed = above.map_or(Ok(()), |folder| rustix::fs::access(folder, rights));
    let unmakeable = |error: rustix::io::Errno| DataDirError::Unmakeable {
        path: path.to_owned(),
        source: error.into(),
    };
    allowed.map_err(unmakeable)
}

fn judge(path: &Path, is_written: bool) -> Result<(), DataDirError> {
    let us = rustix::process::geteuid().as_raw();
    let own = || path.to_owned();
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(DataDirError::NotAFolder(folder_of(path).to_owned()));
        }
        found => found.map_err(|source| DataDirError::Unreadable { path: own(), source })?,
    };
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    if !found.is_dir() {
        return Err(DataDirError::NotAFolder(own()));
    }
    if owner != 0 && owner != us {
        return Err(DataDirError::ForeignOwner { path: own(), owner, us });
    }
    if mode & 0o022 != 0 {
        return Err(DataDirError::TooOpen { path: own(), mode });
    }
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::access(path, rights) {
        Err(error) if is_written => {
            Err(DataDirError::ReadOnly { path: own(), us, source: error.into() })
        }
        _ => Ok(()),
    }
}

/// Makes the data folder, for its owner alone, unless it is there.
pub(super) fn make(settings: &Settings) -> Result<(), DataDirError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&settings.data_dir);
    made.map_err(|source| DataDirError::Unmakeable { path: settings.data_dir.clone(), source })?;
    // Somebody may have made it since it was looked for.
    judge(&settings.data_dir, true)
}

/// SQLite's write-ahead log needs shared memory, and locks that network file systems often lack.
pub(super) fn warn_of_network_file_system(database: &Path) {
    #[cfg(target_os = "linux")]
    {
        // NFS, SMB 1 to 3, CIFS, AFS, Ceph: see statfs(2).
        const NETWORK: [u32; 6] =
            [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x5346_414F, 0x00C3_6400];
        let folder = folder_of(database);
        let kind = rustix::fs::statfs(folder).map(|stat| stat.f_type);
        if kind.is_ok_and(|kind| NETWORK.iter().any(|network| i64::from(*network) == kind)) {
            tracing::warn!(
                path = %folder.display(),
                "the database is on a network file system, where SQLite can lose data; use a local disk or PostgreSQL"
            );
        }
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    named(path.parent().unwrap_or(Path::new("")))
}

/// The folder that we are in has a name too.
fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}
