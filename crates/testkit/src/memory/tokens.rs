//! The port of access tokens.

use super::{MemoryStorage, next_number};
use async_trait::async_trait;
use datastore_domain::{
    HistoryEntry, Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord,
};
use datastore_ports::{RepositoryError, TokenRepository};

#[async_trait]
impl TokenRepository for MemoryStorage {
    async fn insert(
        &self,
        name: TokenName,
        role: Role,
        digest: TokenDigest,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        entry: HistoryEntry,
    ) -> Result<TokenRecord, RepositoryError> {
        let mut state = self.state()?;
        if state.tokens.iter().any(|(known, _)| *known == digest) {
            return Err(RepositoryError::Internal("the digest is there already".into()));
        }
        let id = TokenId(next_number(state.tokens.len()));
        let record = TokenRecord { id, name, role, created_at, expires_at, revoked_at: None };
        state.tokens.push((digest, record.clone()));
        state.history.push(entry);
        Ok(record)
    }

    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenRecord>, RepositoryError> {
        let state = self.state()?;
        let found = state.tokens.iter().find(|(known, _)| *known == digest);
        Ok(found.map(|(_, record)| record.clone()))
    }

    async fn list(&self) -> Result<Vec<TokenRecord>, RepositoryError> {
        Ok(self.state()?.tokens.iter().map(|(_, record)| record.clone()).collect())
    }

    async fn revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        let (_, record) = state
            .tokens
            .iter_mut()
            .find(|(_, record)| record.id == id)
            .ok_or(RepositoryError::NotFound)?;
        if record.revoked_at.is_none() {
            record.revoked_at = Some(at);
            state.history.push(entry);
        }
        Ok(())
    }
}
