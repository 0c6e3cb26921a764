//! Where the registry's own database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio_postgres::config::{Config, Host, SslMode};

/// Address of the registry's database: `sqlite://PATH` or `postgres://…`.
///
/// `Display` and `Debug` show neither password nor parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres { url: String, config: Box<Config> },
}

/// Why a text is no address of a database. Never quotes the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither of the two schemes.
    #[error("must begin with sqlite:// or postgres://")]
    UnknownScheme,
    /// `sqlite://` without a file, or with a database in memory.
    #[error("must name a file after sqlite://")]
    NoFile,
    /// Not a URL that PostgreSQL's clients would take.
    #[error(
        "is not a valid PostgreSQL URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE; special \
         characters of the password percent-encoded)"
    )]
    Malformed,
    /// TLS is demanded, which this version cannot do.
    #[error(
        "asks for TLS (sslmode), which this version cannot do yet: use sslmode=disable or prefer, or a tunnel"
    )]
    TlsNotSupported,
}

impl DatabaseUrl {
    /// The SQLite database in the file `path`.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Sqlite(path.into()))
    }

    /// The file of a SQLite database; `None` for PostgreSQL.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::Postgres { .. } => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            if path.is_empty() || path.starts_with(":memory:") || path.ends_with('/') {
                return Err(DatabaseUrlError::NoFile);
            }
            return Ok(Self::sqlite(path));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::UnknownScheme);
        }
        // tokio-postgres knows `disable`, `prefer` and `require`; libpq also knows these two.
        if ["sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| text.contains(mode)) {
            return Err(DatabaseUrlError::TlsNotSupported);
        }
        let config: Config = text.parse().map_err(|_| DatabaseUrlError::Malformed)?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(DatabaseUrlError::TlsNotSupported);
        }
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::Malformed);
        }
        Ok(Self(Kind::Postgres { url: text.to_owned(), config: Box::new(config) }))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Kind::Postgres { config, .. } => {
                f.write_str("postgres://")?;
                if let Some(user) = config.get_user() {
                    write!(f, "{user}@")?;
                }
                for (at, host) in config.get_hosts().iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    match host {
                        Host::Tcp(name) => write!(f, "{comma}{name}")?,
                        #[cfg(unix)]
                        Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
                    }
                    // One port may stand for all hosts.
                    let ports = config.get_ports();
                    if let Some(port) = ports.get(at).or(ports.first()) {
                        write!(f, ":{port}")?;
                    }
                }
                write!(f, "/{}", config.get_dbname().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DatabaseUrlError::{Malformed, NoFile, TlsNotSupported, UnknownScheme};

    #[test]
    fn addresses_are_read_and_shown_without_password() {
        let shown = |text: &str| text.parse::<DatabaseUrl>().map(|url| format!("{url:?}"));
        let ok = |text: &str| Ok(format!("DatabaseUrl({text})"));
        assert_eq!(shown("sqlite://data/x.db"), ok("sqlite://data/x.db"));
        assert_eq!(shown("sqlite:///var/lib/x.db"), ok("sqlite:///var/lib/x.db"));
        assert_eq!(
            shown("postgres://app:p%40ss@db.example:5433/registry?password=hidden"),
            ok("postgres://app@db.example:5433/registry")
        );
        assert_eq!(
            shown("postgresql://app:secret@a,b:5433/registry?sslmode=prefer"),
            ok("postgres://app@a:5432,b:5433/registry")
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        let refused = |text: &str| text.parse::<DatabaseUrl>().map(|_| ());
        for text in ["", "x.db", "mysql://root:secret@h/d", "SQLITE://x"] {
            assert_eq!(refused(text), Err(UnknownScheme), "{text}");
        }
        for text in ["sqlite://", "sqlite://:memory:", "sqlite://data/"] {
            assert_eq!(refused(text), Err(NoFile), "{text}");
        }
        for text in
            ["postgres://", "postgres:///d", "postgres://u:s@h:99999/d", "postgres://u@h/d?x=1"]
        {
            assert_eq!(refused(text), Err(Malformed), "{text}");
        }
        for mode in ["require", "verify-ca", "verify-full"] {
            let text = format!("postgres://u:secret@h/d?sslmode={mode}");
            assert_eq!(refused(&text), Err(TlsNotSupported), "{mode}");
        }
    }
}
