//! Sealing and opening under a ring of keys.

use crate::entropy::{NoRandomness, fill};
use crate::key::{Key, KeyId};
use crate::ring::KeyRing;
use crate::sealed::{FormError, NONCE_LENGTH, Place, StoredForm};
use chacha20poly1305::aead::{self, Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use datastore_domain::{SealedValue, Secret};
use datastore_ports::{CipherError, CredentialCipher, SealContext};
use std::fmt;
use zeroize::Zeroizing;

/// The table of the datastores inside the associated data; never changes.
const TABLE: &str = "datastores";

/// The cause inside a [`CipherError`], for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error(transparent)]
    Form(#[from] FormError),
    #[error("key `{0}` is not in the key ring")]
    UnknownKey(String),
    #[error("the value was altered, moved from elsewhere, or sealed under another key of that id")]
    NotAuthentic(#[source] aead::Error),
    #[error("the text is too long to be sealed")]
    TooLong(#[source] aead::Error),
    #[error("the value is authentic, but not text")]
    NotText,
}

/// XChaCha20-Poly1305 under the keys of a [`KeyRing`], as the core's [`CredentialCipher`].
///
/// The first key seals, each of them opens. Every sealing draws its nonce from the operating
/// system; the cipher has no state.
pub struct RingCipher {
    ring: KeyRing,
}

impl RingCipher {
    /// A cipher that uses the keys of `ring`.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// The keys.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The id of the key that new values are sealed under.
    #[must_use]
    pub fn sealing_key_id(&self) -> &KeyId {
        self.ring.sealing_id()
    }

    pub(crate) fn seal_bytes(
        &self,
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<SealedValue, Failure> {
        self.seal_with_nonce(place, fresh_nonce()?, plain)
    }

    fn seal_with_nonce(
        &self,
        place: Place<'_>,
        nonce: [u8; NONCE_LENGTH],
        plain: &[u8],
    ) -> Result<SealedValue, Failure> {
        let (id, key) = self.ring.sealing();
        let key_id = id.as_str();
        let associated_data = place.associated_data(key_id);
        let ciphertext = aead_under(key)
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &associated_data })
            .map_err(Failure::TooLong)?;
        Ok(StoredForm { key_id, nonce: &nonce, ciphertext: &ciphertext }.to_sealed())
    }

    pub(crate) fn open_bytes(
        &self,
        place: Place<'_>,
        sealed: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let StoredForm { key_id, nonce, ciphertext } = StoredForm::parse(sealed)?;
        let unknown_key = || Failure::UnknownKey(key_id.to_owned());
        let key = self.ring.find(key_id).ok_or_else(unknown_key)?;
        let associated_data = place.associated_data(key_id);
        aead_under(key)
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &associated_data })
            .map(Zeroizing::new)
            .map_err(Failure::NotAuthentic)
    }
}

impl CredentialCipher for RingCipher {
    fn seal(&self, context: SealContext, plain: &Secret) -> Result<SealedValue, CipherError> {
        self.seal_bytes(place_of(&context), plain.expose().as_bytes()).map_err(opaque)
    }

    fn open(&self, context: SealContext, sealed: &SealedValue) -> Result<Secret, CipherError> {
        let plain = self.open_bytes(place_of(&context), sealed).map_err(opaque)?;
        into_secret(plain).map_err(opaque)
    }
}

impl fmt::Debug for RingCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RingCipher").field(&self.ring).finish()
    }
}

fn opaque(failure: Failure) -> CipherError {
    CipherError(Box::new(failure))
}

fn place_of(context: &SealContext) -> Place<'_> {
    Place { table: TABLE, record: context.record.as_bytes(), field: context.field.as_str() }
}

/// The cipher under one key. It lives for one call and wipes its copy of the key, which is cheap
/// (32 bytes) and leaves the ring's as the only lasting one.
fn aead_under(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

fn fresh_nonce() -> Result<[u8; NONCE_LENGTH], NoRandomness> {
    let mut nonce = [0; NONCE_LENGTH];
    fill(&mut nonce)?;
    Ok(nonce)
}

/// Moves the bytes into a secret without a copy, or wipes them.
fn into_secret(mut plain: Zeroizing<Vec<u8>>) -> Result<Secret, Failure> {
    match String::from_utf8(std::mem::take(&mut *plain)) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Failure::NotText)
        }
    }
}

#[cfg(test)]
mod tests;
