//! What a client may take up.

use std::time::Duration;

/// The limits of requests, answers and connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a body; more is 413.
    pub body_bytes: usize,
    /// How long a whole body may take to arrive; longer is 408.
    pub body_time: Duration,
    /// Most bytes of a head's fields, names and values; more is 431.
    pub head_bytes: usize,
    /// Most fields of a head, at most [`Limits::MOST_HEAD_FIELDS`]; more is 431.
    pub head_fields: usize,
    /// How long a whole head may take to arrive, counted from its first byte, or from the
    /// connection when it is the first; longer is 408.
    pub head_time: Duration,
    /// Most bytes of a request target, at most [`Limits::MOST_TARGET_BYTES`]; more is 414.
    pub target_bytes: usize,
    /// Most connections at the same time, of all workers together; one more is closed at once.
    pub connections: usize,
    /// How long a connection may stay open without a request.
    pub idle_time: Duration,
    /// Most bytes of answers that are not sent yet, of all clients together. An answer of over
    /// 64 KiB that would go beyond is 503 instead.
    pub unsent_bytes: usize,
    /// How long a client may leave an answer unread before it is cut.
    pub write_time: Duration,
}

impl Limits {
    /// Most fields that the framework's parser takes.
    pub const MOST_HEAD_FIELDS: usize = 96;
    /// Longest request target for which the framework does not answer a bare 400 itself: it counts
    /// the bytes of a URI in 16 bits.
    pub const MOST_TARGET_BYTES: usize = 32 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            body_time: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            head_fields: 64,
            head_time: Duration::from_secs(5),
            target_bytes: 8 * 1024,
            connections: 4096,
            idle_time: Duration::from_secs(15),
            unsent_bytes: 128 * 1024 * 1024,
            write_time: Duration::from_secs(30),
        }
    }
}
