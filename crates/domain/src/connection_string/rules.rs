//! What each system's strings may say outside of their parameters, and what they mean.

use super::WrittenHost;
use super::error::{ConnectionStringError as Error, Part};
use super::grammar::{cut, decode};
use super::parameters::{Meaning, Parameter, deciding, is_mask};
use crate::{
    ChannelBinding, Credentials, DatabaseName, Host, Password, Port, Secret, SessionAttributes,
    System, TextError, TlsMode, Username, ViolationCode,
};

/// A scheme and what it alone decides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) name: &'static str,
    /// How much of TLS, unless a parameter says otherwise.
    tls: TlsMode,
    /// Whether the host is a name whose SRV records name the servers.
    pub(super) is_srv: bool,
}

const fn plain(name: &'static str, tls: TlsMode) -> Scheme {
    Scheme { name, tls, is_srv: false }
}

static POSTGRES: [Scheme; 2] =
    [plain("postgresql", TlsMode::Prefer), plain("postgres", TlsMode::Prefer)];
static MYSQL: [Scheme; 2] = [plain("mysql", TlsMode::Prefer), plain("mariadb", TlsMode::Prefer)];
/// By MongoDB's "Initial DNS Seedlist Discovery", SRV implies TLS.
static MONGODB: [Scheme; 2] = [
    plain("mongodb", TlsMode::Disable),
    Scheme { name: "mongodb+srv", tls: TlsMode::VerifyFull, is_srv: true },
];
static REDIS: [Scheme; 2] =
    [plain("redis", TlsMode::Disable), plain("rediss", TlsMode::VerifyFull)];
/// `+ssc` accepts self-signed certificates: encrypted, but anyone may answer.
static NEO4J: [Scheme; 6] = [
    plain("neo4j", TlsMode::Disable),
    plain("neo4j+s", TlsMode::VerifyFull),
    plain("neo4j+ssc", TlsMode::Require),
    plain("bolt", TlsMode::Disable),
    plain("bolt+s", TlsMode::VerifyFull),
    plain("bolt+ssc", TlsMode::Require),
];
static CASSANDRA: [Scheme; 1] = [plain("cassandra", TlsMode::Prefer)];

fn schemes(system: System) -> &'static [Scheme] {
    match system {
        System::Postgres => &POSTGRES,
        System::Mysql => &MYSQL,
        System::Mongodb => &MONGODB,
        System::Redis => &REDIS,
        System::Neo4j => &NEO4J,
        System::Cassandra => &CASSANDRA,
    }
}

/// The error that names the schemes of `system`.
pub(super) fn not_a_scheme(system: System) -> Error {
    expected(schemes(system).iter())
}

/// The error that names the schemes of all systems.
pub(super) fn no_scheme() -> Error {
    expected(System::ALL.into_iter().flat_map(schemes))
}

fn expected(schemes: impl Iterator<Item = &'static Scheme>) -> Error {
    let names: Vec<_> = schemes.map(|scheme| format!("{}://", scheme.name)).collect();
    Error::Scheme { allowed: names.join(" or ") }
}

/// The scheme by that name; letter case does not matter (RFC 3986, section 3.1).
pub(super) fn scheme(written: &str, system: System) -> Result<&'static Scheme, Error> {
    schemes(system)
        .iter()
        .find(|scheme| scheme.name.eq_ignore_ascii_case(written))
        .ok_or_else(|| not_a_scheme(system))
}

fn in_part(part: Part) -> impl Fn(TextError) -> Error {
    move |source| Error::Value { part, source }
}

/// Reads `user:password`.
///
/// A user name without a password is fine where servers let such users in (PostgreSQL `trust`,
/// MySQL accounts with an empty password). Redis without a user name means its `default`.
pub(super) fn login(raw: Option<&str>, system: System) -> Result<Option<Credentials>, Error> {
    let Some(raw) = raw else { return Ok(None) };
    let (user, password) = cut(raw, ":");
    let password = password.filter(|p| !p.is_empty());
    // MongoDB's "Connection String" specification refuses a second colon, as its drivers do.
    if system == System::Mongodb && password.is_some_and(|p| p.contains(':')) {
        return Err(Error::Unescaped { part: Part::Password, character: ':' });
    }
    let username = match user {
        // Without a password either, the match below refuses it.
        "" if system == System::Redis => None,
        "" => return Err(Error::UserMissing),
        user => {
            let user = decode(user, Part::UserName)?;
            Some(Username::try_from(user.as_str()).map_err(in_part(Part::UserName))?)
        }
    };
    let password = password.map(read_password).transpose()?;
    match (&password, system) {
        (Some(_), _) | (None, System::Postgres | System::Mysql) => {}
        (None, System::Redis) => return Err(Error::RedisLogin),
        (None, System::Mongodb | System::Neo4j | System::Cassandra) => {
            return Err(Error::PasswordMissing);
        }
    }
    Ok(Some(Credentials { username, password }))
}

fn read_password(raw: &str) -> Result<Password, Error> {
    let mut decoded = decode(raw, Part::Password)?;
    if is_mask(&decoded) {
        return Err(Error::Masked { part: Part::Password });
    }
    let secret = Secret::new(std::mem::take(&mut *decoded));
    Password::try_from(secret).map_err(in_part(Part::Password))
}

/// Reads `host:port,…`: one host, but for MongoDB, whose sets have several.
pub(super) fn hosts(raw: &str, system: System, scheme: &Scheme) -> Result<Vec<WrittenHost>, Error> {
    let max = match system {
        System::Mongodb if scheme.is_srv => 1,
        System::Mongodb => 8,
        System::Postgres | System::Mysql | System::Redis | System::Neo4j | System::Cassandra => 1,
    };
    if raw.split(',').count() > max {
        return Err(Error::TooManyHosts { max });
    }
    let hosts = raw.split(',').map(host).collect::<Result<Vec<_>, _>>()?;
    let is_plain_name = |h: &WrittenHost| h.port.is_none() && h.host.as_ip().is_none();
    if scheme.is_srv && !hosts.iter().all(is_plain_name) {
        return Err(Error::SrvHost);
    }
    Ok(hosts)
}

fn host(raw: &str) -> Result<WrittenHost, Error> {
    let lower = raw.to_ascii_lowercase();
    if lower.contains("%2f") || lower.starts_with("%40") {
        return Err(Error::UnixSocket);
    }
    let (host, port) = match raw.strip_prefix('[') {
        Some(rest) => bracketed(rest)?,
        None if raw.matches(':').count() > 1 => return Err(Error::Brackets),
        None => {
            let (name, port) = cut(raw, ":");
            if name.is_empty() {
                return Err(Error::HostMissing);
            }
            (name.to_owned(), port)
        }
    };
    let host = Host::try_from(host.as_str()).map_err(in_part(Part::Host))?;
    Ok(WrittenHost { host, port: port.map(read_port).transpose()? })
}

/// An IPv6 address behind its opening bracket, and the port. The only escape that a host may hold
/// is the `%25` before a zone (RFC 6874).
fn bracketed(rest: &str) -> Result<(String, Option<&str>), Error> {
    let (inside, behind) = rest.split_once(']').ok_or(Error::Brackets)?;
    let port = match behind {
        "" => None,
        behind => Some(behind.strip_prefix(':').ok_or(Error::Port)?),
    };
    let (address, zone) = match inside.split_once("%25") {
        Some((address, zone)) => (address, format!("%{zone}")),
        None => (inside, String::new()),
    };
    if address.contains('%') || zone.matches('%').count() > 1 {
        return Err(Error::Escape { part: Part::Host });
    }
    Ok((format!("[{address}{zone}]"), port))
}

fn read_port(raw: &str) -> Result<Port, Error> {
    let is_short_number = (1..=5).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_digit());
    let number = if is_short_number { raw.parse::<u16>().ok() } else { None };
    number.and_then(|n| Port::try_from(n).ok()).ok_or(Error::Port)
}

/// Reads the path: one segment, nothing in it that some reader would take for a parameter.
pub(super) fn database(path: Option<&str>, system: System) -> Result<Option<DatabaseName>, Error> {
    let Some(path) = path.filter(|p| !p.is_empty()) else {
        return Ok(None);
    };
    let part = Part::Database;
    if path.contains('/') {
        return Err(Error::Unescaped { part, character: '/' });
    }
    let name = decode(path, part)?;
    // Refused even when escaped: no real name needs them, and the name is pasted elsewhere.
    if name.contains(['?', '#', ';', '&']) {
        return Err(Error::Value { part, source: database_characters("'?', '#', ';' and '&'") });
    }
    // From MongoDB's manual, "Naming Restrictions".
    if system == System::Mongodb && name.contains(['/', '\\', '.', '"', '$', ' ']) {
        let source = database_characters("'/', '\\', '.', '\"', '$' and spaces");
        return Err(Error::Value { part, source });
    }
    DatabaseName::new(&name, system).map(Some).map_err(in_part(part))
}

fn database_characters(which: &str) -> TextError {
    TextError {
        code: ViolationCode::InvalidCharacter,
        detail: format!("Must not contain {which}."),
    }
}

/// How much of TLS the string asks for.
pub(super) fn tls(scheme: &Scheme, parameters: &[Parameter]) -> Result<TlsMode, Error> {
    let mut deciding = parameters.iter().filter(|p| p.rule.meaning == Meaning::Tls);
    let Some(first) = deciding.next() else {
        return Ok(scheme.tls);
    };
    let mode = tls_mode(first.value());
    match deciding.find(|other| tls_mode(other.value()) != mode) {
        None => Ok(mode),
        Some(other) => Err(Error::Contradiction {
            name: other.rule.name,
            reason: "contradicts another parameter about TLS",
        }),
    }
}

/// Whether the login proves the encrypted channel; where it must, there has to be one.
pub(super) fn channel_binding(
    tls: TlsMode,
    parameters: &[Parameter],
) -> Result<ChannelBinding, Error> {
    let Some(binding) = deciding(parameters, Meaning::ChannelBinding) else {
        return Ok(ChannelBinding::default());
    };
    match binding.value() {
        "require" if tls == TlsMode::Disable => {
            let reason = "cannot be required with sslmode=disable";
            Err(Error::Contradiction { name: binding.rule.name, reason })
        }
        "require" => Ok(ChannelBinding::Require),
        "disable" => Ok(ChannelBinding::Disable),
        _ => Ok(ChannelBinding::Prefer),
    }
}

/// What the server must be. `any` demands nothing, nor does `prefer-standby` of the one server that
/// a string names.
pub(super) fn session_attributes(parameters: &[Parameter]) -> Option<SessionAttributes> {
    match deciding(parameters, Meaning::SessionAttributes)?.value().to_ascii_lowercase().as_str() {
        "read-write" => Some(SessionAttributes::ReadWrite),
        "read-only" => Some(SessionAttributes::ReadOnly),
        "primary" => Some(SessionAttributes::Primary),
        "standby" => Some(SessionAttributes::Standby),
        _ => None,
    }
}

/// The words of all allow-lists about TLS. A word that asks for less than a checked certificate is
/// listed; every other one is met by checking everything, `verify-ca` included.
fn tls_mode(word: &str) -> TlsMode {
    match word.to_ascii_lowercase().as_str() {
        "disable" | "disabled" | "false" => TlsMode::Disable,
        "prefer" | "preferred" => TlsMode::Prefer,
        "require" | "required" => TlsMode::Require,
        _ => TlsMode::VerifyFull,
    }
}

/// One server cannot be meant when several are named ("URI Options" specification of MongoDB).
pub(super) fn check_topology(
    scheme: &Scheme,
    hosts: &[WrittenHost],
    parameters: &[Parameter],
) -> Result<(), Error> {
    match deciding(parameters, Meaning::DirectConnection) {
        Some(direct) if direct.value() == "true" && (scheme.is_srv || hosts.len() > 1) => {
            Err(Error::Contradiction {
                name: direct.rule.name,
                reason: "must not be true with several hosts or mongodb+srv",
            })
        }
        Some(_) | None => Ok(()),
    }
}

/// What [`authentication`] needs to know of the rest of the string.
pub(super) struct Login<'a> {
    pub(super) scheme: &'a Scheme,
    pub(super) system: System,
    /// Whether there is one.
    pub(super) given: bool,
    pub(super) database: Option<&'a DatabaseName>,
    pub(super) tls: TlsMode,
}

/// MongoDB: the database that knows the user, and the mechanism.
///
/// Without `authSource` it is the database of the path; without that, `$external` for PLAIN and
/// `admin` (as `None`) otherwise. After `mongodb+srv` the TXT record comes before the path, so the
/// choice is left to whoever reads that record, and is `None` here.
pub(super) fn authentication(
    parameters: &[Parameter],
    login: &Login<'_>,
) -> Result<(Option<DatabaseName>, Option<String>), Error> {
    match login.system {
        System::Mongodb => {}
        System::Postgres | System::Mysql | System::Redis | System::Neo4j | System::Cassandra => {
            return Ok((None, None));
        }
    }
    let mechanism = deciding(parameters, Meaning::AuthMechanism);
    if let Some(mechanism) = mechanism {
        let name = mechanism.rule.name;
        if !login.given {
            return Err(Error::Contradiction { name, reason: "needs a user name and a password" });
        }
        // PLAIN sends the password as it is.
        if mechanism.value() == "PLAIN" && login.tls < TlsMode::Require {
            return Err(Error::Contradiction { name, reason: "may be PLAIN only with tls=true" });
        }
    }
    let is_plain = mechanism.is_some_and(|m| m.value() == "PLAIN");
    let source = match deciding(parameters, Meaning::AuthSource) {
        Some(source) => Some(database_name(source.value(), source.rule.name)?),
        None if !login.given || login.scheme.is_srv => None,
        None => match login.database {
            Some(database) => Some(database.clone()),
            None if is_plain => Some(database_name("$external", "authSource")?),
            None => None,
        },
    };
    Ok((source, mechanism.map(|m| m.value().to_owned())))
}

pub(super) fn database_name(text: &str, parameter: &'static str) -> Result<DatabaseName, Error> {
    DatabaseName::new(text, System::Mongodb).map_err(in_part(Part::Parameter(parameter)))
}
