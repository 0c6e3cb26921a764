//! The application: the only place that names concrete adapters.

mod bootstrap;
mod data_dir;
mod error;
mod files;
mod keys;
mod storage;

pub use data_dir::DataDirError;
pub use error::StartError;
pub(crate) use files::{faults, missing_keys};
pub(crate) use keys::{KeyUse, key_use};
pub(crate) use storage::{migrate, open_current, open_existing};

use crate::clock::{self, SystemClock};
use crate::settings::Settings;
use datastore_application::{Access, Ports, Registry};
use datastore_connectivity::{EgressPolicy, ProbeSettings, Probes};
use datastore_crypto::{OsEntropy, RingCipher};
use datastore_domain::{HistoryFilter, Paging};
use datastore_http::{HttpSettings, RunningServer};
use datastore_persistence::Storage;
use datastore_ports::HistoryLog as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// The server as a whole: listening, with everything checked, and not yet serving.
pub struct Application {
    server: RunningServer,
    access: Access,
    storage: Storage,
    probes: Arc<Probes>,
    grace: Duration,
}

impl Application {
    /// Checks everything that can be wrong, makes what the first start has to make, and listens.
    ///
    /// # Errors
    ///
    /// [`StartError`]; what is refused for its settings, keys, database or port leaves everything
    /// on disk as it was.
    pub async fn build(settings: &Settings) -> Result<Self, StartError> {
        // Refusals come first: port, data folder, key file, CA file, and the database as far as it
        // exists.
        let listener = listen(settings.http.bind)?;
        data_dir::check(settings)?;
        let given = keys::given(settings)?;
        let probes = Arc::new(probes(settings)?);
        let (storage, cipher) = storage::open_with_keys(settings, given).await?;
        let newest = Paging::Cursor { size: 1, from: None };
        let recorded = storage.entries(&HistoryFilter::default(), newest).await?;
        if let Some(last) = recorded.rows.first() {
            clock::expect_after(last.at);
        }
        let access = access(&storage);
        bootstrap::first_token(settings, &access).await?;
        let registry = registry(settings, &storage, cipher, probes.clone());
        let http = HttpSettings {
            public_url: settings.http.public_url.as_ref().map(|url| url.as_str().to_owned()),
            trusted_proxies: settings.http.trusted_proxies.clone(),
            workers: settings.http.workers(),
            require_if_match: settings.http.require_if_match,
            verify_on_write: settings.connectivity.verify_on_write,
            rate_limit: settings.rate_limit.limit(),
            shutdown_timeout: settings.shutdown.timeout,
            limits: settings.http.limits(),
        };
        let server = RunningServer::start(listener, registry, access.clone(), &http);
        let address = settings.http.bind;
        let server = server.map_err(|source| StartError::Listen { address, source })?;
        let grace = settings.shutdown.grace;
        Ok(Self { server, access, storage, probes, grace })
    }

    /// The address that the server listens on, with the port that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Makes and revokes tokens, as the command line does.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Serves until `stop` is ready. Then `/readyz` turns red at once, connection tests are given
    /// up, new connections are served for the grace time of the settings, and requests in flight
    /// may finish within their time limit.
    ///
    /// # Errors
    ///
    /// When the operating system refuses threads or descriptors.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let stopper = self.server.stopper()?;
        let stopping = async move {
            stop.await;
            stopper.announce();
            self.probes.cancel();
            tokio::time::sleep(self.grace).await;
            stopper.stop().await;
        };
        let running = self.server.run();
        // Dropped before the storage is closed: what was not answered in time ends here.
        let ended = tokio::select! {
            ended = running => ended,
            () = stopping => Ok(()),
        };
        if let Err(error) = self.storage.close().await {
            // Everything that was acknowledged is on disk, and the next start finds it.
            tracing::warn!(%error, "the database was not closed");
        }
        ended
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address);
    listener.map_err(|source| StartError::Listen { address, source })
}

pub(crate) fn probes(settings: &Settings) -> Result<Probes, StartError> {
    let connectivity = &settings.connectivity;
    let probes = ProbeSettings {
        policy: EgressPolicy::new(&connectivity.egress.allow, &connectivity.egress.deny),
        ca_pem: files::test_authorities(settings)?,
        slots: connectivity.slots,
        slots_per_token: connectivity.slots_per_token,
        slots_per_target: connectivity.slots_per_target,
        tls_minimum: connectivity.tls.minimum,
        ..ProbeSettings::default()
    };
    Ok(Probes::new(probes, Arc::new(SystemClock))?)
}

/// The registry as it is, beside a server that may run: nothing on disk is made or changed.
pub(crate) async fn open_registry(settings: &Settings) -> Result<Registry, StartError> {
    let storage = open_current(settings).await?;
    let cipher = keys::given(settings)?;
    keys::check(settings, &storage, cipher.as_ref()).await?;
    let cipher = cipher.ok_or_else(|| StartError::NoKeys(settings.key_file()))?;
    Ok(registry(settings, &storage, cipher, Arc::new(probes(settings)?)))
}

pub(crate) fn access(storage: &Storage) -> Access {
    Access::new(Arc::new(storage.clone()), Arc::new(SystemClock), Arc::new(OsEntropy))
}

fn registry(
    settings: &Settings,
    storage: &Storage,
    cipher: RingCipher,
    probes: Arc<Probes>,
) -> Registry {
    let storage = Arc::new(storage.clone());
    let registry = Registry::new(Ports {
        datastores: storage.clone(),
        assignments: storage.clone(),
        history: storage.clone(),
        checks: storage,
        cipher: Arc::new(cipher),
        tester: probes,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
    });
    registry.with_tls_minimum(settings.connectivity.tls.minimum)
}
