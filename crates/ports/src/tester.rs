//! Connection tests.

use async_trait::async_trait;
use datastore_domain::{ConnectSpec, ProbeReport, TokenId};
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

/// A connection test that is to be run, by a fresh handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionTest {
    /// What to connect to, and how.
    pub spec: ConnectSpec,
    /// How long all steps together may take.
    pub deadline: Duration,
    /// Who asked for it: nobody takes all slots.
    pub token: TokenId,
}

/// Proves whether a datastore can be reached.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ConnectionTester: Send + Sync {
    /// Resolves, connects, encrypts, logs in and asks the smallest query, all within the deadline.
    ///
    /// MUST open at most one established connection, to an address that passed the network
    /// policy; MUST leave nothing open; MUST answer by the deadline plus 300 ms whatever the
    /// server does; MUST NOT report success unless the query was answered, nor put text of the
    /// server into a message. Dropping the future cancels the test.
    ///
    /// # Errors
    ///
    /// [`TestError::CapacityExceeded`] at once when no slot is free; [`TestError::Cancelled`] when
    /// the service stops meanwhile.
    async fn test(&self, test: ConnectionTest) -> Result<ProbeReport, TestError>;
}
