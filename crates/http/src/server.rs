//! The HTTP server: bound first, so that its address is known before it runs.

use crate::middleware::{RequestSpan, envelope};
use crate::origin::Origin;
use crate::routes;
use crate::state::State;
use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use datastore_application::{Access, Registry};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing_actix_web::TracingLogger;

/// How the API is served.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// Base of absolute links; the request's own scheme and host when `None`.
    pub public_url: Option<String>,
    /// Peers whose `X-Forwarded-Proto` and `X-Forwarded-Host` count.
    pub trusted_proxies: Vec<IpAddr>,
    /// Worker threads; one a core when `None`.
    pub workers: Option<usize>,
    /// Whether PUT, PATCH and DELETE need `If-Match` (428 otherwise).
    pub require_if_match: bool,
    /// How long a graceful stop waits for requests in flight.
    pub shutdown_timeout: Duration,
}

/// A server that listens.
pub struct RunningServer {
    server: Server,
    addresses: Vec<SocketAddr>,
    listener: TcpListener,
    draining: Arc<AtomicBool>,
}

/// Most connections at the same time, of all workers together.
const MAX_CONNECTIONS: usize = 4096;

impl RunningServer {
    /// Serves the API on `listener`.
    ///
    /// # Errors
    ///
    /// When the listener cannot be used.
    pub fn start(
        listener: TcpListener,
        registry: Registry,
        access: Access,
        settings: &HttpSettings,
    ) -> std::io::Result<Self> {
        let draining = Arc::new(AtomicBool::new(false));
        let state = Data::new(State {
            registry,
            access,
            origin: Origin {
                public_url: settings.public_url.clone(),
                trusted_proxies: settings.trusted_proxies.clone(),
            },
            require_if_match: settings.require_if_match,
            draining: draining.clone(),
        });
        let workers = settings
            .workers
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
            .unwrap_or(1);
        let app = move || {
            App::new()
                .app_data(state.clone())
                .wrap(TracingLogger::<RequestSpan>::new())
                .wrap(from_fn(envelope))
                .configure(routes::configure)
        };
        let server = HttpServer::new(app)
            .workers(workers)
            .max_connections(MAX_CONNECTIONS.div_ceil(workers))
            .keep_alive(Duration::from_secs(15))
            .client_request_timeout(Duration::from_secs(5))
            .shutdown_timeout(settings.shutdown_timeout.as_secs())
            .disable_signals()
            .listen(listener.try_clone()?)?;
        let addresses = server.addrs();
        Ok(Self { server: server.run(), addresses, listener, draining })
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Stops the server from elsewhere.
    ///
    /// # Errors
    ///
    /// When no descriptor is left.
    pub fn stopper(&self) -> std::io::Result<Stopper> {
        let listener = self.listener.try_clone()?;
        Ok(Stopper { handle: self.server.handle(), listener, draining: self.draining.clone() })
    }

    /// Serves until the server is stopped.
    ///
    /// # Errors
    ///
    /// When a worker cannot be started.
    pub async fn run(self) -> std::io::Result<()> {
        self.server.await
    }
}

/// How long what has been accepted may take to be read, once nothing more is accepted. The stop of
/// actix-server drops connections that no worker has taken up, and requests that none has read.
const SETTLE: Duration = Duration::from_millis(100);

/// Stops a server in two steps.
pub struct Stopper {
    handle: ServerHandle,
    listener: TcpListener,
    draining: Arc<AtomicBool>,
}

impl Stopper {
    /// Tells those who send requests to send them elsewhere: `/readyz` answers 503, and no
    /// connection is kept alive. Everything is served as before.
    pub fn announce(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Takes no more connections, answers every request of those that were taken, and ends the
    /// server: when all is answered, or at the time limit of the settings.
    pub async fn stop(self) {
        self.announce();
        self.handle.pause().await;
        // Clients are refused from now on, rather than queued and cut off at the end. Where the
        // system cannot do that to a listener, they are queued.
        let listener = TcpStream::from(OwnedFd::from(self.listener));
        drop(listener.shutdown(Shutdown::Both));
        actix_web::rt::time::sleep(SETTLE).await;
        self.handle.stop(true).await;
    }
}
