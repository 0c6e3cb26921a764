//! Sealing and opening of secrets.

use datastore_domain::{RecordId, SealedValue, Secret};

/// Which secret of a record is sealed; part of what the ciphertext is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretField {
    /// Password of a connection by parts.
    Password,
    /// Whole connection string.
    ConnectionString,
}

impl SecretField {
    /// The field's name inside the associated data; never changes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ConnectionString => "connection_string",
        }
    }
}

/// Where a secret lives. A value sealed in one place opens in no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// The datastore's record.
    pub record: RecordId,
    /// The secret.
    pub field: SecretField,
}

/// A secret could not be sealed or opened. Callers learn nothing of why: every cause looks alike.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret could not be processed")]
pub struct CipherError(#[source] pub crate::Cause);

/// Authenticated encryption of secrets.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait CredentialCipher: Send + Sync {
    /// Seals `plain` for `context`, with a fresh random nonce: two sealings of the same text
    /// differ.
    ///
    /// # Errors
    ///
    /// [`CipherError`] when the operating system gives no randomness.
    fn seal(&self, context: SealContext, plain: &Secret) -> Result<SealedValue, CipherError>;

    /// Opens what [`CredentialCipher::seal`] made for the same context, under any key of the ring.
    ///
    /// # Errors
    ///
    /// [`CipherError`] when the value was sealed elsewhere, altered, or under an unknown key.
    fn open(&self, context: SealContext, sealed: &SealedValue) -> Result<Secret, CipherError>;
}
