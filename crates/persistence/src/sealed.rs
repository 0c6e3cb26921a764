//! What is sealed in the database, for the start's check of the key ring and for `key status`.

use crate::storage::{Storage, query};
use datastore_domain::SealedValue;
use datastore_ports::RepositoryError;
use std::collections::BTreeMap;

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
    /// key's id as it stands in the values; those too short to name one under `None`. The database
    /// looks at all rows.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Unavailable`].
    pub async fn sealed_key_ids(&self) -> Result<BTreeMap<Option<Vec<u8>>, u64>, RepositoryError> {
        let counts: Result<_, RepositoryError> = query!(self.scan, sealed::key_ids());
        Ok(counts?.into_iter().map(|(id, count)| (id, count.cast_unsigned())).collect())
    }
}
