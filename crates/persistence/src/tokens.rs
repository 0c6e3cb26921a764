//! The port of access tokens.

use crate::rows::{NewHistory, NewToken};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{
    HistoryEntry, Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord,
};
use datastore_ports::{RepositoryError, TokenRepository};

#[async_trait]
impl TokenRepository for Storage {
    async fn insert(
        &self,
        name: TokenName,
        role: Role,
        digest: TokenDigest,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        entry: HistoryEntry,
    ) -> Result<TokenRecord, RepositoryError> {
        let new = NewToken::new(&name, role, digest, created_at, expires_at);
        let entry = NewHistory::new(&entry);
        query!(self.write, tokens::insert(&new, &entry))?.try_into()
    }

    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenRecord>, RepositoryError> {
        query!(self.read, tokens::find(digest))?.map(TokenRecord::try_from).transpose()
    }

    async fn list(&self) -> Result<Vec<TokenRecord>, RepositoryError> {
        query!(self.read, tokens::list())?.into_iter().map(TokenRecord::try_from).collect()
    }

    async fn revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let entry = NewHistory::new(&entry);
        query!(self.write, tokens::revoke(id, at, &entry))
    }
}
