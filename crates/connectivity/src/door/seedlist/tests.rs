//! Names and what a name server says about them.

use super::*;
use crate::Cidr;
use crate::EgressPolicy;
use crate::door::Door;
use datastore_domain::{ConnectSpec, DatabaseName, System, TlsMode};
use datastore_testkit::{DnsRecord, NameServer};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const SRV: &str = "_mongodb._tcp.cluster.example.test";
const NAME: &str = "cluster.example.test";

fn server(priority: u16, port: u16, target: &'static str) -> (&'static str, DnsRecord) {
    (SRV, DnsRecord::Srv { priority, port, target })
}

fn one() -> (&'static str, DnsRecord) {
    server(0, 27017, "a.example.test")
}

fn text(parts: &'static [&'static str]) -> (&'static str, DnsRecord) {
    (NAME, DnsRecord::Txt(parts))
}

fn start(records: Vec<(&'static str, DnsRecord)>) -> NameServer {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    NameServer::start(any, records).expect("loopback")
}

/// The configuration with one server, which is asked over UDP.
fn asking(
    address: SocketAddr,
) -> impl Fn() -> Result<(ResolverConfig, ResolverOpts), NetError> + Send + Sync {
    move || {
        let mut connection = ConnectionConfig::udp();
        connection.port = address.port();
        let server = NameServerConfig::new(address.ip(), true, vec![connection]);
        // A domain to search in, which a whole name has no use for.
        let search = "search.test.".parse().expect("a name");
        let config = ResolverConfig::from_parts(None, vec![search], vec![server]);
        Ok((config, ResolverOpts::default()))
    }
}

async fn find(host: &str, records: Vec<(&'static str, DnsRecord)>) -> Result<Seedlist, Cause> {
    let server = start(records);
    look_up(&asking(server.address()), &Host::try_from(host).expect("a host")).await
}

async fn check(records: Vec<(&'static str, DnsRecord)>, expected: Result<&str, Cause>) {
    let found = find(NAME, records.clone()).await;
    let shown = found.map(|seedlist| {
        let show = |e: &Endpoint| format!("{}:{}", e.host.as_str(), e.port.expect("a port").get());
        seedlist.endpoints.iter().map(show).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(shown.as_deref().map_err(|cause| *cause), expected, "{records:?}");
}

#[tokio::test]
async fn servers_are_found_in_the_order_of_their_priority() {
    check(vec![one()], Ok("a.example.test:27017")).await;
    check(
        vec![
            server(9, 1, "last.example.test"),
            server(0, 27017, "A.Example.TEST"),
            server(0, 27018, "deep.below.example.test"),
        ],
        Ok("a.example.test:27017 deep.below.example.test:27018 last.example.test:1"),
    )
    .await;
}

#[tokio::test]
async fn names_without_servers_are_told() {
    let nothing = Err(Cause::NO_SRV_RECORDS);
    check(Vec::new(), nothing).await;
    check(vec![text(&["authSource=admin"])], nothing).await;
    check(vec![(SRV, DnsRecord::A([127, 0, 0, 1].into()))], nothing).await;
    // There is no such service here (RFC 2782), and what is no host or no port.
    check(vec![server(0, 0, "")], nothing).await;
    check(vec![server(0, 0, "a.example.test")], nothing).await;
    check(vec![server(0, 1, "a b.example.test")], nothing).await;
    check(vec![one(), server(0, 1, "-.example.test")], nothing).await;
}

/// One that lies elsewhere makes all of them suspect.
#[tokio::test]
async fn t03_servers_outside_of_the_parent_domain_are_not_followed() {
    for elsewhere in [
        "example.test",
        "a.badexample.test",
        "badexample.test",
        "a.example.test.evil.test",
        "test",
        "localhost",
        "a.example.com",
    ] {
        let records = vec![one(), server(9, 27017, elsewhere)];
        check(records, Err(Cause::SRV_ELSEWHERE)).await;
    }
    for (name, record, target, followed) in [
        ("pair.test", "_mongodb._tcp.pair.test", "a.pair.test", true),
        ("pair.test", "_mongodb._tcp.pair.test", "a.test", false),
        ("pair.test", "_mongodb._tcp.pair.test", "pair.test", false),
        ("single", "_mongodb._tcp.single", "a.single", true),
        ("single", "_mongodb._tcp.single", "other", false),
        ("Cluster.Example.Test.", SRV, "a.example.test", true),
    ] {
        let records = vec![(record, DnsRecord::Srv { priority: 0, port: 1, target })];
        let found = find(name, records).await.map(|_| ());
        let expected = if followed { Ok(()) } else { Err(Cause::SRV_ELSEWHERE) };
        assert_eq!(found, expected, "{name} {target}");
    }
}

#[tokio::test]
async fn t05_a_txt_record_sets_two_options_and_nothing_else() {
    let found = async |records: Vec<(&'static str, DnsRecord)>| {
        let records = [vec![one()], records].concat();
        find(NAME, records).await.map(|seedlist| seedlist.options)
    };
    assert_eq!(found(Vec::new()).await, Ok(SeedlistOptions::default()));
    let parts = found(vec![text(&["authSource=ad", "min&replica", "Set=rs0"])]).await;
    let expected = SeedlistOptions::parse("authSource=admin&replicaSet=rs0").expect("valid");
    assert_eq!(parts, Ok(expected));
    for refused in [
        vec![text(&["tls=false"])],
        vec![text(&["authSource=admin&tlsInsecure=true"])],
        vec![text(&["loadBalanced=true"])],
        vec![text(&["v=spf1 -all"])],
        vec![text(&["authSource=admin"]), text(&["replicaSet=rs0"])],
    ] {
        assert_eq!(found(refused.clone()).await, Err(Cause::TXT_REFUSED), "{refused:?}");
    }
}

/// One question of each kind for the whole name: no domain is searched, nothing is asked twice.
#[tokio::test]
async fn t02_each_record_is_asked_for_once() {
    for records in [vec![one(), text(&["replicaSet=rs0"])], vec![one()], Vec::new()] {
        let server = start(records);
        let host = Host::try_from(NAME).expect("a host");
        let _ = look_up(&asking(server.address()), &host).await;
        let mut asked = server.asked();
        asked.sort();
        assert_eq!(asked, [(SRV.to_owned(), 33), (NAME.to_owned(), 16)]);
    }
}

#[tokio::test]
async fn without_name_servers_there_is_no_name() {
    let none = || Err(NetError::NoConnections);
    let found = look_up(&none, &Host::try_from(NAME).expect("a host")).await;
    assert_eq!(found, Err(Cause::NAME_UNKNOWN));
}

fn door(address: SocketAddr, found: &'static str) -> Door {
    let policy = EgressPolicy::new(&Cidr::ALL, &["127.0.0.9/32".parse().expect("a range")]);
    Door {
        name_servers: Arc::new(asking(address)),
        lookup: Arc::new(move |_, port| {
            Ok(vec![SocketAddr::new(found.parse().expect("an address"), port)])
        }),
        ..Door::new(policy, 1, Duration::from_millis(200), 1)
    }
}

fn spec() -> ConnectSpec {
    let host = Host::try_from(NAME).expect("a host");
    ConnectSpec {
        endpoints: vec![Endpoint { host, port: None }],
        discover_by_srv: true,
        ..crate::tests::spec(System::Mongodb, TlsMode::VerifyFull)
    }
}

#[tokio::test]
async fn what_the_string_says_goes_before_the_txt_record() {
    let server = start(vec![one(), text(&["authSource=users&replicaSet=rs0"])]);
    let door = door(server.address(), "10.0.0.1");
    let options = |spec: ConnectSpec| {
        (spec.auth_source.map(|source| source.as_str().to_owned()), spec.replica_set)
    };
    let some = |text: &str| Some(text.to_owned());
    let found = door.discover(&spec()).await.expect("found");
    assert_eq!(found.tls, TlsMode::VerifyFull);
    assert_eq!(options(found), (some("users"), some("rs0")));
    let auth_source = DatabaseName::new("mine", System::Mongodb).ok();
    let own = ConnectSpec { auth_source, replica_set: some("rs1"), ..spec() };
    let found = door.discover(&own).await.expect("found");
    assert_eq!(options(found), (some("mine"), some("rs1")));
}

/// The servers pass the door like any other: each address is judged, and eight are tried.
#[tokio::test]
async fn t03_servers_that_were_found_pass_the_door() {
    let server = start((0..12).map(|port| server(0, 27017 + port, "a.example.test")).collect());
    let permitted = door(server.address(), "10.0.0.1");
    let found = permitted.discover(&spec()).await.expect("found");
    let targets = permitted.resolve(&found.endpoints).await.expect("permitted");
    assert_eq!(targets.len(), 8);
    assert_eq!(targets[0].host.as_str(), "a.example.test");

    let denied = door(server.address(), "127.0.0.9");
    let found = denied.discover(&spec()).await.expect("found");
    assert_eq!(denied.resolve(&found.endpoints).await, Err(Cause::BLOCKED.into()));
}

#[tokio::test]
async fn t41_a_silent_name_server_is_waited_for_as_long_as_any_lookup() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let door = door(silent.local_addr().expect("bound"), "10.0.0.1");
    let found = timeout(Duration::from_secs(5), door.discover(&spec())).await;
    assert_eq!(found.expect("in time").err(), Some(Cause::LOOKUP_TIMED_OUT.into()));
    assert_eq!(door.lane.available_permits(), 1, "no thread was taken");
}
