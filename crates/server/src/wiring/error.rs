//! Why the application does not start.

use super::data_dir::DataDirError;
use datastore_connectivity::{CaFileError, ProbesError};
use datastore_crypto::{CanaryError, KeyFileError, KeyId, KeyRingError, NoRandomness};
use datastore_persistence::{OpenError, SchemaError};
use datastore_ports::{CipherError, RepositoryError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the application does not start. With its sources, each message names the thing and the
/// remedy on one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not for us, or the address is not one of this machine.
    #[error("cannot listen on {address}; {}", advice_on_listening(*address, source))]
    Listen {
        /// `http.bind`.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// A file that a setting names.
    #[error("cannot read `{}`; check the file, or set {key}", path.display())]
    Unreadable {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file that a setting names as one of certificate authorities.
    #[error(
        "`{}` is no file of certificate authorities in PEM; put one there, or set {key}",
        path.display()
    )]
    NoAuthorities {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: CaFileError,
    },
    /// The data folder, or that of the database, is refused.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be opened.
    #[error("check database.url")]
    Open(#[from] OpenError),
    /// The database's schema is not what this program needs.
    #[error("check database.url")]
    Schema(#[from] SchemaError),
    /// The database cannot be read or written.
    #[error("the database does not answer as it should; check database.url and its server")]
    Storage(#[from] RepositoryError),
    /// The database has not been made yet.
    #[error(
        "there is no database at `{0}` yet; `datastore-api serve` or `datastore-api migrate` makes it"
    )]
    NoDatabase(String),
    /// The schema is older than this program.
    #[error("the schema of `{0}` is not up to date; run `datastore-api migrate`")]
    NotMigrated(String),
    /// The key file is refused.
    #[error("check crypto.key_file")]
    KeyFile(#[from] KeyFileError),
    /// The keys in the environment are refused.
    #[error("check DATASTORE_API__CRYPTO__KEYS")]
    Keys(#[from] KeyRingError),
    /// Secrets exist, and no key does. A new one would not open them.
    #[error(
        "the database holds sealed secrets, and there is no key file `{}`; restore it, or set \
         crypto.key_file to where it is", .0.display()
    )]
    KeysLost(PathBuf),
    /// Replicas share a database and need the same keys, so that none of them makes its own.
    #[error(
        "there is no key file `{}`; restore it if the database holds secrets. `datastore-api serve` \
         makes one for the embedded database only, since all replicas of PostgreSQL need the same: \
         make theirs with `datastore-api key generate`", .0.display()
    )]
    NoKeys(PathBuf),
    /// Secrets are sealed under a key that is not in the ring.
    #[error(
        "{count} stored secret(s) are sealed under key `{id}`, which is not in the key ring; add \
         that key to the ring"
    )]
    KeyMissing {
        /// The key.
        id: KeyId,
        /// How many.
        count: u64,
    },
    /// The key ring does not belong to the database.
    #[error(transparent)]
    Canary(#[from] CanaryError),
    /// No canary could be sealed.
    #[error("no value could be sealed; check the operating system's random numbers")]
    Cipher(#[from] CipherError),
    /// No key could be made.
    #[error("no key could be made; check the operating system's random numbers")]
    Randomness(#[from] NoRandomness),
    /// Connection tests cannot be set up.
    #[error("check connectivity.tls.ca_file and the limits of the system")]
    Probes(#[from] ProbesError),
    /// Tokens cannot be read or made.
    #[error("the database does not answer as it should")]
    Tokens(#[from] datastore_application::Error),
    /// Something else is where the first token is looked for.
    #[error(
        "`{}` is there, and is not a token that only its owner can read; remove it, and the next \
         start makes one", .0.display()
    )]
    NoAdminToken(PathBuf),
    /// The first token could not be stored where it is looked for.
    #[error(
        "cannot write `{}`; make a token with `datastore-api token create --name admin --role admin`",
        path.display()
    )]
    AdminToken {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// What to do when nobody can listen on `http.bind`.
fn advice_on_listening(address: SocketAddr, error: &io::Error) -> String {
    const VARIABLE: &str = "DATASTORE_API__HTTP__BIND";
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "something else does (`ss -ltnp 'sport = :{port}'` shows what): stop it, or choose \
             another port with http.bind, such as {VARIABLE}={}; port 0 takes a free one",
            SocketAddr::new(ip, another(port))
        ),
        io::ErrorKind::PermissionDenied if port < 1024 => format!(
            "ports below 1024 need a right: choose another with http.bind, such as {VARIABLE}={}, or \
             give the program CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities)",
            SocketAddr::new(ip, 8080)
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{ip} is no address of this machine (`ip address` lists them): set http.bind to one, to \
             127.0.0.1:{port} for this machine alone, or to 0.0.0.0:{port} or [::]:{port} for all"
        ),
        _ => "set http.bind to another address".to_owned(),
    }
}

/// A port beside one that is taken, with no special right needed.
fn another(port: u16) -> u16 {
    port.checked_add(1).filter(|port| *port > 1024).unwrap_or(8080)
}
