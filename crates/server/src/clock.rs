//! The wall clock.

use datastore_domain::Timestamp;
use datastore_ports::Clock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        warn_of_step_back(micros);
        Timestamp::from_micros(micros).expect("the clock stands before the year 10000")
    }
}

/// A step back by more than this is told of, in microseconds.
const STEP: i64 = 60 * 1_000_000;

/// The latest time that was seen, in microseconds.
static LATEST: AtomicI64 = AtomicI64::new(i64::MIN);

/// Takes `time`, which was recorded earlier, for a time that the clock should have passed.
pub(crate) fn expect_after(time: Timestamp) {
    LATEST.fetch_max(time.as_micros(), Ordering::Relaxed);
    let _ = SystemClock.now();
}

fn warn_of_step_back(now: i64) {
    let latest = LATEST.fetch_max(now, Ordering::Relaxed);
    let back = latest.saturating_sub(now);
    if latest > i64::MIN && back > STEP {
        // Once for each step.
        LATEST.store(now, Ordering::Relaxed);
        tracing::warn!(
            seconds = back / 1_000_000,
            "the clock went back: tokens that had expired may count again; check the time service"
        );
    }
}
