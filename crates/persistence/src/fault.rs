//! A fault of the database that lets it be read and not written, remembered for readiness.

use datastore_ports::{RepositoryError, StorageFault};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether the last write met a [`StorageFault`]. A disk that is full is noticed by those who write
/// to it, so that readiness need not write for as long as all is well.
#[derive(Debug, Default)]
pub(crate) struct LastWrite(AtomicBool);

impl LastWrite {
    pub(crate) fn succeeded(&self) {
        self.0.store(false, Relaxed);
    }

    /// Other failures tell nothing: one waits in vain, another one breaks a rule.
    pub(crate) fn failed(&self, error: &RepositoryError) {
        if let RepositoryError::Unavailable(cause) | RepositoryError::OutcomeUnknown(cause) = error
            && cause.is::<StorageFault>()
        {
            self.0.store(true, Relaxed);
        }
    }

    pub(crate) fn met_fault(&self) -> bool {
        self.0.load(Relaxed)
    }
}
