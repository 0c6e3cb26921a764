//! What clients read. No type here has room for a secret, but for the token that was just made.

mod datasets;
mod datastore;
mod history;
mod performance;
mod test_result;
mod tokens;
mod types;

pub(crate) use datasets::{
    AssignmentOutput, AssignmentPage, AssignmentPeriodOutput, AssignmentPeriodPage,
};
pub(crate) use datastore::{DatastoreOutput, DatastorePage};
pub(crate) use history::{ActionName, EntryOutput, EntryPage};
pub(crate) use performance::PerformanceOutput;
pub use test_result::TestResult;
pub(crate) use tokens::{NewTokenOutput, TokenOutput, TokenPage};
pub(crate) use types::Types;

use datastore_domain::Timestamp;
use serde::{Serialize, Serializer};

/// A number; a whole one is written without a fraction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 1e18 {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within i64")]
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

/// Milliseconds, to the microsecond.
fn millis(time: f64) -> Number {
    Number((time * 1000.0).round() / 1000.0)
}

/// A page.
#[derive(Serialize)]
pub(crate) struct Envelope<T> {
    /// Rows on all pages; absent when paged by cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// Absolute URL of the next page.
    pub(crate) next: Option<String>,
    /// Absolute URL of the previous page.
    pub(crate) previous: Option<String>,
    /// The rows of this page.
    pub(crate) results: Vec<T>,
}

/// A time in RFC 3339, UTC, with microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.rfc3339().as_str())
    }
}
