//! How many requests one token may make.

use datastore_domain::TokenId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many requests one token may make of one server: a bucket that fills by so many a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a minute in the long run, 1 at least.
    pub requests_per_minute: u32,
    /// Requests at once after a quiet time, 1 at least.
    pub burst: u32,
}

/// Most buckets that are kept. There are fewer tokens that are valid at the same time.
const MOST: usize = 20_000;

/// The buckets of this server.
#[derive(Debug)]
pub(crate) struct Buckets {
    /// In which one request is gained.
    interval: Duration,
    /// In which an empty bucket gets full.
    whole: Duration,
    /// When each bucket will be full; one that is need not be kept.
    full_at: Mutex<HashMap<TokenId, Instant>>,
}

impl Buckets {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let interval = Duration::from_secs(60) / limit.requests_per_minute.max(1);
        let whole = interval * limit.burst.max(1);
        Self { interval, whole, full_at: Mutex::default() }
    }

    /// Takes one request out of the token's bucket.
    ///
    /// # Errors
    ///
    /// How long it takes until there is one in it.
    pub(crate) fn take(&self, token: TokenId) -> Result<(), Duration> {
        self.take_at(token, Instant::now())
    }

    fn take_at(&self, token: TokenId, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = buckets.get(&token).map_or(now, |full_at| now.max(*full_at));
        let after = before + self.interval;
        if let Some(wait) = (after - now).checked_sub(self.whole).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        if buckets.len() >= MOST && !buckets.contains_key(&token) {
            make_room(&mut buckets, now);
        }
        buckets.insert(token, after);
        Ok(())
    }
}

/// Forgets what is full; if nothing is, what is full first, whose token gains the least by it.
fn make_room(buckets: &mut HashMap<TokenId, Instant>, now: Instant) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= MOST {
        let first = buckets.iter().min_by_key(|(_, full_at)| **full_at).map(|(token, _)| *token);
        first.map(|token| buckets.remove(&token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TokenId = TokenId(1);

    fn buckets(requests_per_minute: u32, burst: u32) -> (Buckets, Instant) {
        (Buckets::new(RateLimit { requests_per_minute, burst }), Instant::now())
    }

    #[test]
    fn a_bucket_empties_at_once_and_fills_with_time() {
        let (buckets, start) = buckets(6, 3);
        let at = |seconds: u64| buckets.take_at(ONE, start + Duration::from_secs(seconds));
        let wait = |seconds: u64| Err(Duration::from_secs(seconds));
        assert_eq!([at(0), at(0), at(0)], [Ok(()); 3]);
        assert_eq!([at(0), at(1)], [wait(10), wait(9)]);
        // Who is refused loses nothing by asking.
        assert_eq!([at(9), at(10), at(10)], [wait(1), Ok(()), wait(10)]);
        // It holds no more than its burst, however long it was quiet.
        assert_eq!([at(1000), at(1000), at(1000), at(1000)], [Ok(()), Ok(()), Ok(()), wait(10)]);
        assert_eq!(buckets.take_at(TokenId(2), start), Ok(()));
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let (buckets, start) = buckets(1, 2);
        let kept = || buckets.full_at.lock().expect("no panic").len();
        let most = i64::try_from(MOST).expect("small");
        for token in 0..most + 10 {
            assert_eq!(buckets.take_at(TokenId(token), start), Ok(()));
        }
        assert_eq!(kept(), MOST);
        // All of them are full by then.
        assert_eq!(buckets.take_at(TokenId(-1), start + Duration::from_secs(60)), Ok(()));
        assert_eq!(kept(), 1);
    }
}
