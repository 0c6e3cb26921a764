//! The door, with a resolver of the tests' own.

use super::*;
use crate::Cidr;
use datastore_domain::Port;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// A door whose resolver is `lookup`; 127.0.0.9 is denied.
fn door(lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Door {
    let denied = "127.0.0.9/32".parse().expect("a range");
    Door {
        lookup: Arc::new(lookup),
        ..Door::new(EgressPolicy::new(&Cidr::ALL, &[denied]), 1, TWO_SECONDS, 1)
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
    let door = door(|_, _| unreachable!());
    door.connect(targets, Instant::now() + TWO_SECONDS).await.map(|(stream, _)| stream)
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
    let door =
        door(
            |name, _| {
                if name == "gone" {
                    Err(io::Error::other("gone"))
                } else {
                    Ok(vec![at("10.0.0.1")])
                }
            },
        );
    assert_eq!(resolve(&door, &["gone", "here"]).await, Ok(vec![at("10.0.0.1")]));
    assert_eq!(resolve(&door, &["gone"]).await, Err(Cause::NAME_UNKNOWN.into()));
    let many: Vec<_> = std::iter::repeat_n("here", 20).collect();
    assert_eq!(resolve(&door, &many).await.map(|found| found.len()), Ok(MAX_ENDPOINTS));
}

/// However many addresses the names of a set have, a test tries eight, some of each name.
#[tokio::test]
async fn t03_of_a_set_eight_addresses_are_tried() {
    let address = |net: u8, n: u8| SocketAddr::from((Ipv4Addr::new(10, 0, net, n), 7));
    let door = door(move |name, _| {
        let net = name[1..].parse().expect("a number");
        Ok((0..16).map(|n| address(net, n)).collect())
    });
    let names = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"];
    let nets = |found: Vec<SocketAddr>| {
        let nets = found.iter().map(|address| match address.ip() {
            IpAddr::V4(ip) => ip.octets()[2],
            IpAddr::V6(_) => unreachable!("the resolver knows none"),
        });
        nets.collect::<Vec<_>>()
    };
    for (count, expected) in
        [(1, vec![1; 16]), (2, vec![1, 1, 1, 1, 2, 2, 2, 2]), (8, (1..=8).collect())]
    {
        let found = resolve(&door, &names[..count]).await;
        assert_eq!(found.map(nets), Ok(expected), "{count}");
    }
}

/// Neither another way to write an address nor a zone makes it another server.
#[tokio::test]
async fn t13_a_server_is_one_however_it_is_written() {
    let door = door(|_, _| unreachable!());
    let held = door.place(at("127.0.0.1")).expect("the one place");
    assert!(door.place(at("::ffff:127.0.0.1")).is_err());
    drop(held);
    let zone = |zone| SocketAddr::V6(std::net::SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7, 0, zone));
    let _held = door.place(zone(1)).expect("the one place");
    assert!(door.place(zone(2)).is_err());
    assert!(door.place(at("127.0.0.1")).is_ok(), "another server has its own");
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
