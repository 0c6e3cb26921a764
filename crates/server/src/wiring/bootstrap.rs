//! What the first start makes: the data folder and one token for the administrator.

use super::StartError;
use crate::settings::Settings;
use datastore_application::{Access, Author};
use datastore_domain::{PageRequest, Role, TokenName};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Makes the data folder, for its owner alone, unless it is there.
pub(super) fn make_data_dir(settings: &Settings) -> Result<(), StartError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&settings.data_dir);
    made.map_err(|source| StartError::DataDir { path: settings.data_dir.clone(), source })
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

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Sees to it that somebody can get in: an empty embedded database gets one admin token, in a file
/// for the user of this process alone. It is printed nowhere, and neither logged.
pub(super) async fn first_token(settings: &Settings, access: &Access) -> Result<(), StartError> {
    let actor = Author::try_from("first start").expect("a valid name");
    let count_only = PageRequest { page: 1, size: 1 };
    if access.list_tokens(&actor, count_only).await?.count != Some(0) {
        return Ok(());
    }
    if settings.database_url().sqlite_path().is_none() {
        tracing::warn!(
            "no access token exists; make one with `datastore-api token create --name admin --role admin`"
        );
        return Ok(());
    }
    // The database may be elsewhere.
    make_data_dir(settings)?;
    let path = settings.admin_token_file();
    let name = TokenName::try_from("admin").expect("a valid name");
    let made = access.create_token(&actor, name, Role::Admin, None).await?;
    write_private(&path, made.token.expose())
        .map_err(|source| StartError::AdminToken { path: path.clone(), source })?;
    tracing::info!(path = %path.display(), "made an admin token: it is in the file {}", path.display());
    Ok(())
}

/// Writes a file with mode 0600: whole or not at all, and in place of one that is there.
fn write_private(path: &Path, line: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    // One that a killed process left behind may have any mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(line.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder_of(path))?.sync_all()
}
