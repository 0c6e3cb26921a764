//! Tokens: who is calling, and how operators make and revoke them.

use crate::Error;
use datastore_domain::{
    AccessToken, Action, Actor, Change, HistoryEntry, Role, Timestamp, TokenId, TokenName,
    TokenRecord,
};
use datastore_ports::{Cause, Clock, Entropy, RepositoryError, TokenRepository};
use std::sync::Arc;

/// Why a caller is not known.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The token is malformed, unknown, expired or revoked; which of them is not told.
    #[error("no valid token")]
    Unauthenticated,
    /// The token could not be looked up.
    #[error("the storage is unavailable")]
    Unavailable(#[source] Cause),
    /// A defect, or damage of what is stored.
    #[error("an internal error")]
    Internal(#[source] Cause),
}

/// A token that was just made, in the clear for the only time.
#[derive(Debug)]
pub struct NewToken {
    /// The token.
    pub token: AccessToken,
    /// What is stored of it.
    pub record: TokenRecord,
}

/// Makes, looks up and revokes tokens.
#[derive(Clone)]
pub struct Access {
    tokens: Arc<dyn TokenRepository>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Access {
    /// Access over these ports.
    #[must_use]
    pub fn new(
        tokens: Arc<dyn TokenRepository>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { tokens, clock, entropy }
    }

    /// Who holds the token that was presented. Nothing is cached, so that a revocation counts for
    /// the next request on every replica.
    ///
    /// # Errors
    ///
    /// [`AuthenticationError::Unauthenticated`] for everything that is wrong with a token.
    pub async fn authenticate(&self, presented: &str) -> Result<Actor, AuthenticationError> {
        let token = AccessToken::parse(presented).ok_or(AuthenticationError::Unauthenticated)?;
        let found = self.tokens.find(token.digest()).await.map_err(|error| match error {
            RepositoryError::Unavailable(cause) => AuthenticationError::Unavailable(cause),
            other => AuthenticationError::Internal(Box::new(other)),
        })?;
        match found {
            Some(record) if record.is_valid(self.clock.now()) => {
                Ok(Actor { token: record.id, name: record.name, role: record.role })
            }
            _ => Err(AuthenticationError::Unauthenticated),
        }
    }

    /// Makes a token on behalf of `actor`, the operator at the command line.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn create_token(
        &self,
        actor: &TokenName,
        name: TokenName,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        let token = AccessToken::from_entropy(self.entropy.bytes().map_err(Error::Internal)?);
        let now = self.clock.now();
        let changes = vec![
            Change::text("name", None, Some(name.as_str())),
            Change::text("role", None, Some(role.as_str())),
        ];
        let entry = command_entry(actor, now, Action::TokenCreate, changes);
        let record = self.tokens.insert(name, role, token.digest(), now, expires_at, entry).await?;
        Ok(NewToken { token, record })
    }

    /// All tokens, without their secrets.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn list_tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        Ok(self.tokens.list().await?)
    }

    /// Revokes a token from the next request on.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn revoke_token(&self, actor: &TokenName, id: TokenId) -> Result<(), Error> {
        let now = self.clock.now();
        let changes = vec![Change::text("token_id", Some(&id.to_string()), None)];
        let entry = command_entry(actor, now, Action::TokenRevoke, changes);
        self.tokens.revoke(id, now, entry).await.map_err(|error| match error {
            RepositoryError::NotFound => Error::NotFound("token"),
            other => other.into(),
        })
    }
}

fn command_entry(
    actor: &TokenName,
    at: Timestamp,
    action: Action,
    changes: Vec<Change>,
) -> HistoryEntry {
    let actor = actor.clone();
    HistoryEntry { at, actor, action, datastore: None, version: None, changes, request_id: None }
}
