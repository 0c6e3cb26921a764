//! Opening connections to the server: on the thread that needs one, and within its deadline.

use super::advice;
use super::session::{Conn, Session};
use super::tls::{self, Secured};
use super::wire::{Tap, Wire};
use crate::error::Reason;
use crate::url::{PostgresUrl, TlsMode};
use datastore_ports::Cause;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::BlockOn as _;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};
use tokio_postgres::config::{Config, Host, SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a connection may be silent before the system asks whether the server's machine is
/// there, and how long what was sent may stay without acknowledgement.
const KEEPALIVE: Duration = Duration::from_secs(30);
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Name lookups at a time; one that the system does not end holds a thread that nobody can end.
const LOOKUPS: usize = 4;

/// How long the server lets a session of ours do things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// One statement.
    pub(super) statement: Duration,
    /// Waiting for one lock.
    pub(super) lock: Duration,
    /// A transaction that does nothing: a process of ours that froze holds no locks for ever.
    pub(super) idle_in_transaction: Duration,
}

/// Opens connections to one server. Has no `Debug` of its settings, which hold a password.
pub(super) struct Opener {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    /// How long one address may take.
    patience: Duration,
    lookups: Arc<Semaphore>,
}

type Stream = Box<dyn Duplex>;
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A host of the URL.
struct Target<'a> {
    /// Its name, for the certificate; what stands in the URL instead of an address.
    host: Option<&'a Host>,
    address: Option<IpAddr>,
    port: u16,
}

impl Opener {
    /// For the server of `url`; an address may take `patience` unless the URL says
    /// `connect_timeout`.
    pub(super) fn new(
        url: &PostgresUrl,
        ca_pem: Option<&[u8]>,
        patience: Duration,
    ) -> Result<Self, Cause> {
        let mut config = url.config.clone();
        if config.get_application_name().is_none() {
            config.application_name("datastore-api");
        }
        let tls = match url.tls {
            TlsMode::Disable => None,
            mode => Some(tls::connector(mode, ca_pem)?),
        };
        let patience = config.get_connect_timeout().copied().unwrap_or(patience);
        Ok(Self { config, tls, patience, lookups: Arc::new(Semaphore::new(LOOKUPS)) })
    }

    /// A new connection, whose session has `limits`.
    pub(super) fn open(&self, limits: Limits, deadline: Instant) -> Result<(Conn, Session), Cause> {
        let wire = Arc::new(Wire::default());
        let session = Session::new(wire.clone(), deadline)?;
        let opened = session.block_on(async {
            let connecting = self.connect(&session, &wire, limits);
            match timeout_at(deadline.into(), connecting).await {
                Ok(client) => Ok(AsyncPgConnection::try_from(client?).await?),
                Err(_) => Err(late()),
            }
        });
        let connection = opened?;
        Ok((session.clone().into_connection(connection), session))
    }

    /// The first host of the URL that answers as it should.
    async fn connect(
        &self,
        session: &Session,
        wire: &Arc<Wire>,
        limits: Limits,
    ) -> Result<Client, Cause> {
        let mut last: Cause = Reason("the URL names no host").into();
        for target in self.targets() {
            match self.addresses(&target).await {
                Err(error) => last = error,
                Ok(addresses) => {
                    for address in addresses {
                        wire.forget();
                        let attempt = self.connect_to(&address, &target, session, wire, limits);
                        let error = match timeout(self.patience, attempt).await {
                            Ok(Ok(client)) => return Ok(client),
                            Ok(Err(error)) => error,
                            Err(_) => late(),
                        };
                        let code = wire.refusal().map(|refusal| refusal.code);
                        last = advice::on_connecting(target.shown(&address), error, code);
                    }
                }
            }
        }
        Err(last)
    }

    fn targets(&self) -> impl Iterator<Item = Target<'_>> {
        let (hosts, addresses) = (self.config.get_hosts(), self.config.get_hostaddrs());
        let ports = self.config.get_ports();
        (0..hosts.len().max(addresses.len())).map(move |at| Target {
            host: hosts.get(at),
            address: addresses.get(at).copied(),
            // One port may stand for all hosts.
            port: ports.get(at).or(ports.first()).copied().unwrap_or(5432),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the registry's own database is no probe")]
    async fn addresses(&self, target: &Target<'_>) -> Result<Vec<Address>, Cause> {
        let name = match (target.address, target.host) {
            (Some(ip), _) => return Ok(vec![Address::Ip(SocketAddr::new(ip, target.port))]),
            (None, Some(Host::Unix(folder))) => return Ok(vec![Address::socket(folder, target)]),
            (None, Some(Host::Tcp(name))) => name,
            (None, None) => return Ok(Vec::new()),
        };
        if let Ok(ip) = name.parse() {
            return Ok(vec![Address::Ip(SocketAddr::new(ip, target.port))]);
        }
        let permit = self.lookups.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Reason("name lookups do not end"))?;
        let place = (name.clone(), target.port);
        let found = tokio::task::spawn_blocking(move || {
            let found = std::net::ToSocketAddrs::to_socket_addrs(&place);
            drop(permit);
            found
        });
        let found = match timeout(self.patience, found).await {
            Ok(found) => found?,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        };
        match found {
            Ok(found) => Ok(found.map(Address::Ip).collect()),
            Err(error) => Err(advice::on_name(name, error)),
        }
    }

    async fn connect_to(
        &self,
        address: &Address,
        target: &Target<'_>,
        session: &Session,
        wire: &Arc<Wire>,
        limits: Limits,
    ) -> Result<Client, Cause> {
        let stream = self.stream(address).await?;
        let host = match target.host {
            Some(Host::Tcp(name)) => name.as_str(),
            _ => "",
        };
        let client = match &self.tls {
            // What goes through a socket of the file system stays on this machine.
            Some(tls) if matches!(address, Address::Ip(_)) => {
                let is_local = matches!(address, Address::Ip(ip) if ip.ip().is_loopback());
                let stream = match self.config.get_ssl_negotiation() {
                    SslNegotiation::Direct => Tap::on_tls(stream, wire.clone()),
                    _ => Tap::before_tls(stream, wire.clone(), is_local),
                };
                let secured = Secured::new(tls, host, wire);
                let (client, connection) = self.config.connect_raw(stream, secured).await?;
                session.drive(async { drop(connection.await) });
                client
            }
            _ => {
                let stream = Tap::on_messages(stream, wire.clone());
                let mut config = self.config.clone();
                config.ssl_mode(SslMode::Disable).ssl_negotiation(SslNegotiation::Postgres);
                let (client, connection) =
                    config.connect_raw(stream, tokio_postgres::NoTls).await?;
                session.drive(async { drop(connection.await) });
                client
            }
        };
        self.set_up(&client, limits).await?;
        Ok(client)
    }

    async fn stream(&self, address: &Address) -> io::Result<Stream> {
        match address {
            Address::Ip(address) => self.tcp(*address).await,
            Address::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the registry's own database is no probe")]
    async fn tcp(&self, address: SocketAddr) -> io::Result<Stream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        if self.config.get_keepalives() {
            let idle = self.config.get_keepalives_idle().min(KEEPALIVE);
            let interval = self.config.get_keepalives_interval().unwrap_or(idle / 3);
            let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval);
            let retries = self.config.get_keepalives_retries().unwrap_or(3);
            socket.set_tcp_keepalive(&keepalive.with_retries(retries))?;
        }
        #[cfg(target_os = "linux")]
        {
            let limit = self.config.get_tcp_user_timeout().copied();
            socket.set_tcp_user_timeout(Some(limit.unwrap_or(USER_TIMEOUT)))?;
        }
        Ok(Box::new(stream))
    }

    /// Sets what every session of ours has, after the login and not in it: poolers between us and
    /// the server refuse parameters there.
    async fn set_up(&self, client: &Client, limits: Limits) -> Result<(), Cause> {
        // Notices (of migrations that find a table already there, say) are nobody's to read.
        let sql = format!(
            "SET client_min_messages = warning; \
             SET default_transaction_isolation = 'read committed'; SET statement_timeout = {}; \
             SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SHOW transaction_read_only; SHOW server_encoding",
            limits.statement.as_millis(),
            limits.lock.as_millis(),
            limits.idle_in_transaction.as_millis(),
        );
        let answers = client.simple_query(&sql).await?;
        let mut shown = answers.iter().filter_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let (read_only, encoding) = (shown.next(), shown.next());
        if encoding != Some("UTF8") {
            let reason = "the database does not store text as UTF-8, and could not keep all names; \
                          make one that does, with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE \
                          template0";
            return Err(Reason(reason).into());
        }
        match (self.config.get_target_session_attrs(), read_only) {
            (TargetSessionAttrs::ReadWrite, Some("on")) => {
                Err(Reason("the server takes no writes").into())
            }
            (TargetSessionAttrs::ReadOnly, Some("off")) => {
                Err(Reason("the server is not read-only").into())
            }
            _ => Ok(()),
        }
    }
}

impl Target<'_> {
    /// How messages call it, at one of its addresses.
    fn shown(&self, address: &Address) -> String {
        match (address, self.host) {
            (Address::Socket(path), _) => path.display().to_string(),
            (Address::Ip(address), Some(Host::Tcp(name))) if name.parse::<IpAddr>().is_err() => {
                format!("{name} ({address})")
            }
            (Address::Ip(address), _) => address.to_string(),
        }
    }
}

enum Address {
    Ip(SocketAddr),
    Socket(std::path::PathBuf),
}

impl Address {
    /// The name that PostgreSQL gives its socket in a folder.
    fn socket(folder: &Path, target: &Target<'_>) -> Self {
        Self::Socket(folder.join(format!(".s.PGSQL.{}", target.port)))
    }
}

fn late() -> Cause {
    let reason = "the server did not take the connection in time; check that it runs, the host and \
                  the port of database.url, and the firewalls between";
    Reason(reason).into()
}
