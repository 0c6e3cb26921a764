//! Sessions that stay open between two tests of one datastore, for those who ask for that.

use crate::session::Session;
use datastore_domain::{ProbeDetails, RecordId};
use datastore_ports::SessionKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

/// Most sessions at rest; the one that has rested longest makes room.
const MOST: usize = 256;

/// A session with what its first test found.
pub(crate) struct Kept {
    pub(crate) session: Session,
    pub(crate) goodbye: &'static [u8],
    pub(crate) details: ProbeDetails,
    pub(crate) password_required: Option<bool>,
}

/// A session at rest.
struct Resting {
    key: SessionKey,
    kept: Kept,
    since: Instant,
    /// Ends its rest.
    end: AbortHandle,
}

/// One session at most for each datastore.
#[derive(Clone)]
pub(crate) struct Sessions {
    resting: Arc<Mutex<HashMap<RecordId, Resting>>>,
    rest: Duration,
}

impl Sessions {
    /// Sessions are closed when nobody has asked for them for as long as `rest`.
    pub(crate) fn new(rest: Duration) -> Self {
        Self { resting: Arc::default(), rest }
    }

    /// Takes the session of this datastore at this version. One of another version is closed: what
    /// it logged in with may count no more.
    pub(crate) fn take(&self, key: SessionKey) -> Option<Kept> {
        let resting = self.lock().remove(&key.record)?;
        resting.end.abort();
        if resting.key == key {
            return Some(resting.kept);
        }
        close(resting);
        None
    }

    /// Closes the session of this datastore, at whatever version.
    pub(crate) fn forget(&self, record: RecordId) {
        if let Some(resting) = self.lock().remove(&record) {
            resting.end.abort();
            close(resting);
        }
    }

    /// Lays a session to rest, in place of one that rests there already. On the runtime of tests.
    pub(crate) fn keep(&self, key: SessionKey, kept: Kept) {
        // Only the answer to the next question may come next.
        if !kept.session.is_quiet() {
            return;
        }
        let since = Instant::now();
        let sessions = self.clone();
        let end = tokio::spawn(async move {
            sleep(sessions.rest).await;
            sessions.end(key.record, since);
        });
        let resting = Resting { key, kept, since, end: end.abort_handle() };
        let mut all = self.lock();
        let replaced = all.insert(key.record, resting);
        let surplus = if all.len() > MOST {
            let oldest = all.iter().min_by_key(|(_, resting)| resting.since);
            oldest.map(|(record, _)| *record).and_then(|record| all.remove(&record))
        } else {
            None
        };
        drop(all);
        for ended in replaced.into_iter().chain(surplus) {
            ended.end.abort();
            close(ended);
        }
    }

    /// Ends the rest that began at `since`.
    fn end(&self, record: RecordId, since: Instant) {
        let mut all = self.lock();
        if all.get(&record).is_some_and(|resting| resting.since == since) {
            all.remove(&record).into_iter().for_each(close);
        }
    }

    /// Drops all of them, without a goodbye.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordId, Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn close(resting: Resting) {
    let Kept { session, goodbye, .. } = resting.kept;
    tokio::spawn(async move {
        if let Some(left) = session.leave(goodbye).await {
            left.closed().await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastore_domain::{Timestamp, Version};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    fn key(record: u16) -> SessionKey {
        let mut entropy = [0; 32];
        entropy[..2].copy_from_slice(&record.to_be_bytes());
        SessionKey { record: RecordId::from_entropy(entropy), version: Version::FIRST }
    }

    async fn kept() -> (Kept, TcpStream) {
        let (session, far) = crate::tests::session("127.0.0.1").await;
        let connected_at = Timestamp::parse("2025-01-15T10:30:00Z").expect("a time");
        let details = ProbeDetails { server_version: None, database_name: None, connected_at };
        (Kept { session, goodbye: b"bye", details, password_required: None }, far)
    }

    async fn goodbye(mut far: TcpStream) -> Vec<u8> {
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).await.expect("closed in good order");
        heard
    }

    #[tokio::test]
    async fn t47_the_rest_ends_with_a_goodbye() {
        let sessions = Sessions::new(Duration::from_millis(30));
        let (first, far) = kept().await;
        let begun = Instant::now();
        sessions.keep(key(1), first);
        assert_eq!(goodbye(far).await, b"bye");
        assert!(begun.elapsed() >= sessions.rest);
        assert!(sessions.take(key(1)).is_none());
    }

    /// An answer that came before the question is none, also from a server that has left since.
    #[tokio::test]
    async fn what_was_said_while_a_session_rested_is_noticed() {
        for says in [&b"+PONG\r\n"[..], b""] {
            let (Kept { mut session, .. }, mut far) = kept().await;
            assert!(session.rests().await);
            far.write_all(says).await.expect("heard");
            if says.is_empty() {
                drop(far);
            }
            let noticed = async {
                while session.rests().await {
                    tokio::task::yield_now().await;
                }
            };
            let noticed = tokio::time::timeout(Duration::from_secs(10), noticed).await;
            noticed.expect("it arrives");
        }
    }

    #[tokio::test]
    async fn there_is_one_for_each_datastore_and_not_too_many() {
        let sessions = Sessions::new(Duration::from_secs(60));
        let (first, first_far) = kept().await;
        let (second, second_far) = kept().await;
        sessions.keep(key(0), first);
        sessions.keep(key(0), second);
        assert_eq!(goodbye(first_far).await, b"bye", "its place was taken");
        let mut far = Vec::new();
        for record in 1..=u16::try_from(MOST).expect("few") {
            let (next, next_far) = kept().await;
            sessions.keep(key(record), next);
            far.push(next_far);
        }
        assert_eq!(goodbye(second_far).await, b"bye", "the oldest made room");
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.take(key(1)).is_some() && sessions.take(key(1)).is_none());
    }
}
