//! The wall clock.

use datastore_domain::Timestamp;

/// Tells the time of day. Durations are measured by monotonic time where they are needed.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}
