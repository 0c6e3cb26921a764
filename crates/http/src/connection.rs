//! A client's connection: when it waits, when it is answered, and how long it may do either.
//!
//! The framework limits the time of the first head only. A head that drips on a connection that was
//! answered before, a chunked body that is refused and goes on dripping, and a client that does not
//! read would keep a connection for ever. So the stream that the framework reads and writes is ours,
//! and knows from the requests on it what it waits for.

mod stream;

pub(crate) use stream::{Guarded, target_too_long, too_large};

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// How long what a refused client still sends is read and thrown away. Closing at once would reset
/// the connection, and the answer might be lost with it.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// For the next request, of which nothing has arrived yet.
    Idle,
    /// For the rest of a head; or for the first head, from the start.
    Head,
    /// For the request's body or its answer, which have limits of their own.
    Busy,
    /// For the client to hear that it was refused.
    Closing,
}

/// What the stream and the requests on it tell each other.
#[derive(Debug)]
pub(crate) struct Connection {
    phase: Cell<Phase>,
    /// When the phase has lasted too long; of no meaning while busy.
    deadline: Cell<Instant>,
    /// When the stream looks at the deadline by itself, and how to make it look earlier.
    looks: Cell<Instant>,
    waker: RefCell<Option<Waker>>,
    /// Bytes that arrived since the phase began.
    arrived: Cell<usize>,
    /// Whether the first line of the head is complete.
    line_ended: Cell<bool>,
    /// Whether the request in hand has a body that was not read to its end.
    unread: Cell<bool>,
    /// Whether an answer has told the client that the connection ends with it.
    ended: Cell<bool>,
    head_time: Duration,
    idle_time: Duration,
}

impl Connection {
    fn new(head_time: Duration, idle_time: Duration) -> Self {
        let deadline = Instant::now() + head_time;
        Self {
            phase: Cell::new(Phase::Head),
            deadline: Cell::new(deadline),
            looks: Cell::new(deadline),
            waker: RefCell::new(None),
            arrived: Cell::new(0),
            line_ended: Cell::new(false),
            unread: Cell::new(false),
            ended: Cell::new(false),
            head_time,
            idle_time,
        }
    }

    /// A request was understood; the connection is busy until what is returned is dropped.
    pub(crate) fn begin(self: Rc<Self>, has_body: bool) -> Exchange {
        self.phase.set(Phase::Busy);
        self.unread.set(has_body);
        Exchange(self)
    }

    /// The answer that goes out now is the last one.
    pub(crate) fn ends(&self) {
        self.ended.set(true);
    }

    /// Whether the last answer has gone out. A request that stands behind it must not be carried
    /// out (RFC 9112 section 9.6): the client sends it again elsewhere.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// The body of the request in hand was read to its end.
    pub(crate) fn body_was_read(&self) {
        self.unread.set(false);
    }

    fn arrived(&self, bytes: &[u8]) {
        match self.phase.get() {
            Phase::Idle => self.enter(Phase::Head, self.head_time),
            Phase::Head => {}
            Phase::Busy | Phase::Closing => return,
        }
        self.arrived.set(self.arrived.get() + bytes.len());
        if !self.line_ended.get() && bytes.contains(&b'\n') {
            self.line_ended.set(true);
        }
    }

    fn enter(&self, phase: Phase, lasting: Duration) {
        let now = Instant::now();
        self.phase.set(phase);
        self.deadline.set(now + lasting);
        self.arrived.set(0);
        self.line_ended.set(false);
        // After an answer the framework waits for bytes, and would not look at a timer that fires
        // too late, or has fired while the connection was busy.
        let in_time = now < self.looks.get() && self.looks.get() <= now + lasting;
        if !in_time && let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// The stream waits, and looks at the deadline at this time.
    fn waits(&self, looks: Instant, waker: &Waker) {
        self.looks.set(looks);
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

/// One request and its answer, as a span of the connection's time.
#[derive(Debug)]
pub(crate) struct Exchange(Rc<Connection>);

impl Exchange {
    /// Whether the connection has to be closed after the answer: what is left of the body would
    /// have to be read, and the framework reads a chunked one for as long as it lasts.
    pub(crate) fn must_close(&self) -> bool {
        self.0.unread.get()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.must_close() {
            self.0.enter(Phase::Closing, LINGER);
        } else {
            self.0.enter(Phase::Idle, self.0.idle_time);
        }
    }
}
