//! The one door: every outgoing connection of the workspace is opened here, and nowhere else.
//!
//! A name is looked up once; the policy judges every address of the answer; the socket goes to an
//! address that was judged. The name itself is never handed on, so that a second lookup cannot
//! lead elsewhere.

mod seedlist;

use crate::EgressPolicy;
use crate::failure::Cause;
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
    lookup: Arc<Lookup>,
    /// The resolver of the system cannot be interrupted: a lookup holds its place here until it
    /// returns, even when its test has long ended.
    lane: Arc<Semaphore>,
    /// For SRV and TXT records, which the resolver of the system does not look up.
    name_servers: Arc<seedlist::NameServers>,
    lookup_timeout: Duration,
}

impl Door {
    /// At most `lookups` lookups run at a time, each is waited for `lookup_timeout` at most.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub(crate) fn new(policy: EgressPolicy, lookups: usize, lookup_timeout: Duration) -> Self {
        Self {
            policy,
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
        for endpoint in endpoints.iter().take(MAX_ENDPOINTS) {
            let Some(port) = endpoint.port else {
                return Err(Cause::NO_SRV_RECORDS.into());
            };
            match self.resolve_host(&endpoint.host, port.get()).await {
                Ok(found) => targets.extend(
                    found
                        .into_iter()
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

    /// Connects to the first address that answers; the others are not touched any more.
    ///
    /// Each address but the last has its share of the time that is left, so that one that swallows
    /// packets does not hide the next. When none answers, the cause is the last one's, unless an
    /// earlier one was refused: that says more than that the other family has no route.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub(crate) async fn connect(
        &self,
        targets: &[Target],
        deadline: Instant,
    ) -> Result<GuardedStream, Shut> {
        let mut cause = Cause::UNREACHABLE;
        for (tried, Target { host, address }) in targets.iter().enumerate() {
            // Judged again, although `resolve` did: no caller can get this wrong.
            self.check(address.ip())?;
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(targets.len() - tried).unwrap_or(1);
            let failed = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) if is_itself(&stream) => Cause::REFUSED,
                Ok(Ok(stream)) => {
                    // Without it the short messages of a handshake wait for each other; with an
                    // error they do, which is no reason to give up.
                    let _ = stream.set_nodelay(true);
                    return Ok(GuardedStream::new(stream, *address, host.clone()));
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
mod tests {
    use super::*;
    use crate::Cidr;
    use datastore_domain::Port;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    const TWO_SECONDS: Duration = Duration::from_secs(2);

    /// A door whose resolver is `lookup`; 127.0.0.9 is denied.
    fn door(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Door {
        let denied = "127.0.0.9/32".parse().expect("a range");
        Door {
            lookup: Arc::new(lookup),
            ..Door::new(EgressPolicy::new(&Cidr::ALL, &[denied]), 1, TWO_SECONDS)
        }
    }

    fn endpoint(host: &str) -> Endpoint {
        Endpoint { host: Host::try_from(host).expect("a host"), port: Port::try_from(7).ok() }
    }

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address"), 7)
    }

    async fn resolve(door: &Door, hosts: &[&str]) -> Result<Vec<SocketAddr>, Shut> {
        let endpoints: Vec<_> = hosts.iter().map(|host| endpoint(host)).collect();
        let targets = door.resolve(&endpoints).await?;
        Ok(targets.into_iter().map(|target| target.address).collect())
    }

    fn target(address: SocketAddr) -> Target {
        Target { host: Host::try_from("db").expect("a host"), address }
    }

    async fn connect(targets: &[Target]) -> Result<GuardedStream, Shut> {
        door(|_, _| unreachable!()).connect(targets, Instant::now() + TWO_SECONDS).await
    }

    #[tokio::test]
    async fn t02_one_lookup_and_every_address_of_it_is_judged() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        // A good address first, a denied one from then on.
        let rebinding = door(move |_, _| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            Ok(vec![if first { at("10.0.0.1") } else { at("127.0.0.9") }])
        });
        assert_eq!(resolve(&rebinding, &["db"]).await, Ok(vec![at("10.0.0.1")]));
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        let blocked = Err(Shut::Failed(Cause::BLOCKED));
        let both = door(|_, _| Ok(vec![at("10.0.0.1"), at("127.0.0.9")]));
        assert_eq!(resolve(&both, &["db"]).await, blocked);
        let wrapped = door(|_, _| Ok(vec![at("::ffff:127.0.0.9")]));
        assert_eq!(resolve(&wrapped, &["db."]).await, blocked);
    }

    #[tokio::test]
    async fn t01_addresses_and_numbers_are_not_looked_up() {
        let nobody = door(|_, _| unreachable!("asked the resolver"));
        for (host, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1.", "10.0.0.1"),
            ("[::1]", "::1"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("167772161", "10.0.0.1"),
            ("0xa.1", "10.0.0.1"),
        ] {
            assert_eq!(resolve(&nobody, &[host]).await, Ok(vec![at(expected)]), "{host}");
        }
        for host in ["127.9", "fe80::1%lo", "[fe80::1%25lo]"] {
            assert_eq!(resolve(&nobody, &[host]).await, Err(Cause::BLOCKED.into()), "{host}");
        }
    }

    /// A link-local address that the operator has opened: its zone is a name to the resolver.
    #[tokio::test]
    async fn zones_are_looked_up_by_their_plain_name() {
        let names = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&names);
        let allow = [Cidr::ALL[1], "fe80::1/128".parse().expect("a range")];
        let door = Door {
            policy: EgressPolicy::new(&allow, &[]),
            ..door(move |name, _| {
                record.lock().expect("no panic").push(name.to_owned());
                Ok(vec![at("fe80::1")])
            })
        };
        for host in ["fe80::1%eth0", "[fe80::1%25eth0]"] {
            assert_eq!(resolve(&door, &[host]).await, Ok(vec![at("fe80::1")]));
        }
        assert_eq!(*names.lock().expect("no panic"), ["fe80::1%eth0", "fe80::1%eth0"]);
    }

    #[tokio::test]
    async fn answers_without_use_are_no_resolution() {
        let fails = |cause: Cause| Err(Shut::Failed(cause));
        let unknown = door(|_, _| Err(io::Error::other("no such name")));
        assert_eq!(resolve(&unknown, &["db"]).await, fails(Cause::NAME_UNKNOWN));
        let empty = door(|_, _| Ok(Vec::new()));
        assert_eq!(resolve(&empty, &["db"]).await, fails(Cause::NAME_UNKNOWN));
        let address = |n: u8| SocketAddr::from((Ipv4Addr::new(10, 0, 0, n), 7));
        let crowd = door(move |_, _| Ok((0..17).map(address).collect()));
        assert_eq!(resolve(&crowd, &["db"]).await, fails(Cause::TOO_MANY_ADDRESSES));
        let repeated = door(move |_, _| Ok((0..40).map(|n| address(n % 16)).collect()));
        assert_eq!(resolve(&repeated, &["db"]).await.map(|found| found.len()), Ok(16));
    }

    #[tokio::test]
    async fn members_without_an_address_are_passed_over() {
        let door = door(|name, _| {
            if name == "gone" { Err(io::Error::other("gone")) } else { Ok(vec![at("10.0.0.1")]) }
        });
        assert_eq!(resolve(&door, &["gone", "here"]).await, Ok(vec![at("10.0.0.1")]));
        assert_eq!(resolve(&door, &["gone"]).await, Err(Cause::NAME_UNKNOWN.into()));
        let many: Vec<_> = std::iter::repeat_n("here", 20).collect();
        assert_eq!(resolve(&door, &many).await.map(|found| found.len()), Ok(MAX_ENDPOINTS));
    }

    #[tokio::test]
    async fn t41_a_stuck_lookup_holds_its_place_and_nothing_else() {
        let (release, stuck) = std::sync::mpsc::channel::<()>();
        let stuck = Mutex::new(stuck);
        let door = Door {
            lookup_timeout: Duration::from_millis(20),
            ..door(move |_, _| {
                let _ = stuck.lock().expect("no panic").recv();
                Ok(vec![at("10.0.0.1")])
            })
        };
        assert_eq!(resolve(&door, &["slow"]).await, Err(Cause::LOOKUP_TIMED_OUT.into()));
        assert_eq!(resolve(&door, &["slow"]).await, Err(Shut::NoCapacity));
        assert_eq!(resolve(&door, &["10.0.0.2"]).await, Ok(vec![at("10.0.0.2")]));
        drop(release);
        // The place comes back when the lookup returns.
        let place = door.lane.acquire();
        assert!(timeout(TWO_SECONDS, place).await.is_ok_and(|place| place.is_ok()));
    }

    #[tokio::test]
    async fn the_next_address_is_tried_only_when_the_one_before_failed() {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback");
        let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback");
        let closed = {
            let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback");
            gone.local_addr().expect("bound")
        };
        let [first_at, second_at] = [&first, &second].map(|l| l.local_addr().expect("bound"));
        let stream = connect(&[target(closed), target(first_at), target(second_at)]).await;
        assert_eq!(stream.expect("connects").peer(), first_at);
        let nobody = timeout(Duration::ZERO, second.accept()).await;
        assert!(nobody.is_err(), "the second one is not touched");

        let refused = connect(&[target(closed)]).await.err();
        assert_eq!(refused, Some(Cause::REFUSED.into()));
        // An address of a family without a route does not hide that the other one refused.
        let no_route = SocketAddr::from((Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1), 7));
        let refused = connect(&[target(closed), target(no_route)]).await.err();
        assert_eq!(refused, Some(Cause::REFUSED.into()));
        assert_eq!(connect(&[]).await.err(), Some(Cause::UNREACHABLE.into()));
    }

    #[tokio::test]
    async fn t01_the_door_judges_again_before_it_connects() {
        let denied = TcpListener::bind("127.0.0.9:0").await.expect("loopback");
        let address = denied.local_addr().expect("bound");
        assert_eq!(connect(&[target(address)]).await.err(), Some(Cause::BLOCKED.into()));
        assert!(timeout(Duration::ZERO, denied.accept()).await.is_err());
    }
}
