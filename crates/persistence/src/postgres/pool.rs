//! Connections that are kept, opened on demand, and dropped when they have died.
//!
//! r2d2 keeps places for connections, and ends those that are old or idle; a place is filled on the
//! thread that needs it. r2d2's own way, threads in the background that try again after growing
//! pauses, lets callers pile up behind a frozen server, and notices late that it is back.

use super::connect::{Limits, Opener};
use super::session::{Conn, Session};
use super::verdict::{Again, Stage, Verdict, judge};
use crate::error::{Failure, unavailable};
use crate::fault::Fault;
use crate::storage::PoolSettings;
use crate::url::PostgresUrl;
use datastore_ports::{Cause, RepositoryError, StorageBusy, StorageFault};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection as _;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often work is tried again that met another transaction.
const CONFLICTS: u32 = 3;

pub(super) struct Pool {
    places: r2d2::Pool<Places>,
    opener: Opener,
    limits: Limits,
    fault: Fault,
    /// Counts the times that a connection was found dead: those made before are suspect.
    era: AtomicU64,
}

/// Where a connection may be.
#[derive(Default)]
struct Place(Option<Open>);

struct Open {
    connection: Conn,
    session: Session,
    era: u64,
}

impl Open {
    fn is_closed(&mut self) -> bool {
        AsyncPgConnection::is_broken(&mut self.connection)
    }
}

#[derive(Debug)]
struct Places;

impl r2d2::ManageConnection for Places {
    type Connection = Place;
    type Error = Infallible;

    fn connect(&self) -> Result<Place, Self::Error> {
        Ok(Place::default())
    }

    fn is_valid(&self, _: &mut Place) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A panic in the middle of a transaction leaves it open: such a connection is not used again.
    /// The place itself is never broken.
    fn has_broken(&self, place: &mut Place) -> bool {
        if std::thread::panicking() || place.0.as_mut().is_some_and(Open::is_closed) {
            place.0 = None;
        }
        false
    }
}

impl Pool {
    pub(super) fn new(url: &PostgresUrl, settings: &PoolSettings) -> Result<Self, Cause> {
        let deadline = settings.deadline;
        let places =
            r2d2::Pool::builder().max_size(settings.size).test_on_check_out(false).build(Places)?;
        // The server gives up first: then the connection lives on.
        let limits = Limits {
            statement: deadline * 7 / 8,
            lock: deadline * 3 / 4,
            idle_in_transaction: deadline * 5 / 4,
        };
        let opener = Opener::new(url, settings.ca_pem.as_deref(), deadline / 2)?;
        Ok(Self { places, opener, limits, fault: Fault::default(), era: AtomicU64::new(0) })
    }

    pub(super) fn read<T, E: From<RepositoryError>>(
        &self,
        deadline: Instant,
        query: impl FnMut(&mut Conn) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        self.run(deadline, false, query)
    }

    pub(super) fn write<T, E: From<RepositoryError>>(
        &self,
        deadline: Instant,
        query: impl FnMut(&mut Conn) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        self.run(deadline, true, query)
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.fault
    }

    fn run<T, E: From<RepositoryError>>(
        &self,
        deadline: Instant,
        writes: bool,
        mut query: impl FnMut(&mut Conn) -> Result<T, Failure<E>>,
    ) -> Result<T, E> {
        let (mut renewed, mut conflicts) = (false, 0);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut place = self.places.get_timeout(left).map_err(|_| unavailable(StorageBusy))?;
            let is_new = self.fill(&mut place, deadline).map_err(unavailable)?;
            let open = place.0.as_mut().expect("it was just filled");
            let (error, stage) = match query(&mut open.connection) {
                Ok(value) => return Ok(value),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::BeforeCommit(error)) => (error, Stage::NothingStored),
                Err(Failure::Database(error)) if !writes => (error, Stage::NothingStored),
                Err(Failure::Database(error)) => (error, Stage::Statement),
                Err(Failure::Commit(error)) => (error, Stage::Commit),
            };
            let is_closed = open.is_closed();
            let Verdict { error, fault, again, is_dead } =
                judge(error, stage, &open.session, is_closed);
            if is_dead {
                self.suspect(open.era);
                place.0 = None;
            }
            match again {
                Again::OnNewConnection if !is_new && !renewed => renewed = true,
                Again::AfterConflict if conflicts < CONFLICTS && Instant::now() < deadline => {
                    conflicts += 1;
                    drop(place);
                    std::thread::sleep(pause(conflicts));
                }
                _ => {
                    let error = match fault {
                        Some(fault) => told(fault, &error),
                        None => error,
                    };
                    if writes {
                        self.fault.look_at(&error);
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// Runs `query` on a connection of its own, made by `connecting` and ended afterwards.
    pub(super) fn migrate<T>(
        &self,
        limits: Limits,
        connecting: Instant,
        deadline: Instant,
        mut query: impl FnMut(&mut Conn) -> Result<T, Failure>,
    ) -> Result<T, RepositoryError> {
        let (connection, session) = self.opener.open(limits, connecting).map_err(unavailable)?;
        let mut open = Open { connection, session, era: 0 };
        open.session.begin(deadline);
        match query(&mut open.connection) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(error)) => Err(error),
            Err(
                Failure::BeforeCommit(error) | Failure::Database(error) | Failure::Commit(error),
            ) => {
                let is_closed = open.is_closed();
                // Started again, migrations look for themselves what is left to do.
                Err(judge(error, Stage::NothingStored, &open.session, is_closed).error)
            }
        }
    }

    /// Puts a living connection into the place, and begins work on it; tells whether it is new.
    fn fill(&self, place: &mut Place, deadline: Instant) -> Result<bool, Cause> {
        let era = self.era.load(Relaxed);
        if let Some(open) = &mut place.0 {
            // Before anything else: the deadline of the work before may have passed meanwhile.
            open.session.begin(deadline);
            open.session.look();
            if open.era == era && !open.is_closed() {
                return Ok(false);
            }
            place.0 = None;
        }
        if Instant::now() >= deadline {
            return Err(StorageBusy.into());
        }
        let (connection, session) = self.opener.open(self.limits, deadline)?;
        session.begin(deadline);
        place.0 = Some(Open { connection, session, era });
        Ok(true)
    }

    /// A connection of `era` is dead: so may be all of that era, which are not used again.
    fn suspect(&self, era: u64) {
        let _ = self.era.compare_exchange(era, era + 1, Relaxed, Relaxed);
    }

    /// Ends the connections that nobody uses.
    pub(super) fn close_idle(&self) {
        let idle: Vec<_> = std::iter::from_fn(|| self.places.try_get()).collect();
        for mut place in idle {
            place.0 = None;
        }
    }
}

/// For callers only what it means; the log has what the server said.
fn told(fault: StorageFault, error: &RepositoryError) -> RepositoryError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(error = cause, "PostgreSQL cannot be used as it should");
    unavailable(fault)
}

/// Not the same for two that met: they would meet again.
fn pause(attempt: u32) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(u64::from(attempt) * (5 + random % 25))
}
