//! A proxy between the tests and a real server.

use crate::support::ENOUGH;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Lets through so many bytes of the server's on each connection, and counts.
pub(crate) struct Between {
    pub(crate) port: u16,
    counts: Arc<Counts>,
    cut: watch::Sender<()>,
}

#[derive(Default)]
struct Counts {
    sent: AtomicUsize,
    connections: AtomicUsize,
    /// Of them, those that are open.
    open: watch::Sender<usize>,
}

impl Between {
    #[expect(clippy::disallowed_methods, reason = "this is no probe")]
    pub(crate) async fn start(address: &str, server: u16, limit: usize) -> Self {
        let listener = TcpListener::bind(address).await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let counts = Arc::<Counts>::default();
        let (cut, is_cut) = watch::channel(());
        let counter = counts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.connections.fetch_add(1, Ordering::SeqCst);
                counter.open.send_modify(|open| *open += 1);
                let (counter, mut is_cut) = (counter.clone(), is_cut.clone());
                is_cut.mark_unchanged();
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", server)).await.expect("it runs");
                    tokio::select! {
                        () = pass(client, server, limit, &counter.sent) => {}
                        _ = is_cut.changed() => {}
                    }
                    counter.open.send_modify(|open| *open -= 1);
                });
            }
        });
        Self { port, counts, cut }
    }

    /// Ends all connections that there are, and waits for their end.
    pub(crate) async fn cut(&self) {
        self.cut.send_replace(());
        self.ended().await;
    }

    /// Waits until no connection is open.
    async fn ended(&self) {
        let mut open = self.counts.open.subscribe();
        let ended = timeout(ENOUGH, open.wait_for(|open| *open == 0)).await;
        let _ = ended.expect("in time").expect("the counts are ours");
    }

    /// Bytes that the server has sent, once its connections have ended: the last of them are
    /// counted after the client has them.
    pub(crate) async fn sent(&self) -> usize {
        self.ended().await;
        self.counts.sent.load(Ordering::SeqCst)
    }

    /// Connections that were made.
    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: TcpStream, limit: usize, sent: &AtomicUsize) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let upwards = async move {
        let _ = copy(&mut from_client, &mut to_server).await;
        // The rest of the client's bytes is read, so that it sees an end and no reset.
        let _ = to_server.shutdown().await;
        let _ = copy(&mut from_client, &mut sink()).await;
    };
    let downwards = async move {
        let mut left = limit;
        let mut buffer = [0; 4096];
        while left > 0 {
            let Ok(length @ 1..) = from_server.read(&mut buffer).await else { break };
            let length = length.min(left);
            if to_client.write_all(&buffer[..length]).await.is_err() {
                break;
            }
            sent.fetch_add(length, Ordering::SeqCst);
            left -= length;
        }
        let _ = to_client.shutdown().await;
    };
    tokio::join!(upwards, downwards);
}
