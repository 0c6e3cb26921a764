//! Points in time.

use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known;

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
        let time = OffsetDateTime::parse(text, &well_known::Rfc3339).map_err(|_| TimestampError)?;
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

/// A time as clients read it: RFC 3339 in UTC with `Z` and six digits of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339([u8; 27]);

impl Rfc3339 {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and punctuation")
    }
}

impl Timestamp {
    /// Writes the time.
    ///
    /// By hand, as every row of a list carries two of them: a tenth of what a general formatter
    /// takes. The date is reckoned in years that begin in March, so that the leap day comes last.
    #[must_use]
    pub fn rfc3339(self) -> Rfc3339 {
        let seconds = self.0.div_euclid(1_000_000);
        let second_of_day = seconds.rem_euclid(86_400);
        // Days since 0000-03-01, which is 719,468 days before 1970-01-01.
        let days = seconds.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);

        let mut text = *b"0000-00-00T00:00:00.000000Z";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], second_of_day / 3600);
        put(&mut text[14..16], second_of_day / 60 % 60);
        put(&mut text[17..19], second_of_day % 60);
        put(&mut text[20..26], self.0.rem_euclid(1_000_000));
        Rfc3339(text)
    }
}

/// Writes the last digits of a number that is not negative.
fn put(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rfc3339().as_str())
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

    /// Every day from 0000-01-01 to 9999-12-31, against the `time` crate.
    #[test]
    fn every_date_is_the_one_of_the_calendar() {
        let first = time::Date::from_calendar_date(0, time::Month::January, 1).expect("a date");
        let mut date = first;
        let mut days = 0;
        loop {
            let midnight = date.midnight().assume_utc();
            let micros = midnight.unix_timestamp() * 1_000_000 + 86_399_999_999;
            let text = Timestamp::from_micros(micros).expect("in range").to_string();
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            assert_eq!(text, format!("{year:04}-{month:02}-{day:02}T23:59:59.999999Z"));
            days += 1;
            match date.next_day() {
                Some(next) => date = next,
                None => break,
            }
        }
        assert_eq!(days, 3_652_425);
    }

    #[test]
    fn years_beyond_four_digits_are_refused() {
        assert_eq!(Timestamp::from_micros(i64::MAX), Err(TimestampError));
        let last = Timestamp::parse("9999-12-31T23:59:59Z").expect("valid");
        assert_eq!(last.plus_seconds(10), last);
    }
}
