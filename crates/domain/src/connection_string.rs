//! Connection strings: read by our own grammar into a checked structure.
//!
//! No driver and no general URL reader ever sees the text. A driver would act on options that read
//! files, run commands or switch checks off, and two readers that disagree about one text are how
//! a check on the one is passed with the meaning of the other. So the grammar is narrow: whatever
//! could be read in two ways is refused, with the escape to write instead.

mod error;
mod grammar;
mod parameters;
mod render;
mod rules;
mod seedlist;
#[cfg(test)]
mod tests;

pub use error::ConnectionStringError;
pub use seedlist::SeedlistOptions;

use crate::{
    ChannelBinding, ConnectSpec, Credentials, DatabaseName, Endpoint, Host, Port, Secret,
    SessionAttributes, System, TlsMode,
};
use parameters::{Meaning, Parameter, deciding};
use rules::Scheme;
use std::fmt;

/// Longest text that is read, in characters.
const MAX_CHARACTERS: usize = 4096;

fn check_length(text: &str) -> Result<(), ConnectionStringError> {
    match text.chars().count() {
        0 => Err(ConnectionStringError::Empty),
        n if n > MAX_CHARACTERS => Err(ConnectionStringError::TooLong),
        _ => Ok(()),
    }
}

/// A connection string that was understood as a whole, by the rules of its system.
///
/// Equal means equal as written, byte for byte; `Debug` shows the mask only.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    text: Secret,
    structure: Structure,
    mask: String,
}

/// What a text says. The text itself is never looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Structure {
    system: System,
    scheme: &'static Scheme,
    credentials: Option<Credentials>,
    hosts: Vec<WrittenHost>,
    database: Option<DatabaseName>,
    parameters: Vec<Parameter>,
    tls: TlsMode,
    auth_source: Option<DatabaseName>,
    auth_mechanism: Option<String>,
    replica_set: Option<String>,
    channel_binding: ChannelBinding,
    session_attributes: Option<SessionAttributes>,
}

/// A host with the port beside it, if one was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WrittenHost {
    host: Host,
    port: Option<Port>,
}

impl Structure {
    fn read(text: &str, system: System) -> Result<Self, ConnectionStringError> {
        check_length(text)?;
        Self::read_unlimited(text, system)
    }

    fn read_unlimited(text: &str, system: System) -> Result<Self, ConnectionStringError> {
        let pieces = grammar::split(text, system)?;
        let scheme = pieces.scheme;
        let credentials = rules::login(pieces.login, system)?;
        let hosts = rules::hosts(pieces.hosts, system, scheme)?;
        let database = rules::database(pieces.path, system)?;
        let parameters = parameters::read(pieces.query, system)?;
        let tls = rules::tls(scheme, &parameters)?;
        rules::check_topology(scheme, &hosts, &parameters)?;
        let replica_set = deciding(&parameters, Meaning::ReplicaSet).map(|p| p.value().to_owned());
        let channel_binding = rules::channel_binding(tls, &parameters)?;
        let session_attributes = rules::session_attributes(&parameters);
        let (auth_source, auth_mechanism) = rules::authentication(
            &parameters,
            &rules::Login {
                scheme,
                system,
                given: credentials.is_some(),
                database: database.as_ref(),
                tls,
            },
        )?;
        Ok(Self {
            system,
            scheme,
            credentials,
            hosts,
            database,
            parameters,
            tls,
            auth_source,
            auth_mechanism,
            replica_set,
            channel_binding,
            session_attributes,
        })
    }
}

impl ConnectionString {
    /// Reads `text` by the rules of `system`: at most 4,096 characters, a scheme of that system, a
    /// host, and only parameters on that system's allow-list.
    ///
    /// # Errors
    ///
    /// [`ConnectionStringError`] names the part at fault and what is allowed there, and never
    /// quotes a value. A text in which a mask stands for a secret is
    /// [`ConnectionStringError::Masked`].
    pub fn parse(text: Secret, system: System) -> Result<Self, ConnectionStringError> {
        let structure = Structure::read(text.expose(), system)?;
        let mask = render::mask(&structure);
        Ok(Self { text, structure, mask })
    }

    /// As [`Self::parse`], by the rules of the system that the scheme belongs to.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`]; a scheme of no system is [`ConnectionStringError::Scheme`].
    pub fn parse_by_scheme(text: Secret) -> Result<Self, ConnectionStringError> {
        check_length(text.expose())?;
        let (written, _) = grammar::cut(text.expose(), "://");
        let known = |system: &System| rules::scheme(written, *system).is_ok();
        let system = System::ALL.into_iter().find(known).ok_or_else(rules::no_scheme)?;
        Self::parse(text, system)
    }

    /// The rule that holds without knowing the system.
    pub(crate) fn check_length(text: &Secret) -> Result<(), ConnectionStringError> {
        check_length(text.expose())
    }

    /// Whether `text` is what [`Self::mask`] makes rather than a string to store: it reads well up
    /// to a `***` where a password or a parameter value belongs.
    #[must_use]
    pub fn is_masked_form(text: &str, system: System) -> bool {
        matches!(Structure::read(text, system), Err(ConnectionStringError::Masked { .. }))
    }

    /// What readers see: scheme, user name, hosts, ports and database; the password and every
    /// parameter value as `***`. It is the same for every password and every value.
    #[must_use]
    pub fn mask(&self) -> &str {
        &self.mask
    }

    /// The plain text, as written, for sealing only.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The same connection written in the one way that this module prints: names in the spelling
    /// of the allow-list, everything but unreserved characters escaped. Reads back to the same
    /// structure, unless the escapes carry it over the limit of 4,096 characters.
    #[must_use]
    pub fn canonical(&self) -> Secret {
        render::plain(&self.structure, self.text.expose().len())
    }

    /// The system whose rules the text was read by.
    #[must_use]
    pub fn system(&self) -> System {
        self.structure.system
    }

    /// What a connection test needs to know: typed values, no text that a driver would interpret.
    #[must_use]
    pub fn connect_spec(&self) -> ConnectSpec {
        let structure = &self.structure;
        ConnectSpec {
            system: structure.system,
            endpoints: structure.hosts.iter().map(|h| self.endpoint(h)).collect(),
            discover_by_srv: structure.scheme.is_srv,
            credentials: structure.credentials.clone(),
            database: structure.database.clone(),
            tls: structure.tls,
            auth_source: structure.auth_source.clone(),
            auth_mechanism: structure.auth_mechanism.clone(),
            replica_set: structure.replica_set.clone(),
            channel_binding: structure.channel_binding,
            session_attributes: structure.session_attributes,
            unused_password: None,
        }
    }

    fn endpoint(&self, written: &WrittenHost) -> Endpoint {
        let port = match written.port {
            // The SRV records name the ports.
            None if self.structure.scheme.is_srv => None,
            None => Port::try_from(self.structure.system.default_port()).ok(),
            written => written,
        };
        Endpoint { host: written.host.clone(), port }
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnectionString").field(&self.mask).finish()
    }
}
