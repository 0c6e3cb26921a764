//! The sections `http` and `rate_limit`.

use super::strict;
use datastore_http::{HttpSettings, Limits};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// The listener of the API.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on; port 0 takes a free one. Default: `127.0.0.1:8080`.
    #[serde(deserialize_with = "strict::socket")]
    pub bind: SocketAddr,
    /// The address that clients use, when it is not the one of the request. Default: none.
    #[serde(default, deserialize_with = "strict::some_parsed")]
    pub public_url: Option<PublicUrl>,
    /// Proxies whose `X-Forwarded-Proto` and `X-Forwarded-Host` count. Default: none.
    #[serde(deserialize_with = "strict::list")]
    pub trusted_proxies: Vec<IpAddr>,
    /// Threads that answer requests, 1 to 1024. Default: one for each processor.
    #[serde(default, deserialize_with = "strict::some_number::<1, 1024, _, _>")]
    pub workers: Option<usize>,
    /// Whether writes without `If-Match` are refused. Default: false.
    #[serde(deserialize_with = "strict::flag")]
    pub require_if_match: bool,
    /// Most bytes of a body, 1 KiB to 16 MiB. Default: 256 KiB.
    #[serde(deserialize_with = "strict::number::<1024, 16_777_216, _, _>")]
    pub max_body_bytes: usize,
    /// Longest time for a whole body in milliseconds, 100 to 600000. Default: 10000.
    #[serde(deserialize_with = "strict::number::<100, 600_000, _, _>")]
    pub body_timeout_ms: u64,
    /// Most bytes of a request target, 256 to 32768. Default: 8192.
    #[serde(deserialize_with = "strict::number::<256, { TARGET_BYTES }, _, _>")]
    pub max_target_bytes: usize,
    /// Most bytes of a head's fields, 1024 to 65536. Default: 32768.
    #[serde(deserialize_with = "strict::number::<1024, 65_536, _, _>")]
    pub max_head_bytes: usize,
    /// Most fields of a head, 8 to 96. Default: 64.
    #[serde(deserialize_with = "strict::number::<8, { HEAD_FIELDS }, _, _>")]
    pub max_head_fields: usize,
    /// Longest time for a whole head in milliseconds, 100 to 600000. Default: 5000.
    #[serde(deserialize_with = "strict::number::<100, 600_000, _, _>")]
    pub head_timeout_ms: u64,
    /// Most connections at the same time, 1 to 1000000. Default: 4096.
    #[serde(deserialize_with = "strict::number::<1, 1_000_000, _, _>")]
    pub max_connections: usize,
    /// Longest time without a request in milliseconds, 100 to 3600000. Default: 15000.
    #[serde(deserialize_with = "strict::number::<100, 3_600_000, _, _>")]
    pub idle_timeout_ms: u64,
    /// Most bytes of answers that clients have still to read, 64 KiB to 64 GiB. Default: 128 MiB.
    #[serde(deserialize_with = "strict::number::<65_536, 68_719_476_736, _, _>")]
    pub max_unsent_bytes: usize,
    /// Longest time that a client may leave an answer unread in milliseconds, 100 to 600000.
    /// Default: 30000.
    #[serde(deserialize_with = "strict::number::<100, 600_000, _, _>")]
    pub write_timeout_ms: u64,
}

/// How many requests one token may make of one replica.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a minute in the long run, 1 to 1000000. Default: any number.
    #[serde(default, deserialize_with = "strict::some_number::<1, 1_000_000, _, _>")]
    pub requests_per_minute: Option<u32>,
    /// Requests at once after a quiet time, 1 to 1000000. Default: those of a minute.
    #[serde(default, deserialize_with = "strict::some_number::<1, 1_000_000, _, _>")]
    pub burst: Option<u32>,
}

impl RateLimit {
    /// The limit; none unless the requests of a minute are limited.
    #[must_use]
    pub fn limit(&self) -> Option<datastore_http::RateLimit> {
        let requests_per_minute = self.requests_per_minute?;
        let burst = self.burst.unwrap_or(requests_per_minute);
        Some(datastore_http::RateLimit { requests_per_minute, burst })
    }
}

/// The bounds of the parser, as the readers of settings take them.
const TARGET_BYTES: i64 = Limits::MOST_TARGET_BYTES as i64;
const HEAD_FIELDS: i64 = Limits::MOST_HEAD_FIELDS as i64;

impl Http {
    /// Threads that answer requests.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| HttpSettings::default().workers)
    }

    /// What a client may take up.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            body_bytes: self.max_body_bytes,
            body_time: Duration::from_millis(self.body_timeout_ms),
            target_bytes: self.max_target_bytes,
            head_bytes: self.max_head_bytes,
            head_fields: self.max_head_fields,
            head_time: Duration::from_millis(self.head_timeout_ms),
            connections: self.max_connections,
            idle_time: Duration::from_millis(self.idle_timeout_ms),
            unsent_bytes: self.max_unsent_bytes,
            write_time: Duration::from_millis(self.write_timeout_ms),
        }
    }
}

/// The address that clients use: `http://` or `https://`, host, perhaps port and path; no trailing
/// slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or("must start with http:// or https://")?;
        // What ends up in links has to be plain; a user name, query or fragment never belongs here.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b);
        if rest.is_empty() || rest.starts_with(['/', ':']) || !rest.bytes().all(plain) {
            return Err("must be http:// or https://, a host, and perhaps a port and a path");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}
