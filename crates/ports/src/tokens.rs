//! Storage of access tokens.

use crate::RepositoryError;
use async_trait::async_trait;
use datastore_domain::{
    HistoryEntry, Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord,
};

/// Keeps tokens, by digest. Nothing is cached: a revocation counts for the next look-up.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TokenRepository: Send + Sync {
    /// Stores a token together with its history entry.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    async fn insert(
        &self,
        name: TokenName,
        role: Role,
        digest: TokenDigest,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        entry: HistoryEntry,
    ) -> Result<TokenRecord, RepositoryError>;

    /// The token with this digest, valid or not.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenRecord>, RepositoryError>;

    /// All tokens, by number.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn list(&self) -> Result<Vec<TokenRecord>, RepositoryError>;

    /// Revokes a token at `at`, together with the history entry; one that is revoked already stays
    /// as it is, without an entry.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotFound`], `Unavailable`.
    async fn revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError>;
}
