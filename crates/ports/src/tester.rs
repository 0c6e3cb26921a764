//! Connection tests.

use async_trait::async_trait;
use datastore_domain::{ConnectSpec, ProbeReport, RecordId, TokenId, Version};
use std::time::Duration;

/// A test could not be run at all; what a test found is never an error.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// All slots are taken.
    #[error("all slots for connection tests are taken")]
    CapacityExceeded,
    /// The service stops: tests that run are given up, and no more begin.
    #[error("connection tests are given up, as the service stops")]
    Cancelled,
    /// The tester stopped in the middle: a defect of ours.
    #[error("the connection test was cut short")]
    Aborted(#[source] crate::Cause),
}

/// A stored datastore at one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The datastore.
    pub record: RecordId,
    /// Its version: what another version says of the connection may be something else.
    pub version: Version,
}

/// A connection test that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionTest {
    /// What to connect to, and how.
    pub spec: ConnectSpec,
    /// How long all steps together may take.
    pub deadline: Duration,
    /// Who asked for it: nobody takes all slots.
    pub token: TokenId,
    /// The datastore whose session may be left open by this test, and used by it when an earlier
    /// one left it open. `None`: a fresh handshake, after which nothing stays open.
    pub reuse: Option<SessionKey>,
}

/// Proves whether a datastore can be reached.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ConnectionTester: Send + Sync {
    /// Resolves, connects, encrypts, logs in and asks the smallest query, all within the deadline.
    ///
    /// MUST open at most one established connection, to an address that passed the network
    /// policy; MUST leave nothing open, unless the test says which session may be kept, which MUST
    /// NOT rest for longer than 60 s, nor serve another version; a kept session that does not
    /// answer MUST be replaced by a fresh one in the same test; MUST answer by the deadline plus
    /// 300 ms whatever the server does; MUST NOT report success unless the query was answered, nor
    /// put text of the server into a message. Dropping the future cancels the test.
    ///
    /// # Errors
    ///
    /// [`TestError::CapacityExceeded`] at once when no slot is free; [`TestError::Cancelled`] when
    /// the service stops meanwhile.
    async fn test(&self, test: ConnectionTest) -> Result<ProbeReport, TestError>;

    /// Closes the session that is kept for a datastore, if there is one: the record has changed, or
    /// is deleted. Returns at once.
    fn forget(&self, record: RecordId);
}
