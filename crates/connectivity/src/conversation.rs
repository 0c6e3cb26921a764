//! What a system must be able to do in a test.

use crate::cassandra::Cassandra;
use crate::failure::Cause;
use crate::mongodb::Mongodb;
use crate::mysql::Mysql;
use crate::neo4j::Neo4j;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::scram::Hashing;
use crate::session::Session;
use crate::stream::GuardedStream;
use async_trait::async_trait;
use datastore_domain::{ConnectSpec, System};

/// How TLS begins on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// The client asks in the protocol, and the server says whether.
    InBand,
    /// The first byte is TLS, on a port that expects it.
    Direct,
}

/// What the query learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Product and version, as the server sent them.
    pub(crate) server_version: Option<String>,
    /// Opened database, as the server sent it.
    pub(crate) database_name: Option<String>,
}

/// One system's side of a test: ask for TLS, log in, query, leave. The pipeline calls the methods
/// in this order, each at most once, and gives up waiting at the deadline. On a session that an
/// earlier test left open it calls [`Conversation::query_again`] alone.
#[async_trait]
pub(crate) trait Conversation: Send {
    /// How TLS begins.
    fn upgrade(&self) -> Upgrade;

    /// Asks for TLS in band; whether the server offers it. Reads not one byte beyond the answer:
    /// what follows belongs to the handshake. Never called for [`Upgrade::Direct`].
    async fn ask_for_tls(&mut self, _stream: &mut GuardedStream) -> Result<bool, Cause> {
        Ok(false)
    }

    /// Logs in. `Ok` means that the server let this user in.
    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause>;

    /// Whether the server asked for a password; `None` while that is unknown.
    fn password_required(&self) -> Option<bool>;

    /// Asks the smallest query and the version. `Ok` means that the query was answered rightly.
    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause>;

    /// Asks a question on a session that has answered [`Conversation::query`] before, in one round
    /// trip. `Ok` means that it was answered rightly.
    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.query(session).await.map(drop)
    }

    /// What the protocol says before it closes; nothing where closing is enough.
    fn goodbye(&self) -> &'static [u8] {
        b""
    }
}

/// The conversation for `spec`.
pub(crate) fn conversation<'a>(
    spec: &'a ConnectSpec,
    hashing: &'a Hashing,
) -> Box<dyn Conversation + 'a> {
    match spec.system {
        System::Postgres => Box::new(Postgres::new(spec, hashing)),
        System::Redis => Box::new(Redis::new(spec)),
        System::Mysql => Box::new(Mysql::new(spec)),
        System::Mongodb => Box::new(Mongodb::new(spec, hashing)),
        System::Neo4j => Box::new(Neo4j::new(spec)),
        System::Cassandra => Box::new(Cassandra::new(spec)),
    }
}
