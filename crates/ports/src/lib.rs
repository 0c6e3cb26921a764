//! What the core needs from the outside world, as traits with promises in words.
//!
//! Every implementation keeps the promises of the method's documentation; the contract suites of
//! `datastore-testkit` check them. Adapters implement these traits, `datastore-application` calls
//! them, nobody else does.

mod assignments;
mod checks;
mod cipher;
mod clock;
mod entropy;
mod history;
mod repository;
mod tester;
mod tokens;

pub use assignments::{AssignOutcome, AssignmentError, DatasetAssignments};
pub use checks::{CheckLog, MOST_CHECKS};
pub use cipher::{CipherError, CredentialCipher, SealContext, SecretField};
pub use clock::Clock;
pub use entropy::Entropy;
pub use history::HistoryLog;
pub use repository::{
    DatastoreRepository, NewDatastore, Page, RepositoryError, StorageBusy, StorageFault,
};
pub use tester::{ConnectionTest, ConnectionTester, SessionKey, TestError};
pub use tokens::{MOST_TOKENS, TokenRepository};

#[cfg(feature = "mock")]
pub use {
    assignments::MockDatasetAssignments, checks::MockCheckLog, cipher::MockCredentialCipher,
    clock::MockClock, entropy::MockEntropy, history::MockHistoryLog,
    repository::MockDatastoreRepository, tester::MockConnectionTester, tokens::MockTokenRepository,
};

/// A cause that only the log sees.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
