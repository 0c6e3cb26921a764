//! The port of access tokens.

use super::{MemoryStorage, State, next_number, page_of};
use async_trait::async_trait;
use datastore_domain::{
    Change, HistoryEntry, PageRequest, Role, Timestamp, TokenDigest, TokenId, TokenName,
    TokenRecord,
};
use datastore_ports::{MOST_TOKENS, Page, RepositoryError, TokenRepository};

#[async_trait]
impl TokenRepository for MemoryStorage {
    async fn insert(
        &self,
        name: TokenName,
        role: Role,
        digest: TokenDigest,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        mut entry: HistoryEntry,
    ) -> Result<TokenRecord, RepositoryError> {
        let mut state = self.state()?;
        if state.valid_tokens(created_at) >= MOST_TOKENS as usize {
            return Err(RepositoryError::TooManyTokens { limit: MOST_TOKENS });
        }
        if state.tokens.iter().any(|(known, _)| *known == digest) {
            return Err(RepositoryError::Internal("the digest is there already".into()));
        }
        let id = TokenId(next_number(state.tokens.len()));
        let record = TokenRecord { id, name, role, created_at, expires_at, revoked_at: None };
        state.tokens.push((digest, record.clone()));
        entry.changes.insert(0, Change::token(None, Some(id)));
        state.history.push(entry);
        Ok(record)
    }

    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenRecord>, RepositoryError> {
        let state = self.state()?;
        let found = state.tokens.iter().find(|(known, _)| *known == digest);
        Ok(found.map(|(_, record)| record.clone()))
    }

    async fn get(&self, id: TokenId) -> Result<Option<TokenRecord>, RepositoryError> {
        let state = self.state()?;
        let found = state.tokens.iter().find(|(_, record)| record.id == id);
        Ok(found.map(|(_, record)| record.clone()))
    }

    async fn list(&self, page: PageRequest) -> Result<Page<TokenRecord>, RepositoryError> {
        let all = self.state()?.tokens.iter().map(|(_, record)| record.clone()).collect();
        Ok(page_of(all, page))
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

impl State {
    fn valid_tokens(&self, at: Timestamp) -> usize {
        let valid = self.tokens.iter().filter(|(_, record)| record.is_valid(at));
        valid.count()
    }
}
