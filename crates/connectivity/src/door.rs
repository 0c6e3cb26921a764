//! The one door: every outgoing connection of the workspace is opened here, and nowhere else.
//!
//! A name is looked up once; the policy judges every address of the answer; the socket goes to an
//! address that was judged. The name itself is never handed on, so that a second lookup cannot
//! lead elsewhere.

mod seedlist;

use crate::EgressPolicy;
use crate::failure::Cause;
use crate::places::{Place, Places};
use crate::spelling::numeric_v4;
use crate::stream::GuardedStream;
use datastore_domain::{ConnectSpec, Endpoint, Host};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// Addresses of one name that are tried at most; a name with more is refused.
const MAX_ADDRESSES: usize = 16;

/// Endpoints of one datastore (members of a replica set) that are looked up at most.
const MAX_ENDPOINTS: usize = 8;

/// Asks the resolver of the system, or stands for it in tests.
type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// An address and a port, however the address is written: without the zone that says which of our
/// links leads there, and as IPv4 where it is that inside IPv6.
pub(crate) type Server = (IpAddr, u16);

/// An address that passed the policy, with the host that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) address: SocketAddr,
}

/// Why the door stayed shut before a socket was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// The test ends here.
    Failed(Cause),
    /// All lookups that may run at a time are stuck; nothing was found out about the target.
    NoCapacity,
}

impl From<Cause> for Shut {
    fn from(cause: Cause) -> Self {
        Self::Failed(cause)
    }
}

/// Resolves, checks and connects.
pub(crate) struct Door {
    policy: EgressPolicy,
    /// Tests that talk to one server at a time: nobody is flooded through us.
    places: Arc<Places<Server>>,
    lookup: Arc<Lookup>,
    /// The resolver of the system cannot be interrupted: a lookup holds its place here until it
    /// returns, even when its test has long ended.
    lane: Arc<Semaphore>,
    /// For SRV and TXT records, which the resolver of the system does not look up.
    name_servers: Arc<seedlist::NameServers>,
    lookup_timeout: Duration,
}

impl Door {
    /// At most `lookups` lookups run at a time, each is waited for `lookup_timeout` at most; at most
    /// `per_target` tests talk to one address.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub(crate) fn new(
        policy: EgressPolicy,
        lookups: usize,
        lookup_timeout: Duration,
        per_target: usize,
    ) -> Self {
        Self {
            policy,
            places: Places::new(per_target),
            lookup: Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
            lane: Arc::new(Semaphore::new(lookups)),
            name_servers: Arc::new(seedlist::of_the_system),
            lookup_timeout,
        }
    }

    /// `spec` with the servers that the SRV records of its one name list, and with the options of
    /// the TXT record where the spec leaves them open. What it names has yet to be resolved.
    pub(crate) async fn discover(&self, spec: &ConnectSpec) -> Result<ConnectSpec, Shut> {
        let [Endpoint { host, .. }] = &spec.endpoints[..] else {
            return Err(Cause::NO_SRV_RECORDS.into());
        };
        let found = timeout(self.lookup_timeout, seedlist::look_up(&*self.name_servers, host));
        let seedlist = found.await.map_err(|_| Cause::LOOKUP_TIMED_OUT)??;
        let mut spec = ConnectSpec { endpoints: seedlist.endpoints, ..spec.clone() };
        spec.auth_source = spec.auth_source.or(seedlist.options.auth_source);
        spec.replica_set = spec.replica_set.or(seedlist.options.replica_set);
        Ok(spec)
    }

    /// Addresses of all endpoints, in the order in which to try them, every one permitted.
    ///
    /// One denied address shuts the door for the whole test, whichever endpoint it belongs to. An
    /// endpoint whose name is unknown is passed over as long as another one is known.
    pub(crate) async fn resolve(&self, endpoints: &[Endpoint]) -> Result<Vec<Target>, Shut> {
        let mut targets = Vec::new();
        let mut unknown = Cause::NAME_UNKNOWN;
        // Of several servers so many addresses each that a test tries eight in all.
        let most =
            if endpoints.len() > 1 { MAX_ENDPOINTS / endpoints.len() } else { MAX_ADDRESSES };
        for endpoint in endpoints.iter().take(MAX_ENDPOINTS) {
            let Some(port) = endpoint.port else {
                return Err(Cause::NO_SRV_RECORDS.into());
            };
            match self.resolve_host(&endpoint.host, port.get()).await {
                Ok(found) => targets.extend(
                    found
                        .into_iter()
                        .take(most.max(1))
                        .map(|address| Target { host: endpoint.host.clone(), address }),
                ),
                Err(Shut::Failed(cause)) if cause != Cause::BLOCKED => unknown = cause,
                Err(shut) => return Err(shut),
            }
        }
        if targets.is_empty() { Err(unknown.into()) } else { Ok(targets) }
    }

    async fn resolve_host(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, Shut> {
        let bare = host.bare();
        let written = host.as_ip().or_else(|| numeric_v4(bare).map(IpAddr::V4));
        if let Some(address) = written {
            self.check(address)?;
        }
        match (written, bare.split_once('%')) {
            (Some(address), None) => Ok(vec![SocketAddr::new(address, port)]),
            // The zone of a link-local address is a number that only the system knows. Connection
            // strings write its sign as "%25" (RFC 6874).
            (Some(_), Some((address, zone))) => {
                let zone = zone.strip_prefix("25").filter(|z| !z.is_empty()).unwrap_or(zone);
                self.look_up(format!("{address}%{zone}"), port).await
            }
            (None, _) => self.look_up(bare.to_owned(), port).await,
        }
    }

    async fn look_up(&self, name: String, port: u16) -> Result<Vec<SocketAddr>, Shut> {
        let permit = self.lane.clone().try_acquire_owned().map_err(|_| Shut::NoCapacity)?;
        let lookup = Arc::clone(&self.lookup);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            lookup(&name, port)
        });
        let mut found = match timeout(self.lookup_timeout, task).await {
            Err(_) => return Err(Cause::LOOKUP_TIMED_OUT.into()),
            Ok(Err(_) | Ok(Err(_))) => return Err(Cause::NAME_UNKNOWN.into()),
            Ok(Ok(Ok(found))) => found,
        };
        // The resolver repeats an address that several sources name.
        let mut seen = std::collections::HashSet::new();
        found.retain(|address| seen.insert(*address));
        for address in &found {
            self.check(address.ip())?;
        }
        match found.len() {
            0 => Err(Cause::NAME_UNKNOWN.into()),
            n if n > MAX_ADDRESSES => Err(Cause::TOO_MANY_ADDRESSES.into()),
            _ => Ok(found),
        }
    }

    fn check(&self, address: IpAddr) -> Result<(), Shut> {
        if self.policy.permits(address) { Ok(()) } else { Err(Cause::BLOCKED.into()) }
    }

    /// A place among the tests that talk to `address`.
    pub(crate) fn place(&self, address: SocketAddr) -> Result<Place<Server>, Shut> {
        let server = (address.ip().to_canonical(), address.port());
        self.places.take(server).ok_or(Shut::NoCapacity)
    }

    /// Connects to the first address that answers; the others are not touched any more. What comes
    /// with the stream is its place among the tests of that address, to be held while it is used.
    ///
    /// Each address but the last has its share of the time that is left, so that one that swallows
    /// packets does not hide the next. When none answers, the cause is the last one's, unless an
    /// earlier one was refused: that says more than that the other family has no route.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub(crate) async fn connect(
        &self,
        targets: &[Target],
        deadline: Instant,
    ) -> Result<(GuardedStream, Place<Server>), Shut> {
        let mut cause = Cause::UNREACHABLE;
        for (tried, Target { host, address }) in targets.iter().enumerate() {
            // Judged again, although `resolve` did: no caller can get this wrong.
            self.check(address.ip())?;
            let place = self.place(*address)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(targets.len() - tried).unwrap_or(1);
            let failed = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) if is_itself(&stream) => Cause::REFUSED,
                Ok(Ok(stream)) => {
                    // Without it the short messages of a handshake wait for each other; with an
                    // error they do, which is no reason to give up.
                    let _ = stream.set_nodelay(true);
                    return Ok((GuardedStream::new(stream, *address, host.clone()), place));
                }
                Ok(Err(error)) => judge(&error)?,
                Err(_) => Cause::TIMED_OUT,
            };
            if cause != Cause::REFUSED {
                cause = failed;
            }
        }
        Err(cause.into())
    }
}

/// A connection to a closed local port can meet itself: the port that the system picks for our end
/// is the one that we call (simultaneous open, RFC 9293 3.5). Nobody listens there.
fn is_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

fn judge(error: &io::Error) -> Result<Cause, Shut> {
    /// ENFILE and EMFILE: we are out of descriptors, which says nothing about the target.
    const OUT_OF_DESCRIPTORS: [i32; 2] = [23, 24];
    if error.raw_os_error().is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code)) {
        return Err(Shut::NoCapacity);
    }
    Ok(match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::REFUSED,
        io::ErrorKind::TimedOut => Cause::TIMED_OUT,
        _ => Cause::UNREACHABLE,
    })
}

#[cfg(test)]
mod tests;
