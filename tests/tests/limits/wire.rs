//! Connections byte by byte, and a server process seen from outside.

use datastore_tests::{Client, DATASTORES, Process, Response, by_parts, with};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a test waits for what has to come; only a failure takes that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server.
pub(crate) struct Wire(TcpStream);

/// How a connection ended: what was answered, and nothing follows.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Vec<u8>);

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = datastore_tests::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        Self(stream)
    }

    /// Sends as much as the server takes; one that refuses may close in the middle.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Sends nothing more. A server that refuses may have ended the connection already.
    pub(crate) fn end(&self) {
        if let Err(error) = self.0.shutdown(std::net::Shutdown::Write) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotConnected, "{error}");
        }
    }

    /// Reads one answer and leaves the connection open.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Response {
        let mut answer = Vec::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = self.0.read(&mut buffer).expect("the server answers");
            assert!(length > 0, "closed after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..length]);
            if let Some(answer) = Response::parse(&answer, false) {
                return answer;
            }
        }
    }

    /// Reads until the server closes or resets the connection.
    #[track_caller]
    pub(crate) fn until_closed(mut self) -> Ended {
        let mut answer = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut answer) {
            assert_ne!(error.kind(), ErrorKind::WouldBlock, "still open after {PATIENCE:?}");
        }
        Ended(answer)
    }

    /// Reads a little; how much, none when the connection has ended.
    pub(crate) fn sip(&mut self, bytes: usize) -> usize {
        self.gulp(bytes).len()
    }

    /// Reads the start of what comes; empty when the connection has ended.
    pub(crate) fn gulp(&mut self, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        let length = self.0.read(&mut buffer).unwrap_or(0);
        buffer.truncate(length);
        buffer
    }

    /// Sends one byte, and waits for nothing from here on; false when the server has closed.
    pub(crate) fn drip(&mut self, byte: u8) -> bool {
        self.0.set_nonblocking(true).expect("a socket");
        let closed = matches!(self.0.peek(&mut [0; 1]), Ok(0))
            || matches!(self.0.peek(&mut [0; 1]), Err(e) if e.kind() != ErrorKind::WouldBlock);
        !closed && self.0.write(&[byte]).is_ok()
    }

    /// Waits for answers again, after [`Wire::drip`].
    pub(crate) fn block(&self) {
        self.0.set_nonblocking(false).expect("a socket");
    }

    /// Waits until the server resets the connection, without reading a byte; `time` is also the
    /// pace of a client that goes on in any case.
    pub(crate) fn is_reset_within(&self, time: Duration) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::empty())];
        let time = Timespec::try_from(time).expect("a short time");
        poll(&mut polled, Some(&time)).expect("a socket") == 1
            && polled[0].revents().contains(PollFlags::ERR)
    }
}

impl Ended {
    /// The one answer before the end.
    #[track_caller]
    pub(crate) fn answer(&self) -> Response {
        let text = String::from_utf8_lossy(&self.0);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
        Response::parse(&self.0, false).unwrap_or_else(|| panic!("no whole answer: {text}"))
    }
}

/// Creates `rows` datastores with descriptions of the greatest length, by several clients at once.
pub(crate) fn fill(editor: &Client, rows: usize) {
    let description = "x".repeat(10_000);
    std::thread::scope(|scope| {
        for part in 0..4 {
            let description = &description;
            scope.spawn(move || {
                for row in (part..rows).step_by(4) {
                    let body = by_parts(&format!("row {row}"));
                    let _ = editor.create(&with(body, json!({ "description": description })));
                }
            });
        }
    });
}

/// The longest page there is.
pub(crate) fn longest_page() -> String {
    format!("{DATASTORES}?page_size=500")
}

/// A figure of `/proc/PID/status`, in bytes.
pub(crate) fn memory(process: &Process, name: &str) -> u64 {
    status(process, name) * 1024
}

/// A figure of `/proc/PID/status`, in its unit.
pub(crate) fn status(process: &Process, name: &str) -> u64 {
    let path = format!("/proc/{}/status", process.pid());
    let status = std::fs::read_to_string(path).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    number.and_then(|n| n.parse().ok()).expect("a figure")
}

/// The 99th percentile of an honest client's times, as the median of several rounds.
pub(crate) fn p99(client: &Client, path: &str) -> Duration {
    let round = || {
        let mut times: Vec<_> = (0..300)
            .map(|_| {
                let begin = Instant::now();
                let _ = client.get(path).expect(200);
                begin.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    let mut rounds: Vec<_> = (0..9).map(|_| round()).collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

/// Insists that honest clients hardly notice what goes on: the bound is that of T31 and T41. Both
/// sides are measured in one run, on one machine; a few milliseconds are the scheduler's on a
/// machine that is busy with other things.
#[track_caller]
pub(crate) fn assert_unbothered(before: Duration, during: Duration) {
    let bound = 2 * before + Duration::from_millis(10);
    assert!(during < bound, "{before:?} before, {during:?} during");
}
