//! Attempts at what a role may not do: in the audit, a few of each token.

use crate::permission::{Caller, Forbidden, Granted, Permission};
use crate::registry::{Registry, entry_of};
use datastore_domain::{Action, Change, TokenId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Attempts of one token that are recorded in a minute, so that nobody fills the audit.
const A_MINUTE: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Most tokens whose attempts are remembered. There are fewer that are valid at the same time.
const MOST: usize = 20_000;

/// When the latest attempts of each token were recorded.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<TokenId, VecDeque<Instant>>>);

impl Refusals {
    /// Whether an attempt at `now` is to be recorded.
    fn counts(&self, token: TokenId, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&token) {
            let is_recent = |time: &Instant| now.duration_since(*time) < MINUTE;
            all.retain(|_, times| times.back().is_some_and(is_recent));
            // Nobody makes so many tokens in a minute, and if, this one waits.
            if all.len() >= MOST {
                return false;
            }
        }
        let times = all.entry(token).or_default();
        if times.len() == A_MINUTE {
            if now.duration_since(times[0]) < MINUTE {
                return false;
            }
            times.pop_front();
        }
        times.push_back(now);
        true
    }
}

impl Registry {
    /// Proves that the caller has the permission `P`. An attempt without it is recorded in the
    /// audit: the first ten a minute of each token.
    ///
    /// # Errors
    ///
    /// [`Forbidden`], also when the attempt could not be recorded, which is logged.
    pub async fn authorize<P: Permission>(&self, caller: Caller) -> Result<Granted<P>, Forbidden> {
        if let Err(forbidden) = caller.require::<P>() {
            self.record_refusal(&caller, forbidden.allows).await;
            return Err(forbidden);
        }
        caller.authorize()
    }

    async fn record_refusal(&self, caller: &Caller, permission: &str) {
        if !self.refusals.counts(caller.actor.token, Instant::now()) {
            return;
        }
        let what = Change::text("permission", None, Some(permission));
        let at = self.ports.clock.now();
        let entry = entry_of(caller, at, Action::Refused, None, vec![what]);
        if let Err(error) = self.ports.history.record(entry).await {
            tracing::warn!(%error, "a refused attempt is not in the audit");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t29_ten_a_minute_of_each_token_count() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let at =
            |token, seconds| refusals.counts(TokenId(token), start + Duration::from_secs(seconds));
        assert!((0..10).all(|second| at(1, second)));
        assert!(!at(1, 10) && !at(1, 59));
        assert!(at(2, 59), "another token's are its own");
        assert!(at(1, 60) && !at(1, 60), "the first is a minute old, the second is not");
        assert!(at(1, 61));
    }

    #[test]
    fn no_more_tokens_are_remembered_than_there_can_be() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let most = i64::try_from(MOST).expect("few");
        assert!((0..most).all(|token| refusals.counts(TokenId(token), start)));
        assert!(!refusals.counts(TokenId(most), start));
        assert!(refusals.counts(TokenId(most), start + MINUTE));
        assert_eq!(refusals.0.lock().expect("no panic").len(), 1);
    }
}
