//! Why a use case did not do what it was asked to, in the caller's terms.

use datastore_domain::{DatastoreId, ProbeReport, Violations};
use datastore_ports::{AssignmentError, Cause, CipherError, RepositoryError, TestError};

/// Why a use case failed; nothing was changed, but for [`Error::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input breaks rules.
    #[error(transparent)]
    Invalid(#[from] Violations),
    /// There is no such thing, or it is deleted.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Another datastore has the name.
    #[error("the name is taken by another datastore")]
    NameTaken,
    /// Datasets are assigned.
    #[error("{count} dataset(s) are assigned to the datastore")]
    InUse {
        /// Ids of up to ten of them.
        datasets: Vec<String>,
        /// How many.
        count: u64,
    },
    /// The datastore is not active.
    #[error("the datastore is not active")]
    Inactive,
    /// The dataset lives elsewhere.
    #[error("the dataset is assigned to datastore {datastore}")]
    AssignedElsewhere {
        /// Where.
        datastore: DatastoreId,
    },
    /// There are as many valid tokens as there may be.
    #[error("there are {limit} valid tokens already; revoke some that are not needed")]
    TooManyTokens {
        /// How many there may be.
        limit: u32,
    },
    /// The record is not at the version that the caller expects.
    #[error("the datastore was changed since it was read")]
    PreconditionFailed,
    /// The connection was tested before it was to be stored, and the test failed.
    #[error("the connection test failed")]
    ConnectionFailed(Box<ProbeReport>),
    /// All slots for connection tests are taken.
    #[error("all slots for connection tests are taken")]
    ProbeCapacityExceeded,
    /// The service stops, and the connection test was given up.
    #[error("the connection test was given up, as the service stops")]
    ProbeCancelled,
    /// Storage does not answer.
    #[error("the storage is unavailable")]
    Unavailable(#[source] Cause),
    /// Storage broke off while it stored: the change is made as a whole, or not at all.
    #[error("the storage broke off, and whether the change was made is unknown")]
    OutcomeUnknown(#[source] Cause),
    /// A defect, or damage of what is stored; the cause is for the log.
    #[error("an internal error")]
    Internal(#[source] Cause),
}

impl From<RepositoryError> for Error {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::NameTaken => Self::NameTaken,
            RepositoryError::NotFound => Self::NotFound("datastore"),
            RepositoryError::InUse { datasets, count } => Self::InUse { datasets, count },
            RepositoryError::TooManyTokens { limit } => Self::TooManyTokens { limit },
            RepositoryError::Unavailable(cause) => Self::Unavailable(cause),
            RepositoryError::OutcomeUnknown(cause) => Self::OutcomeUnknown(cause),
            // Use cases act on a conflict themselves; one that is left after many rounds means
            // that the record is written without pause.
            error @ RepositoryError::VersionConflict => Self::Unavailable(Box::new(error)),
            error @ (RepositoryError::Corrupt { .. } | RepositoryError::Internal(_)) => {
                Self::Internal(Box::new(error))
            }
        }
    }
}

impl From<AssignmentError> for Error {
    fn from(error: AssignmentError) -> Self {
        match error {
            AssignmentError::NoDatastore => Self::NotFound("datastore"),
            AssignmentError::NotAssigned => Self::NotFound("assignment"),
            AssignmentError::Inactive => Self::Inactive,
            AssignmentError::AssignedElsewhere { datastore } => {
                Self::AssignedElsewhere { datastore }
            }
            AssignmentError::Storage(error) => error.into(),
        }
    }
}

impl From<CipherError> for Error {
    fn from(error: CipherError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<TestError> for Error {
    fn from(error: TestError) -> Self {
        match error {
            TestError::CapacityExceeded => Self::ProbeCapacityExceeded,
            TestError::Cancelled => Self::ProbeCancelled,
            error @ TestError::Aborted(_) => Self::Internal(Box::new(error)),
        }
    }
}
