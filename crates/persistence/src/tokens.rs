//! The port of access tokens.

use crate::rows::{NewHistory, NewToken, parsed};
use crate::storage::{Storage, query};
use async_trait::async_trait;
use datastore_domain::{
    HistoryEntry, PageRequest, Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord,
};
use datastore_ports::{Page, RepositoryError, TokenRepository};

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
        query!(self.write, tokens::insert(&new, &entry))?.try_into()
    }

    async fn find(&self, digest: TokenDigest) -> Result<Option<TokenRecord>, RepositoryError> {
        query!(self.read, tokens::find(digest))?.map(TokenRecord::try_from).transpose()
    }

    async fn get(&self, id: TokenId) -> Result<Option<TokenRecord>, RepositoryError> {
        query!(self.read, tokens::get(id))?.map(TokenRecord::try_from).transpose()
    }

    async fn list(&self, page: PageRequest) -> Result<Page<TokenRecord>, RepositoryError> {
        parsed(query!(self.scan, tokens::list(page))?)
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
