//! Servers for connection tests that do as they are told and remember what they saw.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A loopback address on which nothing listens: connections are refused.
pub const CLOSED: (&str, u16) = ("127.0.0.251", 1);

/// Answers to a packet of a connection, which are counted from 0; an empty answer keeps silent.
type Script = dyn Fn(usize, &[u8]) -> Vec<u8> + Send + Sync;

/// A server on a free loopback port.
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    stopping: AtomicBool,
    /// What each connection sent.
    seen: Mutex<Vec<Vec<u8>>>,
    open: Mutex<Vec<TcpStream>>,
    /// Connections that have ended, and who waits for that.
    ended: (Mutex<usize>, Condvar),
}

impl FakeServer {
    /// A server that accepts and never says a word.
    #[must_use]
    pub fn silent() -> Self {
        Self::at("127.0.0.1", |_| Vec::new())
    }

    /// A server on `host` that answers each packet by `script`.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn at(host: &str, script: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::by_connection(host, move |_, packet| script(packet))
    }

    /// As [`FakeServer::at`], by a script that tells connections apart: they are counted from 0.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn by_connection(
        host: &str,
        script: impl Fn(usize, &[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            stopping: AtomicBool::new(false),
            seen: Mutex::default(),
            open: Mutex::default(),
            ended: Default::default(),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What each connection sent, in the order of the connections.
    #[must_use]
    pub fn seen(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.seen).clone()
    }

    /// Waits until so many connections have ended.
    ///
    /// # Panics
    ///
    /// When they have not within 10 s: sessions that end by themselves rest for longer.
    pub fn await_ended(&self, count: usize) {
        let (ended, told) = &self.shared.ended;
        let patience = Duration::from_secs(10);
        let (now, waited) = told
            .wait_timeout_while(lock(ended), patience, |ended| *ended < count)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "{} of {count} connections have ended", *now);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let number = lock(&shared.seen).len();
        lock(&shared.seen).push(Vec::new());
        lock(&shared.open).extend(stream.try_clone());
        let shared = shared.clone();
        std::thread::spawn(move || {
            converse(stream, number, &shared);
            *lock(&shared.ended.0) += 1;
            shared.ended.1.notify_all();
        });
    }
}

fn converse(mut stream: TcpStream, number: usize, shared: &Shared) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let packet = &buffer[..length];
        lock(&shared.seen)[number].extend_from_slice(packet);
        if stream.write_all(&(shared.script)(number, packet)).is_err() {
            return;
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            drop(stream.shutdown(std::net::Shutdown::Both));
        }
        // Wakes the accepting thread.
        drop(crate::client::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
