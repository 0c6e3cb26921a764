//! Ports of loopback for servers that come back on the same one.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the ports that outgoing connections get: while the server is down, one of those could
/// take its port, and a client that tries the port could even reach itself.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// A port of loopback that nothing listens on. Another test may take it first: try again then.
pub(crate) fn free_port() -> u16 {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let offset = random % u64::from(LAST - FIRST);
        let port = FIRST + u16::try_from(offset).expect("below the range's length");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
