//! One connection to the server, and the runtime that drives it.

use super::wire::{Refusal, Wire};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::{AsyncConnectionWrapper, BlockOn};
use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::time::sleep_until;

/// What the queries are compiled for.
pub(crate) type Conn = AsyncConnectionWrapper<AsyncPgConnection, Session>;

/// Drives one connection on whichever blocking thread uses it: no other thread is woken.
///
/// At the deadline of the work in hand it closes the connection, and whatever waits for an answer
/// learns that there will be none: a server that is frozen holds no thread.
#[derive(Clone)]
pub(crate) struct Session(Option<Arc<Inner>>);

struct Inner {
    runtime: Runtime,
    wire: Arc<Wire>,
    deadline: Arc<Mutex<Instant>>,
    /// What had been sent when the work began, and when its last statement did.
    sent_before_work: AtomicU64,
    sent_before_statement: AtomicU64,
}

impl Session {
    pub(super) fn new(wire: Arc<Wire>, deadline: Instant) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self(Some(Arc::new(Inner {
            runtime,
            wire,
            deadline: Arc::new(Mutex::new(deadline)),
            sent_before_work: AtomicU64::new(0),
            sent_before_statement: AtomicU64::new(0),
        }))))
    }

    fn inner(&self) -> &Inner {
        self.0.as_ref().expect("taken in `drop` only")
    }

    /// Reads and writes for a connection, whenever this session waits for something, until the
    /// deadline has passed: then the connection is closed.
    pub(super) fn drive(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let deadline = self.inner().deadline.clone();
        self.inner().runtime.spawn(async move {
            tokio::select! {
                () = connection => {}
                () = passed(&deadline) => {}
            }
        });
    }

    /// The connection as diesel has it, driven by this session.
    pub(super) fn into_connection(self, connection: AsyncPgConnection) -> Conn {
        NEXT.set(Some(self));
        Conn::from(connection)
    }

    /// Begins a piece of work, which ends at `deadline`.
    pub(super) fn begin(&self, deadline: Instant) {
        let inner = self.inner();
        *lock(&inner.deadline) = deadline;
        inner.wire.forget();
        inner.sent_before_work.store(inner.wire.sent(), Relaxed);
    }

    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= *lock(&self.inner().deadline)
    }

    /// The last error that the server answered with since the work began.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.inner().wire.refusal()
    }

    /// Whether anything was sent since the work began.
    pub(super) fn has_sent(&self) -> bool {
        let inner = self.inner();
        inner.wire.sent() > inner.sent_before_work.load(Relaxed)
    }

    /// Whether anything of the last statement was sent.
    pub(super) fn has_sent_statement(&self) -> bool {
        let inner = self.inner();
        inner.wire.sent() > inner.sent_before_statement.load(Relaxed)
    }

    /// Takes in what has arrived meanwhile, such as the server's goodbye; no round trip.
    pub(super) fn look(&self) {
        self.inner().runtime.block_on(async {
            // The first turn looks at the socket, the second lets the connection see it, the third
            // lets it end.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
    }
}

/// Waits for the deadline, which moves on with each piece of work: looked at when the one seen last
/// has come, so that statements set no timers. One piece may have waited longer than the one before
/// it and end earlier by that; its caller's own limit covers the difference.
async fn passed(deadline: &Mutex<Instant>) {
    loop {
        let next = *lock(deadline);
        sleep_until(next.into()).await;
        if *lock(deadline) <= Instant::now() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// What the next call of `get_runtime` on this thread hands to diesel-async, which takes no
    /// value but asks for one.
    static NEXT: Cell<Option<Session>> = const { Cell::new(None) };
}

impl BlockOn for Session {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let inner = self.inner();
        inner.sent_before_statement.store(inner.wire.sent(), Relaxed);
        inner.runtime.block_on(future)
    }

    fn get_runtime() -> Self {
        NEXT.take().expect("a connection is made by `into_connection`")
    }
}

impl Drop for Session {
    /// A runtime that is dropped inside another one panics, unless it is told not to wait.
    fn drop(&mut self) {
        if let Some(inner) = self.0.take().and_then(Arc::into_inner) {
            inner.runtime.shutdown_background();
        }
    }
}
