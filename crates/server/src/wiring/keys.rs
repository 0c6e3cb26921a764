//! The key ring, and whether it belongs to the database.

use super::{StartError, storage};
use crate::settings::Settings;
use datastore_crypto::{KeyFileError, KeyId, KeyRing, RingCipher, key_file};
use datastore_persistence::Storage;
use std::collections::BTreeMap;

/// The keys that the operator gave: those of the environment, else those of the key file; `None`
/// when there is no key file.
pub(super) fn given(settings: &Settings) -> Result<Option<RingCipher>, StartError> {
    let ring = match &settings.crypto.keys {
        Some(keys) => KeyRing::parse(keys.expose())?,
        None => match key_file::load(&settings.key_file(), settings.crypto.key_file_group_read) {
            Ok(ring) => ring,
            Err(KeyFileError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        },
    };
    Ok(Some(RingCipher::new(ring)))
}

/// Refuses keys that do not belong to the database, and none at all where secrets are stored.
pub(super) async fn check(
    settings: &Settings,
    storage: &Storage,
    cipher: Option<&RingCipher>,
) -> Result<(), StartError> {
    let Some(cipher) = cipher else {
        return match storage.has_sealed_values().await? {
            true => Err(StartError::KeysLost(settings.key_file())),
            false => Ok(()),
        };
    };
    if let Some(canary) = storage.canary().await? {
        cipher.check_canary(&canary)?;
    }
    let stored = stored(storage).await?;
    if stored.damaged > 0 {
        tracing::error!(secrets = stored.damaged, "stored secrets are damaged: they name no key");
    }
    for (id, count) in stored.keys {
        if !cipher.ring().contains(&id) {
            return Err(StartError::KeyMissing { id, count });
        }
    }
    Ok(())
}

/// How many secrets are sealed under which key. A damaged secret is its datastore's trouble and
/// stops neither the start nor the count of the others.
struct Stored {
    keys: BTreeMap<KeyId, u64>,
    damaged: u64,
}

async fn stored(storage: &Storage) -> Result<Stored, StartError> {
    let mut stored = Stored { keys: BTreeMap::new(), damaged: 0 };
    for (id, count) in storage.sealed_key_ids().await? {
        match id.as_deref().and_then(key_id) {
            Some(id) => *stored.keys.entry(id).or_default() += count,
            None => stored.damaged += count,
        }
    }
    Ok(stored)
}

fn key_id(bytes: &[u8]) -> Option<KeyId> {
    std::str::from_utf8(bytes).ok().and_then(|text| KeyId::try_from(text).ok())
}

/// Makes the key file of an embedded database that holds nothing sealed.
pub(super) fn make(settings: &Settings) -> Result<RingCipher, StartError> {
    let path = settings.key_file();
    let ring = match key_file::create(&path) {
        Ok(ring) => {
            tracing::info!(
                path = %path.display(),
                key_id = %ring.sealing_id(),
                "made the key file {}: without a copy of it no stored secret can be read again",
                path.display()
            );
            ring
        }
        // Another process that started at the same moment was faster.
        Err(KeyFileError::Exists { .. }) => {
            key_file::load(&path, settings.crypto.key_file_group_read)?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(RingCipher::new(ring))
}

/// Leaves a sealed word in the database, by which the next start knows its keys.
pub(super) async fn leave_canary(storage: &Storage, cipher: &RingCipher) -> Result<(), StartError> {
    storage.put_canary_if_absent(&cipher.seal_canary()?).await?;
    // Another replica may have been faster, and only one ring of keys can be the database's.
    match storage.canary().await? {
        Some(canary) => Ok(cipher.check_canary(&canary)?),
        None => Ok(()),
    }
}

/// A key, and what it is used for.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    /// `None` for secrets so damaged that they name no key.
    pub(crate) id: Option<KeyId>,
    pub(crate) in_ring: bool,
    /// Whether new secrets are sealed under it.
    pub(crate) seals: bool,
    /// Stored secrets that are sealed under it, of deleted datastores too.
    pub(crate) secrets: u64,
}

/// The keys of the ring and of the database, those of the ring first.
pub(crate) async fn key_use(settings: &Settings) -> Result<Vec<KeyUse>, StartError> {
    let storage = storage::open_current(settings).await?;
    let cipher = given(settings)?;
    let mut stored = stored(&storage).await?;
    let ring = cipher.iter().flat_map(|cipher| cipher.ring().ids());
    let mut keys: Vec<_> = ring
        .enumerate()
        .map(|(at, id)| KeyUse {
            id: Some(id.clone()),
            in_ring: true,
            seals: at == 0,
            secrets: stored.keys.remove(id).unwrap_or_default(),
        })
        .collect();
    let missing = stored.keys.into_iter().map(|(id, secrets)| (Some(id), secrets));
    let damaged = (stored.damaged > 0).then_some((None, stored.damaged));
    keys.extend(missing.chain(damaged).map(|(id, secrets)| KeyUse {
        id,
        in_ring: false,
        seals: false,
        secrets,
    }));
    Ok(keys)
}
