//! How a datastore is reached: one value with two forms.

use crate::{ConnectionString, DatabaseName, Host, Password, Port, System, Username};
use std::fmt;
use std::str::FromStr;

/// How much of TLS a connection asks for, from weakest to strongest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsMode {
    /// Plain text.
    Disable,
    /// TLS when the server offers it in band (PostgreSQL, MySQL), plain text otherwise.
    #[default]
    Prefer,
    /// TLS, without checking who answers.
    Require,
    /// TLS, with the certificate checked against a trusted CA and the host name.
    VerifyFull,
}

/// Not the name of a TLS mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be disable, prefer, require or verify_full")]
pub struct UnknownTlsMode;

impl TlsMode {
    /// All modes, from weakest to strongest.
    pub const ALL: [Self; 4] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyFull];

    /// The name in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull => "verify_full",
        }
    }
}

impl FromStr for TlsMode {
    type Err = UnknownTlsMode;

    fn from_str(name: &str) -> Result<Self, UnknownTlsMode> {
        Self::ALL.into_iter().find(|m| m.as_str() == name).ok_or(UnknownTlsMode)
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A connection given by its parts, with the plain password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionParts {
    /// Where the server is.
    pub host: Host,
    /// TCP port.
    pub port: Port,
    /// Who logs in.
    pub username: Username,
    /// With what.
    pub password: Password,
    /// What to open; the system's own default when `None`.
    pub database: Option<DatabaseName>,
    /// How much of TLS.
    pub tls: TlsMode,
}

/// A connection in one of its two forms, with plain secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionTarget {
    /// By parts.
    Parts(ConnectionParts),
    /// By connection string.
    Uri(ConnectionString),
}

impl ConnectionTarget {
    /// What a connection test needs to know, the same for both forms.
    #[must_use]
    pub fn connect_spec(&self, system: System) -> ConnectSpec {
        match self {
            Self::Uri(string) => string.connect_spec(),
            Self::Parts(parts) => ConnectSpec {
                system,
                endpoints: vec![Endpoint { host: parts.host.clone(), port: Some(parts.port) }],
                discover_by_srv: false,
                credentials: Some(Credentials {
                    username: Some(parts.username.clone()),
                    password: Some(parts.password.clone()),
                }),
                database: parts.database.clone(),
                tls: parts.tls,
                auth_source: None,
                auth_mechanism: None,
                replica_set: None,
                channel_binding: ChannelBinding::default(),
                session_attributes: None,
                unused_password: None,
            },
        }
    }
}

/// One place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: Host,
    /// Port; `None` only for a name that is to be discovered by SRV records.
    pub port: Option<Port>,
}

/// `host:port`, or the host alone; an IPv6 address in brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.host.bare();
        if bare.contains(':') {
            write!(f, "[{bare}]")?
        } else {
            f.write_str(bare)?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{}", port.get()))
    }
}

/// Who logs in, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User; `None` means the system's default user (Redis: `default`).
    pub username: Option<Username>,
    /// Password; `None` for a user whom the server lets in without one (PostgreSQL `trust`, MySQL
    /// accounts with an empty password).
    pub password: Option<Password>,
}

/// Everything that one connection test needs, checked and typed; no text that a driver would
/// interpret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectSpec {
    /// The system that must answer.
    pub system: System,
    /// Places to try in this order; at least one.
    pub endpoints: Vec<Endpoint>,
    /// Whether the only endpoint is a name whose SRV records name the servers (`mongodb+srv`).
    pub discover_by_srv: bool,
    /// Login; `None` for a server without one.
    pub credentials: Option<Credentials>,
    /// Database, keyspace or index to open; the system's default when `None`.
    pub database: Option<DatabaseName>,
    /// How much of TLS.
    pub tls: TlsMode,
    /// Database that knows the user (MongoDB); `admin` when `None`. With [`Self::discover_by_srv`]
    /// `None` means: as the TXT record says, else [`Self::database`], else `admin`.
    pub auth_source: Option<DatabaseName>,
    /// Mechanism that the string insists on (MongoDB); negotiated when `None`.
    pub auth_mechanism: Option<String>,
    /// Name of the set that the server must belong to (MongoDB); any server will do when `None`.
    pub replica_set: Option<String>,
    /// Whether the login proves the encrypted channel (PostgreSQL, `channel_binding`).
    pub channel_binding: ChannelBinding,
    /// What the server must be (PostgreSQL, `target_session_attrs`); `None`: whatever it is.
    pub session_attributes: Option<SessionAttributes>,
    /// The stored password, when another one is tried in its place: not used, and not to be shown
    /// when the server, which knows it, repeats it.
    pub unused_password: Option<Password>,
}

/// Whether a login is tied to the certificate that the client saw, so that nobody in between can
/// pass it on, in the words of libpq (`channel_binding`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never: for servers behind something that ends TLS and begins another.
    Disable,
    /// Where server and certificate can.
    #[default]
    Prefer,
    /// No other login will do.
    Require,
}

impl ConnectSpec {
    /// What must not be shown, wherever it turns up.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        let used = self.credentials.as_ref().and_then(|login| login.password.as_ref());
        used.into_iter().chain(&self.unused_password).map(Password::expose).collect()
    }
}

/// What a server of PostgreSQL must be, in the words of libpq (`target_session_attrs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAttributes {
    /// It takes writes, unless a transaction says otherwise.
    ReadWrite,
    /// It takes none, unless a transaction says otherwise.
    ReadOnly,
    /// It is no standby.
    Primary,
    /// It is a standby.
    Standby,
}

/// A secret as it is stored: opaque, bound to its record and field by the cipher.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue(Vec<u8>);

impl SealedValue {
    /// Wraps what the cipher made.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedValue({} bytes)", self.0.len())
    }
}

/// A stored connection: as [`ConnectionTarget`], with the secret sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members are those of `ConnectionParts`")]
pub enum SealedConnection {
    /// By parts; only the password is sealed.
    Parts {
        host: Host,
        port: Port,
        username: Username,
        password: SealedValue,
        database: Option<DatabaseName>,
        tls: TlsMode,
    },
    /// By connection string; all of it is sealed, and the mask was computed when it was.
    Uri { sealed: SealedValue, mask: String },
}
