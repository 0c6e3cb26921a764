//! What the tests of several modules need: where a password itself may go without TLS (T08).

use crate::session::Session;
use crate::stream::GuardedStream;
use datastore_domain::{
    ChannelBinding, ConnectSpec, Credentials, Host, Password, Secret, System, TlsMode,
};
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const PASSWORD: &str = "hunter2";

/// Address of the server, what the record says, and whether the password may go there: where nobody
/// reads along, or the record says so.
pub(crate) const PLACES: [(&str, TlsMode, bool); 8] = [
    ("10.0.0.1", TlsMode::Prefer, false),
    ("2001:db8::1", TlsMode::Prefer, false),
    ("::ffff:10.0.0.1", TlsMode::Prefer, false),
    ("10.0.0.1", TlsMode::Disable, true),
    ("127.0.0.1", TlsMode::Prefer, true),
    ("127.8.8.8", TlsMode::Prefer, true),
    ("::1", TlsMode::Prefer, true),
    ("::ffff:127.0.0.1", TlsMode::Prefer, true),
];

/// A session over loopback that claims to end at `peer`, and its far end.
#[expect(clippy::disallowed_methods, reason = "a test of what the door wraps")]
pub(crate) async fn session(peer: &str) -> (Session, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("bound");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let peer: IpAddr = peer.parse().expect("an address");
    let host = Host::try_from("db").expect("a host");
    let peer = SocketAddr::new(peer, address.port());
    let guarded = GuardedStream::new(near.expect("loopback"), peer, host);
    (Session::plain(guarded), far.expect("accepted").0)
}

/// A login with [`PASSWORD`].
pub(crate) fn spec(system: System, tls: TlsMode) -> ConnectSpec {
    let password = Password::try_from(Secret::new(PASSWORD.to_owned())).expect("a password");
    ConnectSpec {
        system,
        endpoints: Vec::new(),
        discover_by_srv: false,
        credentials: Some(Credentials { username: None, password: Some(password) }),
        database: None,
        tls,
        auth_source: None,
        auth_mechanism: None,
        replica_set: None,
        channel_binding: ChannelBinding::default(),
        session_attributes: None,
        unused_password: None,
    }
}

/// Whether `bytes` are somewhere in what was heard.
pub(crate) fn contains(heard: &[u8], bytes: &[u8]) -> bool {
    heard.windows(bytes.len()).any(|window| window == bytes)
}
