//! The tester as the core sees it.

use crate::door::Door;
use crate::kept::Sessions;
use crate::pipeline::{NoCapacity, Pipeline};
use crate::places::Places;
use crate::policy::EgressPolicy;
use crate::scram::Hashing;
use crate::tls::{CaFileError, Tls};
use async_trait::async_trait;
use datastore_domain::{ProbeReport, RecordId, TlsMode, TokenId};
use datastore_ports::{Clock, ConnectionTest, ConnectionTester, TestError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Threads that drive the sockets of all tests.
const WORKERS: usize = 2;

/// Passwords that are hashed at a time (SCRAM).
const HASHING_THREADS: usize = 4;

/// How long a session that may be used again rests before it is closed. No secret that was replaced
/// is logged in with for longer than a minute, on whichever replica: the next test notices the
/// change, and without one the session ends here.
const REST: Duration = Duration::from_secs(30);

/// What T47 allows, with the time that a test takes.
const _: () = assert!(REST.as_secs() <= 30);

/// How tests are run.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// Which addresses may be reached.
    pub policy: EgressPolicy,
    /// Content of the file of further trusted CAs (PEM), `connectivity.tls.ca_file`.
    pub ca_pem: Option<Vec<u8>>,
    /// Tests that run at a time, at least 1; beyond that [`TestError::CapacityExceeded`].
    pub slots: usize,
    /// Of them, those that one token asked for.
    pub slots_per_token: usize,
    /// Of them, those that talk to one address and port.
    pub slots_per_target: usize,
    /// How long the lookup of a name may take.
    pub lookup_timeout: Duration,
    /// The weakest TLS mode that a test may ask for; weaker ones fail before the server is spoken to.
    pub tls_minimum: TlsMode,
}

impl Default for ProbeSettings {
    /// The default policy, no further CAs, 32 slots, 16 for a token, 8 for a target, 2 s, any TLS
    /// mode.
    fn default() -> Self {
        Self {
            policy: EgressPolicy::default(),
            ca_pem: None,
            slots: 32,
            slots_per_token: 16,
            slots_per_target: 8,
            lookup_timeout: Duration::from_secs(2),
            tls_minimum: TlsMode::Disable,
        }
    }
}

/// The tester cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    /// The CA file is not usable.
    #[error(transparent)]
    CaFile(#[from] CaFileError),
    /// The threads could not be started.
    #[error("the threads for connection tests could not be started")]
    Threads(#[source] std::io::Error),
}

/// Tests connections, on threads of its own: a server that keeps a test busy takes a slot here, and
/// nothing from those who serve requests.
pub struct Probes {
    /// `Some` until tests are cancelled.
    runtime: Mutex<Option<Runtime>>,
    slots: Arc<Semaphore>,
    tokens: Arc<Places<TokenId>>,
    pipeline: Arc<Pipeline>,
}

impl Probes {
    /// Starts the threads; no packet leaves before the first test.
    ///
    /// # Errors
    ///
    /// [`ProbesError`] names what is wrong with the settings or the system.
    pub fn new(settings: ProbeSettings, clock: Arc<dyn Clock>) -> Result<Self, ProbesError> {
        let slots = settings.slots.max(1);
        let tls = Tls::new(settings.ca_pem.as_deref())?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            // Lookups and hashing have a lane each and cannot take each other's threads.
            .max_blocking_threads(slots + HASHING_THREADS)
            .thread_name("probe")
            .enable_all()
            .build()
            .map_err(ProbesError::Threads)?;
        Ok(Self {
            runtime: Mutex::new(Some(runtime)),
            slots: Arc::new(Semaphore::new(slots)),
            tokens: Places::new(settings.slots_per_token.max(1)),
            pipeline: Arc::new(Pipeline {
                door: Door::new(
                    settings.policy,
                    slots,
                    settings.lookup_timeout,
                    settings.slots_per_target.max(1),
                ),
                tls,
                tls_minimum: settings.tls_minimum,
                hashing: Hashing::new(HASHING_THREADS),
                clock,
                leaving: Arc::new(Semaphore::new(slots)),
                sessions: Sessions::new(REST),
            }),
        })
    }

    /// Gives up every test that runs, which closes its connection, closes those that were kept, and
    /// begins no more: each ends at once with [`TestError::Cancelled`].
    pub fn cancel(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Not `drop(runtime)`: that would wait for lookups that are stuck, and panics in async code.
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
        self.pipeline.sessions.clear();
    }

    /// Runs `test` on the threads of tests.
    fn spawn<T: Send + 'static>(
        &self,
        test: impl Future<Output = T> + Send + 'static,
    ) -> Result<AbortOnDrop<T>, TestError> {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = runtime.as_ref().ok_or(TestError::Cancelled)?;
        Ok(AbortOnDrop(runtime.spawn(test)))
    }
}

#[async_trait]
impl ConnectionTester for Probes {
    async fn test(&self, test: ConnectionTest) -> Result<ProbeReport, TestError> {
        let place = self.tokens.take(test.token).ok_or(TestError::CapacityExceeded)?;
        let slot =
            self.slots.clone().try_acquire_owned().map_err(|_| TestError::CapacityExceeded)?;
        let pipeline = Arc::clone(&self.pipeline);
        let mut task = self.spawn(async move {
            // Given back when the test has ended, which may be after its caller has left.
            let _held = (slot, place);
            pipeline.run(&test).await
        })?;
        match (&mut task.0).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(NoCapacity)) => Err(TestError::CapacityExceeded),
            // The payload of a panic stays out: it may quote what was being handled.
            Err(error) if error.is_panic() => Err(TestError::Aborted("the test panicked".into())),
            Err(_) => Err(TestError::Cancelled),
        }
    }

    fn forget(&self, record: RecordId) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        // The goodbye is a matter of the threads of tests.
        let Some(_entered) = runtime.as_ref().map(Runtime::enter) else { return };
        self.pipeline.sessions.forget(record);
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Ends the task when whoever waits for it is dropped.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
