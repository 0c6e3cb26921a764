//! The HTTP server: bound first, so that its address is known before it runs.

use crate::answer::Answers;
use crate::connection::Guarded;
use crate::limits::Limits;
use crate::middleware::{RequestSpan, envelope};
use crate::origin::Origin;
use crate::rate_limit::{Buckets, RateLimit};
use crate::routes;
use crate::running::Running;
use crate::slots::Slots;
use crate::state::State;
use crate::stop::Stopper;
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use datastore_application::{Access, Registry};
use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tracing_actix_web::TracingLogger;

/// How the API is served.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Base of absolute links; the request's own scheme and host when `None`.
    pub public_url: Option<String>,
    /// Peers whose `X-Forwarded-Proto` and `X-Forwarded-Host` count.
    pub trusted_proxies: Vec<IpAddr>,
    /// Worker threads, 1 at least; by default one for each processor.
    pub workers: usize,
    /// Whether PUT, PATCH and DELETE need `If-Match` (428 otherwise).
    pub require_if_match: bool,
    /// Whether PUT, PATCH and POST test connections that they change before they store them.
    pub verify_on_write: bool,
    /// How many requests one token may make; any number when `None`.
    pub rate_limit: Option<RateLimit>,
    /// How long a graceful stop waits for requests in flight.
    pub shutdown_timeout: Duration,
    /// What a client may take up.
    pub limits: Limits,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            require_if_match: false,
            verify_on_write: false,
            rate_limit: None,
            shutdown_timeout: Duration::ZERO,
            limits: Limits::default(),
        }
    }
}

fn state(
    registry: Registry,
    access: Access,
    settings: &HttpSettings,
    listener: SocketAddr,
) -> State {
    let limits = Arc::new(settings.limits.clone());
    State {
        registry,
        access,
        origin: Origin {
            public_url: settings.public_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            listener,
        },
        answers: Answers::new(limits.unsent_bytes),
        limits,
        buckets: settings.rate_limit.map(Buckets::new),
        require_if_match: settings.require_if_match,
        verify_on_write: settings.verify_on_write,
        draining: Arc::default(),
    }
}

/// A server that listens.
pub struct RunningServer {
    server: Server,
    address: SocketAddr,
    listener: TcpListener,
    draining: Arc<AtomicBool>,
    running: Running,
    slots: Slots,
    shutdown_timeout: Duration,
}

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
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = Data::new(state(registry, access, settings, address));
        let (limits, draining) = (state.limits.clone(), state.draining.clone());
        let slots = Slots::new(limits.connections);
        let running = Running::default();
        let builder = Server::build()
            .workers(settings.workers)
            // Whoever is beyond the limit is told so at once, instead of waiting to be accepted.
            .max_concurrent_connections(usize::MAX)
            // The limit is kept by the stopper, to the fraction of a second.
            .shutdown_timeout(settings.shutdown_timeout.as_secs() + 1)
            .disable_signals();
        let stopping = builder.graceful_shutdown_signal();
        let (places, requests) = (slots.clone(), running.clone());
        let service = move || {
            let stopping = stopping.clone();
            let app = App::new()
                .app_data(state.clone())
                .app_data(requests.of_worker())
                .wrap(from_fn(envelope))
                .wrap(TracingLogger::<RequestSpan>::new())
                .configure(routes::configure);
            let http = HttpService::build()
                // Closes what is idle when the server stops.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // The times of heads and between requests are the stream's affair.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::ZERO)
                // For the rest of a body that was refused.
                .client_disconnect_timeout(Duration::from_secs(1))
                .on_connect_ext(|io: &Guarded, data| drop(data.insert(io.connection())))
                .h1(map_config(app, |()| AppConfig::default()));
            accept(places.clone(), limits.clone()).and_then(http)
        };
        let server = builder.listen("api", listener.try_clone()?, service)?.run();
        let shutdown_timeout = settings.shutdown_timeout;
        Ok(Self { server, address, listener, draining, running, slots, shutdown_timeout })
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the server from elsewhere.
    ///
    /// # Errors
    ///
    /// When no descriptor is left.
    pub fn stopper(&self) -> io::Result<Stopper> {
        Ok(Stopper {
            handle: self.server.handle(),
            listener: self.listener.try_clone()?,
            draining: self.draining.clone(),
            running: self.running.clone(),
            slots: self.slots.clone(),
            timeout: self.shutdown_timeout,
        })
    }

    /// Serves until the server is stopped; whatever is still in hand when this is dropped is cut.
    ///
    /// # Errors
    ///
    /// When a worker cannot be started.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}

/// Makes a connection a guarded stream, or closes it when there are too many.
fn accept(
    slots: Slots,
    limits: Arc<Limits>,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (Guarded, Option<SocketAddr>),
    Error = DispatchError,
    InitError = (),
> {
    fn_service(move |io: TcpStream| {
        let Some(slot) = slots.take() else {
            tracing::debug!("a connection was closed, as there are too many");
            return ready(Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into())));
        };
        let peer = io.peer_addr().ok();
        ready(Ok((Guarded::new(io, limits.clone(), slot), peer)))
    })
}
