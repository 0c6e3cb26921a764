//! The database: opened, compared with the keys, and brought up to date, in this order.

use super::{StartError, data_dir, files, keys};
use crate::settings::Settings;
use datastore_crypto::RingCipher;
use datastore_persistence::{PoolSettings, SchemaState, Storage};
use std::time::Duration;

/// Opens the database, checks that the keys belong to it, brings its schema up to date, and makes
/// the key file if it is the first start.
pub(super) async fn open_with_keys(
    settings: &Settings,
    given: Option<RingCipher>,
) -> Result<(Storage, RingCipher), StartError> {
    let embedded = settings.database_url().sqlite_path().is_some();
    let storage = open(settings)?;
    let state = storage.schema_state().await?;
    // A process that started at the same moment makes the keys before it seals anything.
    let given = match given {
        None if storage.has_sealed_values().await? => keys::given(settings)?,
        given => given,
    };
    // Before anything is written: an older database keeps its schema when the keys are not its own.
    keys::check(settings, &storage, given.as_ref()).await?;
    if given.is_none() && !embedded {
        return Err(StartError::NoKeys(settings.key_file()));
    }
    if state != SchemaState::Current {
        storage.migrate().await?;
    }
    for setting in storage.durability_warnings().await? {
        tracing::warn!("PostgreSQL has {setting} off: it may lose what it has acknowledged");
    }
    let cipher = match given {
        Some(cipher) => cipher,
        None => {
            data_dir::make(settings)?;
            keys::make(settings)?
        }
    };
    keys::leave_canary(&storage, &cipher).await?;
    Ok((storage, cipher))
}

/// Opens a database that is there, whatever its schema, and changes nothing.
pub(crate) fn open_existing(settings: &Settings) -> Result<Storage, StartError> {
    data_dir::check(settings)?;
    let url = settings.database_url();
    if url.sqlite_path().is_some_and(|path| !path.exists()) {
        return Err(StartError::NoDatabase(url.to_string()));
    }
    open(settings)
}

/// Opens a database that is there and up to date, and changes nothing.
pub(crate) async fn open_current(settings: &Settings) -> Result<Storage, StartError> {
    let storage = open_existing(settings)?;
    match storage.schema_state().await? {
        SchemaState::Current => Ok(storage),
        SchemaState::Pending(_) => {
            Err(StartError::NotMigrated(settings.database_url().to_string()))
        }
    }
}

/// Brings the schema up to date, in a database that is made unless it is there; says what was done.
pub(crate) async fn migrate(settings: &Settings) -> Result<Vec<String>, StartError> {
    data_dir::check(settings)?;
    let storage = open(settings)?;
    let ran = storage.migrate().await?;
    storage.close().await?;
    Ok(ran)
}

fn open(settings: &Settings) -> Result<Storage, StartError> {
    let url = settings.database_url();
    if let Some(path) = url.sqlite_path() {
        if !path.exists() {
            data_dir::make(settings)?;
        }
        data_dir::warn_of_network_file_system(path);
    }
    let ca_pem = files::database_authorities(settings)?;
    let pool = PoolSettings {
        size: settings.database.pool_size,
        connection_timeout: Duration::from_millis(settings.database.pool_wait_ms),
        deadline: Duration::from_millis(settings.database.deadline_ms),
        ca_pem,
        ..PoolSettings::default()
    };
    Ok(Storage::open(&url, pool)?)
}
