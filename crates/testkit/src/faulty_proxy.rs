//! A proxy before a PostgreSQL server that fails as networks do.

use crate::port::free_port;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it forwards.
    None,
    /// New connections are refused, and those that are there are closed.
    Refuse,
    /// Bytes are taken and go nowhere; connections stay open.
    Stall,
    /// A connection is closed when its client sends COMMIT; the server never sees it.
    CutBeforeCommit,
    /// COMMIT is forwarded, and the connection is closed once the server has answered: the answer
    /// is not forwarded.
    CutAfterCommit,
    /// COMMIT is forwarded, and the answer is withheld; the connection stays open.
    StallAfterCommit,
    /// COMMIT is forwarded, and in place of the answer comes an error of a pooler that lost its
    /// connection to the server; the connection stays open.
    PoolerErrorAfterCommit,
}

/// A proxy on a port of its own before a server on loopback. Its end is that of this value.
///
/// It sees COMMIT as a query by itself, in plain text: TLS must be off.
#[derive(Debug)]
pub struct FaultyProxy {
    port: u16,
    fault: watch::Sender<Fault>,
    listening: watch::Receiver<bool>,
    cuts: watch::Receiver<usize>,
}

/// A `Query` message (protocol 3) with the text COMMIT.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// How PgBouncer says it: severity and code, but no `V`.
const POOLER_ERROR: &[u8] = b"E\0\0\0\x29SFATAL\0C08P01\0Mserver conn crashed?\0\0";

impl FaultyProxy {
    /// A proxy before 127.0.0.1:`server` that forwards. Runs on the runtime of its caller.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    #[must_use]
    pub async fn before(server: u16) -> Self {
        let (port, listener) = loop {
            let port = free_port();
            if let Ok(listener) = listen(port).await {
                break (port, listener);
            }
        };
        let (fault, faults) = watch::channel(Fault::None);
        let (listens, listening) = watch::channel(true);
        let (cut, cuts) = watch::channel(0);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        let relay = Relay { server, fault: faults, cut: Arc::new(cut) };
        tokio::spawn(relay.serve(listener, port, listens));
        Self { port, fault, listening, cuts }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it does this, also to connections that are there.
    ///
    /// # Panics
    ///
    /// When the port is taken by something else meanwhile.
    pub async fn set(&mut self, fault: Fault) {
        self.fault.send(fault).expect("the proxy runs");
        let listens = fault != Fault::Refuse;
        self.listening.wait_for(|listening| *listening == listens).await.expect("the proxy runs");
    }

    /// Waits until `count` connections in all were cut, or stalled, at COMMIT.
    ///
    /// # Panics
    ///
    /// When the proxy has ended.
    pub async fn cut(&mut self, count: usize) {
        self.cuts.wait_for(|cuts| *cuts >= count).await.expect("the proxy runs");
    }
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

#[derive(Clone)]
struct Relay {
    server: SocketAddr,
    fault: watch::Receiver<Fault>,
    cut: Arc<watch::Sender<usize>>,
}

impl Relay {
    /// Listens, but for the times when it refuses.
    async fn serve(mut self, first: TcpListener, port: u16, listens: watch::Sender<bool>) {
        let relay = self.clone();
        let mut listener = Some(first);
        loop {
            let open = match listener.take() {
                Some(open) => open,
                None => listen(port).await.expect("the port is still free"),
            };
            listens.send_replace(true);
            tokio::select! {
                refusal = self.fault.wait_for(|fault| *fault == Fault::Refuse) => {
                    if refusal.is_err() {
                        return;
                    }
                }
                () = accept(&open, &relay) => {}
            }
            drop(open);
            listens.send_replace(false);
            if self.fault.wait_for(|fault| *fault != Fault::Refuse).await.is_err() {
                return;
            }
        }
    }

    async fn relay(self, client: TcpStream) {
        let Ok(server) = connect(self.server).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut refusal = self.fault.clone();
        let (commits, committed) = watch::channel(false);
        tokio::select! {
            _ = refusal.wait_for(|fault| *fault == Fault::Refuse) => {}
            _ = self.clone().requests(from_client, to_server, commits) => {}
            _ = self.answers(from_server, to_client, committed) => {}
        }
    }

    /// Waits while the proxy stalls.
    async fn pass(&mut self) -> io::Result<Fault> {
        let fault = self.fault.wait_for(|fault| *fault != Fault::Stall).await;
        fault.map(|fault| *fault).map_err(io::Error::other)
    }

    async fn requests(
        mut self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        commits: watch::Sender<bool>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let fault = self.pass().await?;
            // A client that waits for each answer sends COMMIT in a piece of its own.
            if buffer[..length].ends_with(COMMIT) {
                match fault {
                    Fault::CutBeforeCommit => {
                        self.count();
                        return Ok(());
                    }
                    Fault::CutAfterCommit
                    | Fault::StallAfterCommit
                    | Fault::PoolerErrorAfterCommit => {
                        commits.send_replace(true);
                    }
                    Fault::None | Fault::Refuse | Fault::Stall => {}
                }
            }
            to.write_all(&buffer[..length]).await?;
        }
    }

    async fn answers(
        mut self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        committed: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let fault = self.pass().await?;
            if *committed.borrow() {
                self.count();
                if fault == Fault::PoolerErrorAfterCommit {
                    to.write_all(POOLER_ERROR).await?;
                }
                if fault != Fault::CutAfterCommit {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            to.write_all(&buffer[..length]).await?;
        }
    }

    fn count(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

/// Takes connections until the future is dropped.
async fn accept(listener: &TcpListener, relay: &Relay) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(relay.clone().relay(client));
            }
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a proxy of tests is no probe")]
async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(server).await
}
