//! An open connection, plain or encrypted, with a buffer for what arrived.

use crate::failure::Cause;
use crate::stream::{GuardedStream, ReadLimitReached};
use bytes::BytesMut;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// How much one read takes in; the buffer never grows by a length that the server names.
const CHUNK: usize = 8 * 1024;

/// How long a server may take to answer our goodbye by closing.
const GOODBYE: Duration = Duration::from_millis(100);

trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Wire for T {}

/// What a conversation talks over.
pub(crate) struct Session {
    wire: Box<dyn Wire>,
    buffer: BytesMut,
    peer: SocketAddr,
    /// The server's certificate (DER), when the session is encrypted.
    certificate: Option<Option<Vec<u8>>>,
}

impl Session {
    pub(crate) fn plain(stream: GuardedStream) -> Self {
        let peer = stream.peer();
        Self { wire: Box::new(stream), buffer: BytesMut::new(), peer, certificate: None }
    }

    pub(crate) fn encrypted(stream: TlsStream<GuardedStream>) -> Self {
        let (guarded, tls) = stream.get_ref();
        let peer = guarded.peer();
        let certificate = tls.peer_certificates().and_then(|chain| chain.first());
        let certificate = Some(certificate.map(|der| der.to_vec()));
        Self { wire: Box::new(stream), buffer: BytesMut::new(), peer, certificate }
    }

    /// Whether nobody in between can read along.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.certificate.is_some()
    }

    /// The address of the far end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the far end is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.peer.ip().to_canonical().is_loopback()
    }

    /// Whether nothing has arrived that nobody asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether the far end has neither said anything since nor left: what comes next is an answer.
    pub(crate) async fn rests(&mut self) -> bool {
        self.is_quiet() && timeout(Duration::ZERO, self.fill()).await.is_err()
    }

    /// The server's certificate (DER), for channel binding.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_ref()?.as_deref()
    }

    /// The next message, which `take` takes from the front of what arrived; it answers `None` when
    /// more bytes are needed.
    pub(crate) async fn next<T>(
        &mut self,
        take: fn(&mut BytesMut) -> Result<Option<T>, Cause>,
    ) -> Result<T, Cause> {
        loop {
            if let Some(message) = take(&mut self.buffer)? {
                return Ok(message);
            }
            self.fill().await?;
        }
    }

    /// As [`Self::next`], for the first message of a server that does not negotiate TLS: one that
    /// insists on it says nothing to those who come without.
    pub(crate) async fn first<T>(
        &mut self,
        take: fn(&mut BytesMut) -> Result<Option<T>, Cause>,
    ) -> Result<T, Cause> {
        match self.next(take).await {
            Err(Cause::CLOSED) if !self.is_encrypted() => Err(Cause::PLAIN_TEXT_CLOSED),
            other => other,
        }
    }

    /// Waits for more bytes.
    async fn fill(&mut self) -> Result<(), Cause> {
        self.buffer.reserve(CHUNK);
        match self.wire.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Cause::CLOSED),
            Ok(_) => Ok(()),
            Err(error) => Err(io_cause(&error)),
        }
    }

    /// Sends all of `bytes`.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let sent = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        sent.await.map_err(|error| io_cause(&error))
    }

    /// Takes leave: sends the protocol's goodbye and closes our side; `None` when the server does
    /// not take it. The result is known by now, and nothing that happens here changes it.
    pub(crate) async fn leave(mut self, goodbye: &[u8]) -> Option<Left> {
        let leave = async {
            self.wire.write_all(goodbye).await?;
            self.wire.shutdown().await
        };
        timeout(GOODBYE, leave).await.ok()?.ok()?;
        Some(Left(self))
    }
}

/// A session that has taken leave.
pub(crate) struct Left(Session);

impl Left {
    /// Gives the server a moment to close its side, so that it sees no reset.
    pub(crate) async fn closed(mut self) {
        let close = async {
            let mut rest = [0; 512];
            while self.0.wire.read(&mut rest).await? > 0 {}
            Ok::<(), io::Error>(())
        };
        let _ = timeout(GOODBYE, close).await;
    }
}

/// What an error of the stream means for the test.
pub(crate) fn io_cause(error: &io::Error) -> Cause {
    let source = error.get_ref();
    if source.is_some_and(|e| e.is::<ReadLimitReached>()) {
        return Cause::TOO_MUCH_DATA;
    }
    // After the handshake: a broken record, or the server's alert (a client certificate missed).
    if source.is_some_and(|e| e.is::<rustls::Error>()) {
        return Cause::TLS_HANDSHAKE;
    }
    Cause::CLOSED
}
