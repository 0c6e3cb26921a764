//! Tokens: who is calling, and how admins and operators make and revoke them.

use crate::Error;
use crate::permission::{Granted, ManageTokens};
use datastore_domain::{
    AccessToken, Action, Actor, Change, HistoryEntry, PageRequest, RequestId, Role, Timestamp,
    TokenId, TokenName, TokenRecord,
};
use datastore_ports::{Cause, Clock, Entropy, Page, RepositoryError, TokenRepository};
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

/// Who makes and revokes tokens, as the history calls them, with the proof that they may: somebody
/// with the permission, or the operator at the machine, who needs none, as they have the database.
#[derive(Clone, Debug)]
pub struct Author {
    name: TokenName,
    request_id: Option<RequestId>,
}

impl From<&Granted<ManageTokens>> for Author {
    fn from(granted: &Granted<ManageTokens>) -> Self {
        let caller = granted.caller();
        Self { name: caller.actor.name.clone(), request_id: caller.request_id.clone() }
    }
}

impl Author {
    /// The operator at the command line. Not for requests: `clippy.toml` bans it elsewhere.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the operator's own author")]
    pub fn command_line() -> Self {
        Self::from(&Granted::command_line())
    }

    /// The operator who starts the service for the first time. Not for requests, as
    /// [`Author::command_line`].
    #[must_use]
    pub fn first_start() -> Self {
        let name = TokenName::try_from("first start").expect("a valid name");
        Self { name, request_id: None }
    }
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

    /// The time by which tokens are judged, to reckon an end from.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a token.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyTokens`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn create_token(
        &self,
        author: &Author,
        name: TokenName,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken, Error> {
        let token = self.draw_token()?;
        let record = self.store(author, name, role, &token, expires_at).await?;
        Ok(NewToken { token, record })
    }

    /// A new token that is stored nowhere yet, and counts for nothing until it is.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] without randomness.
    pub fn draw_token(&self) -> Result<AccessToken, Error> {
        Ok(AccessToken::from_entropy(self.entropy.bytes().map_err(Error::Internal)?))
    }

    /// Lets a token count from now on that was drawn before; one that is stored already stays as it
    /// is. So two processes that find it at the same moment both succeed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn adopt_token(
        &self,
        author: &Author,
        name: TokenName,
        role: Role,
        token: &AccessToken,
    ) -> Result<(), Error> {
        let Err(error) = self.store(author, name, role, token, None).await else { return Ok(()) };
        let found = self.tokens.find(token.digest()).await?;
        found.map(|_| ()).ok_or(error)
    }

    async fn store(
        &self,
        author: &Author,
        name: TokenName,
        role: Role,
        token: &AccessToken,
        expires_at: Option<Timestamp>,
    ) -> Result<TokenRecord, Error> {
        let now = self.clock.now();
        let mut changes = vec![
            Change::text("name", None, Some(name.as_str())),
            Change::text("role", None, Some(role.as_str())),
        ];
        if let Some(end) = expires_at {
            changes.push(Change::text("expires_at", None, Some(end.rfc3339().as_str())));
        }
        let entry = token_entry(author, now, Action::TokenCreate, changes);
        Ok(self.tokens.insert(name, role, token.digest(), now, expires_at, entry).await?)
    }

    /// A page of all tokens, valid or not, without their secrets, by number.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn list_tokens(
        &self,
        _author: &Author,
        page: PageRequest,
    ) -> Result<Page<TokenRecord>, Error> {
        Ok(self.tokens.list(page).await?)
    }

    /// One token, valid or not, without its secret.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn token(&self, _author: &Author, id: TokenId) -> Result<TokenRecord, Error> {
        self.tokens.get(id).await?.ok_or(Error::NotFound("token"))
    }

    /// Revokes a token from the next request on; one that is revoked already stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn revoke_token(&self, author: &Author, id: TokenId) -> Result<(), Error> {
        let now = self.clock.now();
        let changes = vec![Change::token(Some(id), None)];
        let entry = token_entry(author, now, Action::TokenRevoke, changes);
        self.tokens.revoke(id, now, entry).await.map_err(|error| match error {
            RepositoryError::NotFound => Error::NotFound("token"),
            other => other.into(),
        })
    }
}

fn token_entry(
    author: &Author,
    at: Timestamp,
    action: Action,
    changes: Vec<Change>,
) -> HistoryEntry {
    let Author { name: actor, request_id } = author.clone();
    HistoryEntry { at, actor, action, datastore: None, version: None, changes, request_id }
}
