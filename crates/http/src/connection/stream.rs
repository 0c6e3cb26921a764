//! The stream of a connection as the framework sees it.

use super::{Connection, LINGER, Phase};
use crate::limits::Limits;
use crate::problem::{Kind, Problem};
use crate::slots::Slot;
use actix_web::rt::net::TcpStream;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A head may be longer than its target and its fields by this much: method, version, separators.
const BETWEEN: usize = 1024;

/// What the kernel takes off our hands for one client. It asks for more when a third is free, so by
/// its own choice of up to 4 MiB a slow client would look like one that does not read.
const SEND_BUFFER: usize = 256 * 1024;

/// How long after a deadline what has arrived is looked for once more. When we are late ourselves,
/// bytes may lie in the kernel that the runtime has not heard of; it has when this timer fires.
const LAST_CHANCE: Duration = Duration::from_millis(10);

/// A stream with limits.
pub(crate) struct Guarded {
    io: TcpStream,
    connection: Rc<Connection>,
    limits: Arc<Limits>,
    /// Fires when the connection's deadline may have passed.
    waiting: Pin<Box<Sleep>>,
    /// The deadline that has passed once.
    last_chance: Option<Instant>,
    /// Fires when the client has left an answer unread for too long; none before the first time
    /// that the client is slower than the answer.
    unread: Option<Pin<Box<Sleep>>>,
    /// Whether the last bytes could not be written.
    stalled: bool,
    /// Whether the framework was given the time to parse a head that has become too long.
    yielded: bool,
    /// What is left of our own answer to a head that the framework never sees whole.
    refusal: Option<Vec<u8>>,
    _slot: Slot,
}

impl Guarded {
    pub(crate) fn new(io: TcpStream, limits: Arc<Limits>, slot: Slot) -> Self {
        // Small parts of an answer are not held back until the client has confirmed earlier ones.
        // Where this or the next is refused, the connection works all the same.
        let _ = io.set_nodelay(true);
        // The kernel gives up its part of an answer by itself, even if we are done with ours. It
        // does so without a word to the client, so where we watch as well we come first.
        let unread = u32::try_from((limits.write_time + LINGER).as_millis()).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&io, unread);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&io, SEND_BUFFER);
        Self {
            io,
            connection: Rc::new(Connection::new(limits.head_time, limits.idle_time)),
            waiting: Box::pin(sleep(limits.head_time)),
            limits,
            last_chance: None,
            unread: None,
            stalled: false,
            yielded: false,
            refusal: None,
            _slot: slot,
        }
    }

    pub(crate) fn connection(&self) -> Rc<Connection> {
        self.connection.clone()
    }

    /// Ready when the connection's phase has lasted too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let connection = &self.connection;
        if connection.phase.get() == Phase::Busy {
            connection.waits(self.waiting.deadline(), cx.waker());
            return Poll::Pending;
        }
        let deadline = connection.deadline.get();
        // A timer that fires early costs less than one that is set anew for each request.
        if deadline < self.waiting.deadline() {
            self.waiting.as_mut().reset(deadline);
        }
        while self.waiting.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now < deadline {
                self.waiting.as_mut().reset(deadline);
            } else if self.last_chance == Some(deadline) {
                return Poll::Ready(());
            } else {
                self.last_chance = Some(deadline);
                self.waiting.as_mut().reset(now + LAST_CHANCE);
            }
        }
        connection.waits(self.waiting.deadline(), cx.waker());
        Poll::Pending
    }

    /// What is wrong when a head is longer than any that would be answered.
    fn too_long(&self) -> Option<Problem> {
        let Limits { target_bytes, head_bytes, .. } = *self.limits;
        let connection = &self.connection;
        let most = target_bytes + head_bytes + BETWEEN;
        if connection.phase.get() != Phase::Head || connection.arrived.get() <= most {
            return None;
        }
        let line_ended = connection.line_ended.get();
        Some(if line_ended { too_large(&self.limits) } else { target_too_long(&self.limits) })
    }

    /// Answers in place of the framework, which sees nothing more of this connection.
    fn refuse(&mut self, problem: &Problem, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tracing::debug!(code = problem.kind.code(), "a head was refused before it was whole");
        self.connection.enter(Phase::Closing, LINGER);
        // Behind a part of an earlier answer, ours would be garbage.
        self.refusal = Some(if self.stalled { Vec::new() } else { problem.to_bytes() });
        self.poll_refused(cx)
    }

    /// Writes the refusal, then reads into nowhere until the client closes or the time is over.
    fn poll_refused(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.refusal.as_mut().filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.io).poll_write(cx, rest) {
                Poll::Ready(written) => drop(rest.drain(..written?)),
                Poll::Pending => return self.poll_overdue(cx).map(Ok),
            }
            if rest.is_empty() {
                ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            }
        }
        let mut nowhere = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut nowhere);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => return self.poll_overdue(cx).map(Ok),
            }
        }
    }

    /// Passes on what became of writing, unless the client has not read for too long.
    fn poll_written<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = false;
            return written;
        }
        let limit = self.limits.write_time;
        let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.stalled {
            self.stalled = true;
            unread.as_mut().reset(Instant::now() + limit);
        }
        ready!(unread.as_mut().poll(cx));
        tracing::debug!("a client that does not read was cut");
        // Reset, so that the kernel too drops what it holds for the client.
        let _ = rustix::net::sockopt::set_socket_linger(&self.io, Some(Duration::ZERO));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The problem of a target over the limit.
pub(crate) fn target_too_long(limits: &Limits) -> Problem {
    let most = limits.target_bytes;
    Problem::new(Kind::UriTooLong, format!("A request target may have at most {most} bytes."))
}

/// The problem of a head over the limits.
pub(crate) fn too_large(limits: &Limits) -> Problem {
    let Limits { head_fields, head_bytes, .. } = limits;
    let detail =
        format!("A head may have at most {head_fields} fields and {head_bytes} bytes in them.");
    Problem::new(Kind::HeadersTooLarge, detail)
}

impl AsyncRead for Guarded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refusal.is_some() {
            return this.poll_refused(cx);
        }
        if let Some(problem) = this.too_long() {
            if this.yielded {
                return this.refuse(&problem, cx);
            }
            // The framework reads as long as there is something before it parses. What arrived may
            // be a whole head and its body; if so, the connection is busy the next time.
            this.yielded = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.yielded = false;
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.io).poll_read(cx, buffer) {
            this.connection.arrived(&buffer.filled()[before..]);
            return Poll::Ready(read);
        }
        ready!(this.poll_overdue(cx));
        if this.connection.phase.get() == Phase::Head {
            let limit = this.limits.head_time;
            let detail = format!("The head of the request took longer than {limit:?}.");
            return this.refuse(&Problem::new(Kind::RequestTimeout, detail), cx);
        }
        // To the framework the client has hung up.
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.poll_written(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
