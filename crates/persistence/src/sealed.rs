//! What is sealed in the database, for the start's check of the key ring and for `key status`.

use crate::storage::{Storage, query};
use datastore_domain::SealedValue;
use datastore_ports::RepositoryError;
use std::collections::BTreeMap;

/// Rows read at a time.
const BATCH: i64 = 5_000;

impl Storage {
    /// Whether anything is sealed: the canary, or a secret of any datastore, deleted or not. While
    /// nothing is, a key ring may be made.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn has_sealed_values(&self) -> Result<bool, RepositoryError> {
        query!(self.read, sealed::has_any())
    }

    /// The value that tells whether a key ring fits this database.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn canary(&self) -> Result<Option<SealedValue>, RepositoryError> {
        Ok(query!(self.read, sealed::canary())?.map(SealedValue::new))
    }

    /// Stores the canary, unless there is one: of two replicas that start together with different
    /// keys, one must find out.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn put_canary_if_absent(&self, canary: &SealedValue) -> Result<(), RepositoryError> {
        let sealed = canary.as_bytes().to_vec();
        query!(self.write, sealed::put_canary_if_absent(&sealed))
    }

    /// How many secrets of datastores, deleted ones included, are sealed under each key, by the
    /// key's id as it stands in the values; those too short to name one under `None`. Reads all
    /// rows, in batches.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn sealed_key_ids(&self) -> Result<BTreeMap<Option<Vec<u8>>, u64>, RepositoryError> {
        let mut counts = BTreeMap::new();
        let mut after = 0;
        loop {
            let rows = query!(self.read, sealed::values_after(after, BATCH))?;
            let Some((last, ..)) = rows.last() else { return Ok(counts) };
            after = *last;
            for (_, password, string) in &rows {
                for sealed in [password, string].into_iter().flatten() {
                    *counts.entry(key_id(sealed).map(<[u8]>::to_vec)).or_default() += 1;
                }
            }
        }
    }
}

/// The key id of a sealed value: version (1 byte), length of the id (1 byte), id, and the rest.
fn key_id(sealed: &[u8]) -> Option<&[u8]> {
    let (_version, rest) = sealed.split_first()?;
    let (length, rest) = rest.split_first()?;
    rest.get(..usize::from(*length))
}
