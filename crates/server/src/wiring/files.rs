//! Files and folders that settings name.

use super::{StartError, data_dir, keys};
use crate::settings::Settings;
use datastore_connectivity::check_authorities;
use datastore_crypto::KeyFileError;
use rustix::fs::Access;
use std::io;
use std::path::Path;

/// Everything that a start refuses about files and folders, without opening the database or a
/// socket, and without a change.
pub(crate) fn faults(settings: &Settings) -> Vec<StartError> {
    let mut faults: Vec<_> = data_dir::faults(settings).into_iter().map(Into::into).collect();
    let url = settings.database_url();
    // A folder that is refused is enough to say.
    if let Some(path) = url.sqlite_path().filter(|_| faults.is_empty()) {
        faults.extend(database(path).err());
    }
    match keys::given(settings) {
        Ok(_) => {}
        // A folder that is refused is enough to say here too.
        Err(StartError::KeyFile(KeyFileError::Unreadable { .. }))
            if settings.crypto.key_file.is_none() && !faults.is_empty() => {}
        Err(error) => faults.push(error),
    }
    faults.extend(database_authorities(settings).err());
    faults.extend(test_authorities(settings).err());
    faults
}

/// What a start on PostgreSQL refuses besides, which says more about it: it has looked into the
/// database then.
pub(crate) fn missing_keys(settings: &Settings) -> Option<StartError> {
    let is_missing = matches!(keys::given(settings), Ok(None));
    (is_missing && settings.database_url().sqlite_path().is_none())
        .then(|| StartError::NoKeys(settings.key_file()))
}

/// The authorities that PostgreSQL's certificate may come from.
pub(super) fn database_authorities(settings: &Settings) -> Result<Option<Vec<u8>>, StartError> {
    authorities("database.tls_ca_file", settings.database.tls_ca_file.as_deref())
}

/// The authorities that connection tests trust besides the public ones.
pub(super) fn test_authorities(settings: &Settings) -> Result<Option<Vec<u8>>, StartError> {
    authorities("connectivity.tls.ca_file", settings.connectivity.tls.ca_file.as_deref())
}

fn authorities(key: &'static str, path: Option<&Path>) -> Result<Option<Vec<u8>>, StartError> {
    let Some(path) = path else { return Ok(None) };
    let own = || path.to_owned();
    let pem = std::fs::read(path).map_err(|source| StartError::Unreadable {
        key,
        path: own(),
        source,
    })?;
    check_authorities(&pem).map_err(|source| StartError::NoAuthorities {
        key,
        path: own(),
        source,
    })?;
    Ok(Some(pem))
}

/// Refuses what is no file, and one that we may not read and write.
fn database(path: &Path) -> Result<(), StartError> {
    let unusable = |source: io::Error| StartError::Unreadable {
        key: "database.url",
        path: path.to_owned(),
        source,
    };
    if path.is_dir() {
        return Err(unusable(io::ErrorKind::IsADirectory.into()));
    }
    match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
        Err(rustix::io::Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(unusable(error.into())),
    }
}
