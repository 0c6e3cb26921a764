//! The use cases of datastores, over the ports.

use crate::Error;
use crate::permission::{Caller, Granted, ReadTypes};
use crate::refusals::Refusals;
use crate::shared::SharedTests;
use datastore_domain::{
    Action, CATALOGUE, Change, DatastoreId, HistoryEntry, Timestamp, TlsMode, TypeEntry, Version,
};
use datastore_ports::{
    CheckLog, Clock, ConnectionTester, CredentialCipher, DatasetAssignments, DatastoreRepository,
    Entropy, HistoryLog,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// What the use cases stand on.
#[derive(Clone)]
#[expect(missing_docs, reason = "each is the port of its type")]
pub struct Ports {
    pub datastores: Arc<dyn DatastoreRepository>,
    pub assignments: Arc<dyn DatasetAssignments>,
    pub history: Arc<dyn HistoryLog>,
    pub checks: Arc<dyn CheckLog>,
    pub cipher: Arc<dyn CredentialCipher>,
    pub tester: Arc<dyn ConnectionTester>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// The registry of datastores.
#[derive(Clone)]
pub struct Registry {
    pub(crate) ports: Ports,
    pub(crate) turns: Arc<Turns>,
    pub(crate) shared: Arc<SharedTests>,
    pub(crate) tls_minimum: TlsMode,
    pub(crate) refusals: Arc<Refusals>,
}

/// How long a writer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets writers of one datastore take turns, first come, first served. The database decides who
/// wins in any case; turns keep many writers of this process from overtaking one of them for ever.
pub(crate) struct Turns([Mutex<()>; 64]);

impl Turns {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    /// Waits for the turn of `id`; others share it, which only makes them wait as well.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when it does not come within [`PATIENCE`].
    pub(crate) async fn of(&self, id: DatastoreId) -> Result<MutexGuard<'_, ()>, Error> {
        let place = usize::try_from(id.get()).unwrap_or_default() % self.0.len();
        let turn = tokio::time::timeout(PATIENCE, self.0[place].lock()).await;
        turn.map_err(|late| Error::Unavailable(Box::new(late)))
    }
}

impl Registry {
    /// The registry over these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self {
            ports,
            turns: Arc::new(Turns::new()),
            shared: Arc::default(),
            tls_minimum: TlsMode::Disable,
            refusals: Arc::default(),
        }
    }

    /// The same registry, where connections that are written have to ask for so much TLS.
    #[must_use]
    pub fn with_tls_minimum(self, tls_minimum: TlsMode) -> Self {
        Self { tls_minimum, ..self }
    }

    /// The types that datastores can be of, and their systems.
    #[must_use]
    pub fn types(&self, _granted: &Granted<ReadTypes>) -> &'static [TypeEntry] {
        &CATALOGUE
    }

    /// Whether the storage answers.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unavailable`].
    pub async fn ready(&self) -> Result<(), crate::Error> {
        Ok(self.ports.datastores.ping().await?)
    }
}

/// The history entry of what `granted` allowed.
pub(crate) fn entry<P>(
    granted: &Granted<P>,
    at: Timestamp,
    action: Action,
    subject: Option<(DatastoreId, Option<Version>)>,
    changes: Vec<Change>,
) -> HistoryEntry {
    entry_of(granted.caller(), at, action, subject, changes)
}

/// The history entry of what `caller` did.
pub(crate) fn entry_of(
    caller: &Caller,
    at: Timestamp,
    action: Action,
    subject: Option<(DatastoreId, Option<Version>)>,
    changes: Vec<Change>,
) -> HistoryEntry {
    HistoryEntry {
        at,
        actor: caller.actor.name.clone(),
        action,
        datastore: subject.map(|(id, _)| id),
        version: subject.and_then(|(_, version)| version),
        changes,
        request_id: caller.request_id.clone(),
    }
}
