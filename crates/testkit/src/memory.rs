//! The storage ports in memory, with all their promises.

mod assignments;
mod checks;
mod history;
mod repository;
mod tokens;

use datastore_domain::{
    Assignment, Check, Datastore, DatastoreId, HistoryEntry, PageRequest, Side, Timestamp,
    TokenDigest, TokenRecord,
};
use datastore_ports::{Page, RepositoryError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Storage in memory: one lock, so that every command is a transaction.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    state: Mutex<State>,
    unavailable: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// Deleted ones too; the number of each is its place, from 1.
    datastores: Vec<Datastore>,
    /// Past ones too, in the order of assignment.
    assignments: Vec<Lived>,
    /// The number of each is its place, from 1.
    tokens: Vec<(TokenDigest, TokenRecord)>,
    checks: Vec<(DatastoreId, Check)>,
    /// The number of each is its place, from 1.
    history: Vec<HistoryEntry>,
}

/// An assignment, and when it ended.
#[derive(Debug)]
struct Lived {
    datastore: DatastoreId,
    assignment: Assignment,
    released_at: Option<Timestamp>,
}

impl MemoryStorage {
    /// An empty storage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every call fails with [`RepositoryError::Unavailable`], or no longer does.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }

    /// What the history holds, in the order of recording.
    #[must_use]
    pub fn entries(&self) -> Vec<HistoryEntry> {
        self.locked().history.clone()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere must not hide its reason behind a second panic here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, RepositoryError> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable("made unavailable by the test".into()));
        }
        Ok(self.locked())
    }
}

impl State {
    fn living(&self, id: DatastoreId) -> Option<&Datastore> {
        self.datastores.iter().find(|d| d.id == id && d.deleted_at.is_none())
    }

    fn current(&self) -> impl Iterator<Item = &Lived> {
        self.assignments.iter().filter(|lived| lived.released_at.is_none())
    }
}

/// The number after so many rows.
fn next_number(rows: usize) -> i64 {
    i64::try_from(rows).expect("a test makes few rows") + 1
}

/// Cuts one page out of all rows.
fn page_of<T>(rows: Vec<T>, page: PageRequest) -> Page<T> {
    let all = rows.len();
    let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX).min(all);
    let rows: Vec<_> = rows.into_iter().skip(skip).take(page.size as usize).collect();
    let before = skip > 0;
    Page { count: Some(all as u64), before, after: skip + rows.len() < all, rows }
}

/// Cuts the rows nearest to a place out of all rows; `compare` tells where a row is from the place.
fn page_from<T>(
    mut rows: Vec<T>,
    size: u32,
    from: Option<Side>,
    compare: impl Fn(&T) -> std::cmp::Ordering,
) -> Page<T> {
    let size = size as usize;
    let (start, end) = match from {
        None => (0, size),
        Some(Side::After) => {
            let start = rows.partition_point(|row| compare(row).is_le());
            (start, start.saturating_add(size))
        }
        Some(Side::Before) => {
            let end = rows.partition_point(|row| compare(row).is_lt());
            (end.saturating_sub(size), end)
        }
    };
    let end = end.min(rows.len());
    let (before, after) = (start > 0, end < rows.len());
    rows.truncate(end);
    rows.drain(..start);
    Page { count: None, before, after, rows }
}
