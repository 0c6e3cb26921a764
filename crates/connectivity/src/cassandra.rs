//! Cassandra (native protocol, version 4), and what speaks its protocol.
//!
//! The step `authenticate` covers the start of the protocol and the login, `query` the keyspace,
//! where one is named, and one round trip. The server that was given is the only one ever spoken
//! to: `system.peers` is not asked for, and no event is registered for.

mod codec;
mod errors;
mod login;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::session::Session;
use async_trait::async_trait;
use bytes::Bytes;
use codec::Answer as Reply;
use datastore_domain::ConnectSpec;
use errors::ServerError;

/// The smallest query and the version in one: every role may read this row, of the node itself.
const QUERY: &str = "SELECT release_version FROM system.local";

/// One test of one server.
pub(crate) struct Cassandra<'a> {
    spec: &'a ConnectSpec,
    password_required: Option<bool>,
}

impl<'a> Cassandra<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec) -> Self {
        Self { spec, password_required: None }
    }
}

#[async_trait]
impl Conversation for Cassandra<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::Direct
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.authenticate(session).await
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        let database_name = match &self.spec.database {
            Some(keyspace) => Some(open(session, keyspace.as_str()).await?),
            None => None,
        };
        let version = version(session).await?;
        Ok(Answer { server_version: Some(format!("Cassandra {version}")), database_name })
    }

    /// The keyspace stays open.
    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        version(session).await.map(drop)
    }
}

/// Sends a query and reads its result, or why the server gave none.
async fn ask(session: &mut Session, query: &[u8]) -> Result<Result<Bytes, ServerError>, Cause> {
    session.send(query).await?;
    match codec::next(session).await? {
        Reply::Result(result) => Ok(Ok(result)),
        Reply::Error(error) => Ok(Err(error)),
        Reply::Ready | Reply::Authenticate(_) | Reply::AuthChallenge | Reply::AuthSuccess => {
            Err(Cause::NOT_THE_PROTOCOL)
        }
    }
}

async fn version(session: &mut Session) -> Result<String, Cause> {
    let row = ask(session, &codec::query(QUERY)).await?.map_err(ServerError::cause)?;
    codec::single_text(row).ok_or(Cause::WRONG_ANSWER)
}

/// Opens a keyspace, and gives the server's name for it.
async fn open(session: &mut Session, keyspace: &str) -> Result<String, Cause> {
    let opened = ask(session, &codec::use_keyspace(keyspace)).await?;
    codec::opened_keyspace(opened.map_err(ServerError::cause_of_use)?).ok_or(Cause::WRONG_ANSWER)
}
