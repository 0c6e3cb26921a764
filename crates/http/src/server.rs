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
use std::net::{IpAddr, SocketAddr, TcpListener};
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
        let state = Data::new(State {
            registry,
            access,
            origin: Origin {
                public_url: settings.public_url.clone(),
                trusted_proxies: settings.trusted_proxies.clone(),
            },
            require_if_match: settings.require_if_match,
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
            .listen(listener)?;
        let addresses = server.addrs();
        Ok(Self { server: server.run(), addresses })
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Stops the server from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
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
