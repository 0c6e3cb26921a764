//! Points in time.

use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A point in time in UTC, with microseconds: what both databases can hold, and what clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The number or text is no time between the years 0 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time between the years 0 and 9999")]
pub struct TimestampError;

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] outside the years 0 to 9999, which RFC 3339 cannot write.
    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
            .map_err(|_| TimestampError)?;
        if (0..=9999).contains(&time.year()) { Ok(Self(micros)) } else { Err(TimestampError) }
    }

    /// Reads RFC 3339.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] when the text is not RFC 3339.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        let micros = time.unix_timestamp_nanos().div_euclid(1000);
        Self::from_micros(i64::try_from(micros).map_err(|_| TimestampError)?)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// This time moved by `seconds`, held inside the years that can be written.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let moved = self.0.saturating_add(seconds.saturating_mul(1_000_000));
        Self::from_micros(moved).unwrap_or(self)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with `Z` and six digits of a second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORM: &[time::format_description::BorrowedFormatItem<'_>] = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        );
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .ok()
            .and_then(|time| time.format(FORM).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_utc_with_microseconds_and_reads_it_back() {
        let time = Timestamp::parse("2025-01-15T11:00:00.5+01:00").expect("valid");
        assert_eq!(time.to_string(), "2025-01-15T10:00:00.500000Z");
        assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
    }

    #[test]
    fn years_beyond_four_digits_are_refused() {
        assert_eq!(Timestamp::from_micros(i64::MAX), Err(TimestampError));
        let last = Timestamp::parse("9999-12-31T23:59:59Z").expect("valid");
        assert_eq!(last.plus_seconds(10), last);
    }
}
