//! The stream that every conversation runs over.

use datastore_domain::Host;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that one test reads at most, over all steps.
pub(crate) const READ_LIMIT: usize = 4 * 1024 * 1024;

/// A connection to an address that passed the policy. Only the door makes one.
///
/// It stops reading after [`READ_LIMIT`] bytes; the time limit is the pipeline's, which drops the
/// stream at the deadline whatever it is waiting for.
#[derive(Debug)]
pub(crate) struct GuardedStream {
    inner: TcpStream,
    peer: SocketAddr,
    host: Host,
    left: usize,
}

/// The server sent more than a test reads; found inside the [`io::Error`] of a read.
#[derive(Debug, thiserror::Error)]
#[error("the server sent more than {READ_LIMIT} bytes")]
pub(crate) struct ReadLimitReached;

impl GuardedStream {
    pub(crate) fn new(inner: TcpStream, peer: SocketAddr, host: Host) -> Self {
        Self { inner, peer, host, left: READ_LIMIT }
    }

    /// The address that was connected to.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The host of the record that led to it: what a certificate must be for.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::other(ReadLimitReached)));
        }
        let room = buf.remaining().min(self.left);
        let mut limited = ReadBuf::new(buf.initialize_unfilled_to(room));
        let poll = Pin::new(&mut self.inner).poll_read(cx, &mut limited);
        let read = limited.filled().len();
        buf.advance(read);
        self.left -= read;
        poll
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn t10_no_more_than_the_limit_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let (near, far) = tokio::join!(connect(address), listener.accept());
        let mut far = far.expect("accepted").0;
        tokio::spawn(async move { while far.write_all(&[0; 65_536]).await.is_ok() {} });
        let mut read = 0;
        let mut guarded = GuardedStream::new(near, address, Host::try_from("db").expect("a host"));
        let error = loop {
            match guarded.read(&mut [0; 60_000]).await {
                Ok(0) => panic!("the limit must not look like the end of the stream"),
                Ok(n) => read += n,
                Err(error) => break error,
            }
        };
        assert_eq!(read, READ_LIMIT);
        assert!(error.get_ref().is_some_and(|source| source.is::<ReadLimitReached>()));
    }

    #[expect(clippy::disallowed_methods, reason = "a test of what the door wraps")]
    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("loopback")
    }
}
