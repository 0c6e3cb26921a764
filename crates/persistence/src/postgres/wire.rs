//! What the bytes of a connection tell, and diesel does not.
//!
//! Of an error's SQLSTATE diesel-async keeps a handful of kinds, and the server's text follows its
//! `lc_messages`. A tap around the stream, inside TLS, reads the framing of the server's messages
//! (type, length, body) and keeps the code of the last error; it also counts what was sent.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// An error that the server answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The SQLSTATE: five digits and capital letters.
    pub(super) code: [u8; 5],
    /// Whether the server ends the session with it (FATAL, PANIC).
    pub(super) ends_session: bool,
}

/// What one connection's taps have seen.
#[derive(Debug, Default)]
pub(super) struct Wire {
    sent: AtomicU64,
    refusal: Mutex<Option<Refusal>>,
}

impl Wire {
    /// Bytes that were handed to the system, in all.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// The last error since [`Wire::forget`].
    pub(super) fn refusal(&self) -> Option<Refusal> {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forget(&self) {
        self.note(None);
    }

    fn note(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

/// Where the reader is in the server's messages.
enum Reading {
    /// Nowhere: what follows is TLS, whose inside has a tap of its own.
    Nothing,
    /// Before the single byte that answers whether the server speaks TLS.
    TlsAnswer,
    /// In a message's type and length.
    Head { bytes: [u8; 5], filled: usize },
    /// In a message that does not matter.
    Body { left: usize },
    /// In an error.
    Error { body: Vec<u8>, left: usize },
    /// In the server's wish of how the client proves who it is.
    Wish { code: [u8; 4], filled: usize, left: usize },
}

/// The wish for the password in the clear.
const IN_THE_CLEAR: u32 = 3;

const START: Reading = Reading::Head { bytes: [0; 5], filled: 0 };

/// More of an error's text is not kept: its code stands at the beginning.
const KEPT: usize = 256;

/// A stream that tells its [`Wire`] what passes.
pub(super) struct Tap<S> {
    stream: S,
    wire: Arc<Wire>,
    reading: Reading,
    /// Whether whoever stands between may read what is sent, since they said that there is no TLS.
    guards_password: bool,
    /// Whether the server asked for what is guarded.
    must_end: bool,
}

impl<S> Tap<S> {
    fn new(stream: S, wire: Arc<Wire>, reading: Reading) -> Self {
        Self { stream, wire, reading, guards_password: false, must_end: false }
    }

    /// A tap on messages in the clear.
    pub(super) fn on_messages(stream: S, wire: Arc<Wire>) -> Self {
        Self::new(stream, wire, START)
    }

    /// A tap on a stream where the client first asks for TLS: when the server agrees, what follows
    /// is not for this tap. When it declines, and is not on this machine, it gets no password in
    /// the clear: anybody between could have declined for it.
    pub(super) fn before_tls(stream: S, wire: Arc<Wire>, is_local: bool) -> Self {
        Self { guards_password: !is_local, ..Self::new(stream, wire, Reading::TlsAnswer) }
    }

    /// A tap on a stream that is TLS from its first byte.
    pub(super) fn on_tls(stream: S, wire: Arc<Wire>) -> Self {
        Self::new(stream, wire, Reading::Nothing)
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.reading {
                Reading::Nothing => return,
                Reading::TlsAnswer => {
                    self.reading = if first == b'S' { Reading::Nothing } else { START };
                    bytes = rest;
                }
                Reading::Head { bytes: head, filled } => {
                    head[*filled] = first;
                    *filled += 1;
                    bytes = rest;
                    if *filled == head.len() {
                        self.reading = after_head(*head);
                    }
                }
                Reading::Wish { code, filled, left } => {
                    code[*filled] = first;
                    *filled += 1;
                    *left -= 1;
                    bytes = rest;
                    if *filled == code.len() || *left == 0 {
                        let asks = u32::from_be_bytes(*code) == IN_THE_CLEAR;
                        self.must_end |= self.guards_password && asks;
                        let left = *left;
                        self.reading = if left == 0 { START } else { Reading::Body { left } };
                    }
                }
                Reading::Body { left } => {
                    let length = (*left).min(bytes.len());
                    *left -= length;
                    bytes = &bytes[length..];
                    if *left == 0 {
                        self.reading = START;
                    }
                }
                Reading::Error { body, left } => {
                    let length = (*left).min(bytes.len());
                    let room = (KEPT - body.len()).min(length);
                    body.extend_from_slice(&bytes[..room]);
                    *left -= length;
                    bytes = &bytes[length..];
                    if *left == 0 {
                        let refusal = refusal(body);
                        self.wire.note(refusal);
                        self.reading = START;
                    }
                }
            }
        }
    }
}

fn after_head(head: [u8; 5]) -> Reading {
    let [kind, length @ ..] = head;
    // The length counts itself.
    let left = (u32::from_be_bytes(length) as usize).saturating_sub(length.len());
    match (kind, left) {
        (_, 0) => START,
        (b'E', _) => Reading::Error { body: Vec::new(), left },
        (b'R', _) => Reading::Wish { code: [0; 4], filled: 0, left },
        _ => Reading::Body { left },
    }
}

/// Reads the fields of an error: a letter and a text each. `V` is the severity in English, since
/// PostgreSQL 9.6; `C` the code. A pooler such as PgBouncer gives no `V`, and its `S` is English.
fn refusal(body: &[u8]) -> Option<Refusal> {
    let fields = body.split(|byte| *byte == 0).filter_map(<[u8]>::split_first);
    let (mut code, mut severity, mut local) = (None, None, None);
    for (kind, text) in fields {
        match kind {
            b'C' => code = text.try_into().ok(),
            b'V' => severity = Some(text),
            b'S' => local = Some(text),
            _ => {}
        }
    }
    let ends_session = matches!(severity.or(local), Some(b"FATAL" | b"PANIC"));
    Some(Refusal { code: code?, ends_session })
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read(&buffer.filled()[before..]);
        if self.must_end {
            // Before the client sees the wish, which it would fulfil.
            buffer.set_filled(before);
            let reason = "the server takes no TLS and asks for the password in the clear; set \
                          sslmode=disable if that is meant";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(length)) = &polled {
            self.wire.sent.fetch_add(*length as u64, Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tap<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATAL: &[u8] = b"E\0\0\0\x2cSFATAL\0VFATAL\0C57P01\0Mterminating: now\0\0";
    const ERROR: &[u8] = b"E\0\0\0\x1eSFEHLER\0VERROR\0C40001\0MX\0\0";
    const ROW: &[u8] = b"D\0\0\0\x0b\0\x01\0\0\0\x01E";

    fn seen(tap: impl Fn(Arc<Wire>) -> Tap<()>, bytes: &[u8], step: usize) -> Option<Refusal> {
        let wire = Arc::new(Wire::default());
        let mut tap = tap(wire.clone());
        bytes.chunks(step).for_each(|chunk| tap.read(chunk));
        wire.refusal()
    }

    #[test]
    fn codes_are_read_however_the_bytes_arrive() {
        let plain = |wire| Tap::on_messages((), wire);
        let refusal = |code: &[u8; 5], ends_session| Some(Refusal { code: *code, ends_session });
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(seen(plain, ROW, step), None);
            assert_eq!(seen(plain, &[ROW, ERROR, ROW].concat(), step), refusal(b"40001", false));
            assert_eq!(seen(plain, &[ERROR, ROW, FATAL].concat(), step), refusal(b"57P01", true));
        }
    }

    #[test]
    fn the_error_of_a_pooler_ends_the_session() {
        let pooler = b"E\0\0\0\x29SFATAL\0C08P01\0Mserver conn crashed?\0\0";
        let found = seen(|wire| Tap::on_messages((), wire), pooler, 5);
        assert_eq!(found, Some(Refusal { code: *b"08P01", ends_session: true }));
    }

    #[test]
    fn long_texts_are_passed_over() {
        let plain = |wire| Tap::on_messages((), wire);
        let mut long = b"E\0\0\x10\0VERROR\0C53100\0M".to_vec();
        long.resize(1 + 0x1000, b'x');
        assert_eq!(seen(plain, &long, 100).map(|found| found.code), Some(*b"53100"));
        let both = [&long[..], ERROR].concat();
        assert_eq!(seen(plain, &both, 100).map(|found| found.code), Some(*b"40001"));
    }

    #[test]
    fn what_follows_an_answer_for_tls_is_not_read() {
        let before = |wire| Tap::before_tls((), wire, true);
        assert_eq!(seen(before, &[b"S", ERROR].concat(), 4), None);
        let code = seen(before, &[b"N", ERROR].concat(), 4).map(|found| found.code);
        assert_eq!(code, Some(*b"40001"));
        assert_eq!(seen(|wire| Tap::on_tls((), wire), ERROR, 4), None);
    }

    #[test]
    fn t08_whoever_declines_tls_elsewhere_gets_no_password_in_the_clear() {
        let ends = |is_local, answer: &[u8], step| {
            let mut tap = Tap::before_tls((), Arc::new(Wire::default()), is_local);
            answer.chunks(step).for_each(|chunk| tap.read(chunk));
            tap.must_end
        };
        let clear = b"NR\0\0\0\x08\0\0\0\x03";
        let scram = b"NR\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0R\0\0\0\x08\0\0\0\0";
        for step in [1, 3, 100] {
            assert!(ends(false, clear, step));
            assert!(!ends(true, clear, step));
            assert!(!ends(false, scram, step));
        }
        let mut plain = Tap::on_messages((), Arc::new(Wire::default()));
        plain.read(&clear[1..]);
        assert!(!plain.must_end, "sslmode=disable says that it is meant");
    }
}
