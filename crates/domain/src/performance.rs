//! What connection tests say about a datastore over time.

use crate::{FailureCode, Step, Timestamp};

/// Stretch of time that figures are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// The last hour, in minutes.
    Hour,
    /// The last 24 hours, in half hours.
    #[default]
    Day,
    /// The last seven days, in periods of four hours.
    Week,
    /// The last 30 days, in days.
    Month,
}

impl Window {
    /// All windows.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name in queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Length in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 24 * 3600,
            Self::Week => 7 * 24 * 3600,
            Self::Month => 30 * 24 * 3600,
        }
    }

    /// Length in seconds of one point of the series.
    #[must_use]
    pub fn bucket_seconds(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day => 1800,
            Self::Week => 4 * 3600,
            Self::Month => 24 * 3600,
        }
    }
}

/// Whether a datastore was reached the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The last check succeeded.
    Up,
    /// The last check failed.
    Down,
    /// It was never checked.
    Unknown,
}

impl Status {
    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// One recorded connection test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// When it ended.
    pub at: Timestamp,
    /// Where and why it failed; `None` for a success.
    pub failure: Option<(Step, FailureCode)>,
    /// In milliseconds; `None` when not one packet left.
    pub response_time_ms: Option<f64>,
}

/// Response times of the successful checks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the figures")]
pub struct Percentiles {
    pub avg: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Percentiles {
    /// By nearest rank; `None` without a figure.
    fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let last = times.len().checked_sub(1)?;
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 checks")]
        let count = times.len() as f64;
        Some(Self {
            avg: times.iter().sum::<f64>() / count,
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: times[last],
        })
    }
}

/// Checks of one stretch of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesPoint {
    /// Where the stretch begins.
    pub from: Timestamp,
    /// Checks in it.
    pub checks: u64,
    /// Of which failed.
    pub failures: u64,
    /// Average response time of the successful ones, in milliseconds.
    pub avg_response_time_ms: Option<f64>,
}

/// Checks of one window, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSummary {
    /// Checks in the window.
    pub checks: u64,
    /// Of which failed.
    pub failures: u64,
    /// Response times; `None` without a success.
    pub response_time_ms: Option<Percentiles>,
    /// Stretches that hold a check, oldest first.
    pub series: Vec<SeriesPoint>,
}

impl CheckSummary {
    /// Sums up `checks`, which lie in `window` and come oldest first.
    #[must_use]
    pub fn of(checks: &[Check], window: Window) -> Self {
        let bucket = window.bucket_seconds() * 1_000_000;
        let begin = |check: &Check| check.at.as_micros().div_euclid(bucket);
        let series = checks
            .chunk_by(|a, b| begin(a) == begin(b))
            .filter_map(|chunk| {
                let from = Timestamp::from_micros(begin(chunk.first()?) * bucket).ok()?;
                Some(SeriesPoint {
                    from,
                    checks: chunk.len() as u64,
                    failures: failures(chunk),
                    avg_response_time_ms: Percentiles::of(times(chunk)).map(|p| p.avg),
                })
            })
            .collect();
        Self {
            checks: checks.len() as u64,
            failures: failures(checks),
            response_time_ms: Percentiles::of(times(checks)),
            series,
        }
    }

    /// Share of the checks that succeeded, 0 to 1; `None` without a check.
    #[must_use]
    pub fn availability(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 checks")]
        let share = |part: u64| part as f64 / self.checks as f64;
        (self.checks > 0).then(|| share(self.checks - self.failures))
    }
}

fn failures(checks: &[Check]) -> u64 {
    checks.iter().filter(|c| c.failure.is_some()).count() as u64
}

fn times(checks: &[Check]) -> Vec<f64> {
    checks.iter().filter(|c| c.failure.is_none()).filter_map(|c| c.response_time_ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(second: i64, time: Option<f64>) -> Check {
        Check {
            at: Timestamp::from_micros(second * 1_000_000).expect("in range"),
            failure: time.is_none().then_some((Step::Connect, FailureCode::ConnectionRefused)),
            response_time_ms: time.or(Some(9999.0)),
        }
    }

    #[test]
    fn figures_of_successes_and_failures() {
        let checks: Vec<_> = (1..=100)
            .map(|n| check(i64::from(n), Some(f64::from(n))))
            .chain([check(121, None)])
            .collect();
        let summary = CheckSummary::of(&checks, Window::Hour);
        let expected = Percentiles { avg: 50.5, p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 };
        assert_eq!(summary.response_time_ms, Some(expected));
        assert_eq!((summary.checks, summary.failures), (101, 1));
        assert_eq!(summary.availability(), Some(100.0 / 101.0));
        let counts: Vec<_> = summary.series.iter().map(|p| (p.checks, p.failures)).collect();
        assert_eq!(counts, [(59, 0), (41, 0), (1, 1)]);
        assert_eq!(summary.series[2].avg_response_time_ms, None);
    }

    #[test]
    fn unknown_is_none_and_never_zero() {
        let summary = CheckSummary::of(&[], Window::Day);
        assert_eq!(summary.availability(), None);
        assert_eq!(summary.response_time_ms, None);
        assert!(summary.series.is_empty());
    }
}
