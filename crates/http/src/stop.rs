//! How the server ends: nobody who was let in goes without an answer, within the time limit.

use crate::running::Running;
use crate::slots::Slots;
use actix_web::dev::ServerHandle;
use actix_web::rt::time::sleep;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::{self, Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long handshakes that have begun may take to end, and what has been accepted to be read. The
/// stop of actix-server drops connections that no worker has taken up, and requests that none has
/// read.
const SETTLE: Duration = Duration::from_millis(100);

/// How long those who were let in may wait for a busy machine to take them from the queue.
const DRAIN: Duration = Duration::from_secs(5);

/// Most ids of requests in a line of the log.
const MOST_IDS: usize = 50;

/// Stops a server in two steps.
pub struct Stopper {
    pub(crate) handle: ServerHandle,
    pub(crate) listener: TcpListener,
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) running: Running,
    pub(crate) slots: Slots,
    pub(crate) timeout: Duration,
}

impl Stopper {
    /// Tells those who send requests to send them elsewhere: `/readyz` answers 503, and no
    /// connection is kept alive. Everything is served as before.
    pub fn announce(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Takes no more connections, answers every request of those that were taken, and ends the
    /// server when all is answered. What is not answered at the time limit of the settings is
    /// logged, and cut when the server is dropped, which is then the caller's to do.
    pub async fn stop(self) {
        self.announce();
        turn_away(&self.listener);
        sleep(SETTLE).await;
        let begun = Instant::now();
        while has_queue(&self.listener) && begun.elapsed() < DRAIN {
            sleep(Duration::from_millis(1)).await;
        }
        self.handle.pause().await;
        // Clients are refused from now on, rather than queued and cut off at the end. Where the
        // system cannot do that to a listener, they are queued.
        let listener = net::TcpStream::from(OwnedFd::from(self.listener));
        drop(listener.shutdown(Shutdown::Both));
        sleep(SETTLE).await;
        let stopped = self.handle.stop(true);
        // The server looks once a second.
        let all_gone = async {
            while self.slots.taken() > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = stopped => {}
            () = all_gone => {}
            () = sleep(self.timeout) => tell_what_is_cut(&self.running, self.slots.taken()),
        }
    }
}

/// Lets nobody begin a connection any more, while those who have begun come in. Closing the listener
/// resets whoever is in its queue, and between the last look at the queue and the close somebody
/// may get into it. Who is turned away tries again after a second, and is refused then.
///
/// Elsewhere than on Linux, and where it is not allowed, that moment remains.
fn turn_away(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    {
        use socket2::{SockFilter, SockRef};
        // The program, as in classic BPF: the flags of the TCP header; of these SYN and ACK; SYN
        // without ACK is dropped, all else is let through.
        let first_packets = [
            SockFilter::new(0x30, 0, 0, 13),
            SockFilter::new(0x54, 0, 0, 0x12),
            SockFilter::new(0x15, 0, 1, 0x02),
            SockFilter::new(0x06, 0, 0, 0),
            SockFilter::new(0x06, 0, 0, u32::MAX),
        ];
        if let Err(error) = SockRef::from(listener).attach_filter(&first_packets) {
            tracing::debug!(%error, "clients that connect at the last moment may be reset");
        }
    }
}

/// Whether somebody waits to be accepted.
fn has_queue(listener: &TcpListener) -> bool {
    let mut queue = [PollFd::new(listener, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut queue, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// Logs what is in hand at the time limit.
fn tell_what_is_cut(running: &Running, connections: usize) {
    let ids = running.ids();
    let (requests, named) = (ids.len(), ids.len().min(MOST_IDS));
    let request_ids = ids[..named].join(" ");
    if requests > 0 {
        tracing::warn!(
            requests,
            request_ids,
            "{requests} requests were cut off at the time limit of the stop"
        );
    } else if connections > 0 {
        tracing::info!(connections, "connections without a request were cut off by the stop");
    }
}
