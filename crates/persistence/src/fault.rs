//! A fault of the database that lets it be read and not written, remembered for readiness.

use datastore_ports::{RepositoryError, StorageFault};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether a write has met a [`StorageFault`] that nobody has seen mended. A disk that is full is
/// noticed by those who write to it, so that readiness need not write for as long as all is well.
///
/// A write that succeeds mends nothing: it may have found room in a page that was there.
#[derive(Debug, Default)]
pub(crate) struct Fault(AtomicBool);

impl Fault {
    /// Other failures of a write tell nothing: one waits in vain, another one breaks a rule.
    pub(crate) fn look_at(&self, error: &RepositoryError) {
        if let RepositoryError::Unavailable(cause) | RepositoryError::OutcomeUnknown(cause) = error
            && cause.is::<StorageFault>()
        {
            self.0.store(true, Relaxed);
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        self.0.load(Relaxed)
    }

    pub(crate) fn is_mended(&self) {
        self.0.store(false, Relaxed);
    }
}
