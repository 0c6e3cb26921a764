//! Settings: what can be set, its units and defaults.
//!
//! Layers, later ones win: `config/default.toml` (compiled in), `config/local.toml`, the file of
//! `--config`, and the environment (`DATASTORE_API__SECTION__KEY`). A key that is unknown or a value
//! that is bad stops the start. No message ever quotes a value: it may be a secret in the wrong
//! place.

mod environment;
mod http;
mod known;
mod load;
mod shown;
mod strict;

pub use environment::Environment;
pub use http::{Http, PublicUrl, RateLimit};
pub use load::SettingsError;

use datastore_connectivity::Cidr;
use datastore_domain::{Secret, TlsMode};
use datastore_persistence::DatabaseUrl;
use serde::{Deserialize, Serialize, Serializer};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// All settings, checked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Folder of the embedded database, the key file and the first admin token. Default: `data`.
    #[serde(deserialize_with = "strict::path")]
    pub data_dir: PathBuf,
    /// Where the registry is stored.
    pub database: Database,
    /// The listener of the API.
    pub http: Http,
    /// How many requests one token may make.
    pub rate_limit: RateLimit,
    /// The keys that secrets are sealed under.
    pub crypto: Crypto,
    /// Connection tests.
    pub connectivity: Connectivity,
    /// The log.
    pub log: Log,
    /// How the process ends.
    pub shutdown: Shutdown,
}

/// Where the registry is stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://…`. Default: `sqlite://<data_dir>/datastore-api.db`.
    #[serde(
        default,
        deserialize_with = "strict::some_parsed",
        serialize_with = "url_without_secrets"
    )]
    pub url: Option<DatabaseUrl>,
    /// Connections, 1 to 1000. Default: 10.
    #[serde(deserialize_with = "strict::number::<1, 1000, _, _>")]
    pub pool_size: u32,
    /// Longest wait for a free connection in milliseconds, 1 to 60000. Default: 1000.
    #[serde(deserialize_with = "strict::number::<1, 60_000, _, _>")]
    pub pool_wait_ms: u64,
    /// Longest time of one piece of work in PostgreSQL, waits included, in milliseconds, 100 to
    /// 60000. Default: 4000.
    #[serde(deserialize_with = "strict::number::<100, 60_000, _, _>")]
    pub deadline_ms: u64,
    /// PEM file of the certificate authorities that PostgreSQL's certificate may come from.
    /// Default: those of the system.
    #[serde(default, deserialize_with = "strict::some_path")]
    pub tls_ca_file: Option<PathBuf>,
}

/// The keys that secrets are sealed under.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Crypto {
    /// The key file. Default: `<data_dir>/keys`.
    #[serde(default, deserialize_with = "strict::some_path")]
    pub key_file: Option<PathBuf>,
    /// Whether the key file's group may read it. Default: false.
    #[serde(deserialize_with = "strict::flag")]
    pub key_file_group_read: bool,
    /// The keys themselves, instead of a file; from the environment only. Default: none.
    #[serde(skip_deserializing, serialize_with = "masked")]
    pub keys: Option<Secret>,
}

/// Connection tests.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Connectivity {
    /// Tests that run at the same time, 1 to 1024. Default: 32.
    #[serde(deserialize_with = "strict::number::<1, 1024, _, _>")]
    pub slots: usize,
    /// Of them, those that one token asked for, 1 to 1024. Default: 16.
    #[serde(deserialize_with = "strict::number::<1, 1024, _, _>")]
    pub slots_per_token: usize,
    /// Of them, those that talk to one address and port, 1 to 1024. Default: 8.
    #[serde(deserialize_with = "strict::number::<1, 1024, _, _>")]
    pub slots_per_target: usize,
    /// Whether a connection that a write changes is tested before it is stored. Default: false.
    #[serde(deserialize_with = "strict::flag")]
    pub verify_on_write: bool,
    /// Where tests may connect to.
    pub egress: Egress,
    /// How much of TLS tests ask for, and whom they trust.
    pub tls: Tls,
}

/// Where connection tests may connect to; the most specific range decides.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Ranges that may be reached. Default: all.
    #[serde(deserialize_with = "strict::list", serialize_with = "strings")]
    pub allow: Vec<Cidr>,
    /// Ranges that may not be reached, besides those that never may. Default: none.
    #[serde(deserialize_with = "strict::list", serialize_with = "strings")]
    pub deny: Vec<Cidr>,
}

/// TLS of connection tests.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The weakest mode that may be written and tested. Default: `disable`, so any.
    #[serde(deserialize_with = "strict::parsed", serialize_with = "displayed")]
    pub minimum: TlsMode,
    /// PEM file of certificate authorities, besides the public ones. Default: none.
    #[serde(default, deserialize_with = "strict::some_path")]
    pub ca_file: Option<PathBuf>,
}

/// The log, on standard error.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The form of a line. Default: text on a terminal, JSON elsewhere.
    #[serde(default, deserialize_with = "strict::some_parsed")]
    pub format: Option<LogFormat>,
    /// The least severe level that is logged. Default: `info`.
    #[serde(deserialize_with = "strict::parsed")]
    pub level: LogLevel,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// How long new connections are still served after the signal, while `/readyz` answers 503:
    /// 0 to 3600 s. Default: 0 s.
    #[serde(deserialize_with = "strict::duration::<3600, _>", serialize_with = "seconds")]
    pub grace: Duration,
    /// How long running requests may take to finish, 0 to 3600 s; `timeout_seconds` in a file.
    /// Default: 30 s.
    #[serde(
        rename = "timeout_seconds",
        deserialize_with = "strict::duration::<3600, _>",
        serialize_with = "seconds"
    )]
    pub timeout: Duration,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("must be json or text"),
        }
    }
}

/// How severe a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the levels of every log")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err("must be error, warn, info, debug or trace"),
        }
    }
}

impl Settings {
    /// The settings of a process: all layers, `config_file` being the file of `--config`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names every key at fault, and where it was set.
    pub fn load(
        config_file: Option<&std::path::Path>,
        environment: Environment,
    ) -> Result<Self, SettingsError> {
        load::load(config_file, environment)
    }

    /// The defaults with `text`, in the form of `config/default.toml`, on top; no file and no
    /// environment. For embedding and for tests.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names every key at fault.
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        load::from_toml(text)
    }

    /// Where the registry is stored.
    #[must_use]
    pub fn database_url(&self) -> DatabaseUrl {
        let embedded = || DatabaseUrl::sqlite(self.data_dir.join("datastore-api.db"));
        self.database.url.clone().unwrap_or_else(embedded)
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.crypto.key_file.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }

    /// Where the first admin token is put.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.data_dir.join("admin-token")
    }

    /// All that is in effect, as TOML: derived defaults written out, secrets masked, and what is not
    /// set as a comment.
    #[must_use]
    pub fn to_masked_toml(&self) -> String {
        shown::masked_toml(self)
    }
}

fn masked<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    // The secret's own Display is the mask.
    secret.as_ref().map(Secret::to_string).serialize(serializer)
}

fn url_without_secrets<S: Serializer>(
    url: &Option<DatabaseUrl>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.as_ref().map(DatabaseUrl::masked).serialize(serializer)
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", duration.as_secs_f64()))
}

fn displayed<S: Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn strings<S: Serializer>(ranges: &[Cidr], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(Cidr::to_string))
}

#[cfg(test)]
mod tests;
