//! A client that keeps a number of connections busy.

use futures_util::future::join_all;
use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ({:.2})", self.per_second, self.p99_ms)
    }
}

impl Measured {
    pub(crate) fn of(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        times.sort_unstable();
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        let per_second = times.len() as f64 / elapsed.as_secs_f64();
        Self { per_second, p99_ms: p99.as_secs_f64() * 1000.0 }
    }
}

/// Sends `request(number)` over `clients` connections for `time`; every answer must be a success.
pub(crate) fn run(
    address: SocketAddr,
    clients: usize,
    time: Duration,
    request: impl Fn(u64) -> Vec<u8>,
) -> Measured {
    crate::setup::pin_to(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let next = Cell::new(0);
    let numbered = || {
        let number = next.get();
        next.set(number + 1);
        request(number)
    };
    runtime.expect("a runtime starts").block_on(async {
        let begin = Instant::now();
        let end = begin + time;
        let all = join_all((0..clients).map(|_| client(address, end, &numbered))).await;
        Measured::of(all.concat(), begin.elapsed())
    })
}

async fn client(
    address: SocketAddr,
    end: Instant,
    request: &impl Fn() -> Vec<u8>,
) -> Vec<Duration> {
    #[expect(clippy::disallowed_methods, reason = "a client of the service")]
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP socket");
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut times = Vec::new();
    while Instant::now() < end {
        let request = request();
        let begin = Instant::now();
        stream.write_all(&request).await.expect("the server reads");
        read_answer(&mut stream, &mut buffer).await;
        times.push(begin.elapsed());
    }
    times
}

/// Reads one answer with a `Content-Length`.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    let head = loop {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 20"), "not a success: {text}");
    let length = text.split_once("content-length: ").map_or("0", |(_, rest)| rest);
    let length = length.split("\r\n").next().unwrap_or("0");
    let whole = head + length.parse::<usize>().expect("a number");
    while buffer.len() < whole {
        let read = stream.read_buf(buffer).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
    }
}
