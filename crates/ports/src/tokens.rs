//! Storage of access tokens.

use crate::{Page, RepositoryError};
use async_trait::async_trait;
use datastore_domain::{
    HistoryEntry, PageRequest, Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord,
};

/// Most tokens that are neither revoked nor expired.
pub const MOST_TOKENS: u32 = 10_000;

/// Keeps tokens, by digest. Nothing is cached: a revocation counts for the next look-up.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TokenRepository: Send + Sync {
    /// Stores a token together with its history entry, which gets the token's number as its first
    /// change: `{"token_id":{"from":null,"to":"7"},…}`.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::TooManyTokens`] when [`MOST_TOKENS`] are valid at `created_at` already;
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

    /// The token with this number, valid or not.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn get(&self, id: TokenId) -> Result<Option<TokenRecord>, RepositoryError>;

    /// A page of all tokens, valid or not, by number.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Corrupt`.
    async fn list(&self, page: PageRequest) -> Result<Page<TokenRecord>, RepositoryError>;

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
