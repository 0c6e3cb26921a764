//! `backup`.

use super::{CommandError, print};
use crate::settings::Settings;
use crate::wiring;
use datastore_persistence::BackupError;
use std::path::Path;

pub(super) async fn run(settings: &Settings, file: &Path) -> Result<(), CommandError> {
    if settings.database_url().sqlite_path().is_none() {
        return Err(BackupError::NotEmbedded.into());
    }
    // Whatever its schema: before an upgrade is when a backup is wanted most.
    let made = wiring::open_existing(settings)?.backup(file).await?;
    let keys = match &settings.crypto.keys {
        Some(_) => "The keys of the environment are".to_owned(),
        None => format!("The key file {} is", settings.key_file().display()),
    };
    print(&format!(
        "{}: {} datastores, {} bytes\n{keys} not in it: without a copy of it, kept apart, no secret opens.\n",
        file.display(),
        made.datastores,
        made.bytes
    ))
}
