//! A clock that stands until it is set.

use datastore_domain::Timestamp;
use datastore_ports::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is set or advanced.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// A clock that stands at a time in RFC 3339.
    ///
    /// # Panics
    ///
    /// When the text is no time.
    #[must_use]
    pub fn at(text: &str) -> Self {
        Self::new(Timestamp::parse(text).expect("a test names a valid time"))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    ///
    /// # Panics
    ///
    /// Beyond the year 9999.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).expect("a test moves by less than an age");
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// A clock that stands at 2025-01-15T10:00:00Z.
    fn default() -> Self {
        Self::at("2025-01-15T10:00:00Z")
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).expect("set from a valid time")
    }
}
