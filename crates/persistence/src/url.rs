//! Where the registry's own database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio_postgres::config::{Config, Host, SslMode};

/// How connections to PostgreSQL are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Never.
    Disable,
    /// If the server can; with whoever answers.
    Prefer,
    /// Always; with whoever answers, unless an authority is named.
    Require,
    /// Always, and the certificate must be trusted and for this host.
    VerifyFull,
}

/// Address of the registry's database: `sqlite://PATH` or `postgres://…`.
///
/// `Display` and `Debug` show neither password nor parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<PostgresUrl>),
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    /// As it was written, masked.
    masked: String,
}

/// Why a text is no address of a database. Never quotes the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither of the two schemes.
    #[error("must begin with sqlite:// or postgres://")]
    UnknownScheme,
    /// `sqlite://` without a file, or with a database in memory.
    #[error("must name a file after sqlite://")]
    NoFile,
    /// A parameter of SQLite's, or a file with a name that looks like one.
    #[error("takes no parameters after sqlite://PATH; leave out what begins with `?`")]
    SqliteParameter,
    /// Not a URL that PostgreSQL's clients would take.
    #[error(
        "is not a valid PostgreSQL URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE; special \
         characters of the password percent-encoded)"
    )]
    Malformed,
    /// A parameter that PostgreSQL's clients do not know, or with a value that it cannot have.
    #[error(
        "has a parameter `{0}` that is not known, or whose value is not valid; see the parameters \
         of a connection in PostgreSQL's manual"
    )]
    Parameter(String),
    /// Which of the two counts is anybody's guess.
    #[error("must name sslmode once")]
    TwoModes,
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
            Kind::Postgres(_) => None,
        }
    }

    /// As it was written, with `***` for the password and for the values of parameters.
    #[must_use]
    pub fn masked(&self) -> String {
        match &self.0 {
            Kind::Sqlite(_) => self.to_string(),
            Kind::Postgres(url) => url.masked.clone(),
        }
    }
}

/// Masks an address of PostgreSQL. What stands before the first `@` is user and password, as it is
/// to those who connect by it.
fn mask(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (credentials, rest) =
        rest.split_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let credentials = credentials.map(|login| match login.split_once(':') {
        Some((user, _)) => format!("{user}:***@"),
        None => format!("{login}@"),
    });
    let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut masked = format!("{scheme}://{}{address}", credentials.unwrap_or_default());
    for (at, parameter) in parameters.split('&').filter(|text| !text.is_empty()).enumerate() {
        let name = parameter.split('=').next().unwrap_or_default();
        masked.push(if at == 0 { '?' } else { '&' });
        masked.push_str(&format!("{name}=***"));
    }
    masked
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            if path.is_empty() || path.starts_with(":memory:") || path.ends_with('/') {
                return Err(DatabaseUrlError::NoFile);
            }
            if path.contains('?') {
                return Err(DatabaseUrlError::SqliteParameter);
            }
            return Ok(Self::sqlite(path));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::UnknownScheme);
        }
        let masked = mask(text);
        let (text, checked) = without_verification(text)?;
        let config = text.parse::<Config>();
        let config = config.map_err(|_| match wrong_parameter(&text) {
            Some(name) => DatabaseUrlError::Parameter(name.to_owned()),
            None => DatabaseUrlError::Malformed,
        })?;
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::Malformed);
        }
        let tls = match config.get_ssl_mode() {
            _ if checked => TlsMode::VerifyFull,
            SslMode::Disable => TlsMode::Disable,
            SslMode::Require => TlsMode::Require,
            _ => TlsMode::Prefer,
        };
        Ok(Self(Kind::Postgres(Box::new(PostgresUrl { config, tls, masked }))))
    }
}

/// Name of the first parameter that is refused by itself.
fn wrong_parameter(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('@').unwrap_or(("", text));
    let (_, parameters) = rest.split_once('?')?;
    // What was meant as a part of the password may stand here, before the `@` that ends it.
    if parameters.contains('@') {
        return None;
    }
    let is_wrong =
        |parameter: &&str| format!("postgres://h/d?{parameter}").parse::<Config>().is_err();
    let wrong = parameters.split('&').find(is_wrong)?;
    wrong.split('=').next()
}

/// tokio-postgres knows `disable`, `prefer` and `require`; libpq also knows `verify-ca` and
/// `verify-full`, which become `require` here, and are told apart. Only parameters are looked at: a
/// password may look like one.
fn without_verification(text: &str) -> Result<(String, bool), DatabaseUrlError> {
    let credentials_end = text.find('@').unwrap_or(0);
    let Some(question_mark) = text[credentials_end..].find('?') else {
        return Ok((text.to_owned(), false));
    };
    let (address, parameters) = text.split_at(credentials_end + question_mark + 1);
    // Names may be percent-encoded, and nobody who is honest does that.
    if parameters
        .split('&')
        .any(|parameter| parameter.split('=').next().unwrap_or_default().contains('%'))
    {
        return Err(DatabaseUrlError::Malformed);
    }
    if parameters.split('&').filter(|parameter| parameter.starts_with("sslmode=")).count() > 1 {
        return Err(DatabaseUrlError::TwoModes);
    }
    let mut checked = false;
    let parameters: Vec<_> = parameters
        .split('&')
        .map(|parameter| match parameter {
            "sslmode=verify-ca" | "sslmode=verify-full" => {
                checked = true;
                "sslmode=require"
            }
            other => other,
        })
        .collect();
    Ok((format!("{address}{}", parameters.join("&")), checked))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Kind::Postgres(url) => {
                let config = &url.config;
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
    use DatabaseUrlError::{
        Malformed, NoFile, Parameter, SqliteParameter, TwoModes, UnknownScheme,
    };

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
    fn the_mask_keeps_the_names_of_parameters() {
        let masked = |text: &str| text.parse::<DatabaseUrl>().map(|url| url.masked());
        for (text, expected) in [
            ("sqlite://data/x.db", "sqlite://data/x.db"),
            ("postgres://h/d", "postgres://h/d"),
            ("postgres://u@h:5433/d", "postgres://u@h:5433/d"),
            ("postgres://u:p?x%40y:z@h,i:1/d", "postgres://u:***@h,i:1/d"),
            (
                "postgresql://u:secret@h/d?sslmode=verify-full&password=secret&connect_timeout=3",
                "postgresql://u:***@h/d?sslmode=***&password=***&connect_timeout=***",
            ),
        ] {
            assert_eq!(masked(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        let refused = |text: &str| text.parse::<DatabaseUrl>().map(|_| ());
        let two = "postgres://u:secret@h/d?sslmode=verify-full&sslmode=disable";
        assert_eq!(refused(two), Err(TwoModes));
        let hidden = "postgres://u:secret@h/d?sslmode=verify-full&sslmod%65=disable";
        assert_eq!(refused(hidden), Err(Malformed));
        for text in ["", "x.db", "mysql://root:secret@h/d", "SQLITE://x"] {
            assert_eq!(refused(text), Err(UnknownScheme), "{text}");
        }
        for text in ["sqlite://", "sqlite://:memory:", "sqlite://data/"] {
            assert_eq!(refused(text), Err(NoFile), "{text}");
        }
        assert_eq!(refused("sqlite://x.db?mode=ro"), Err(SqliteParameter));
        let hiding = "postgres://u:p@ss?word=1@h/d";
        for text in ["postgres://", "postgres:///d", "postgres://u:s@h:99999/d", hiding] {
            assert_eq!(refused(text), Err(Malformed), "{text}");
        }
        for (text, name) in [
            ("postgres://u:secret@h/d?x=1", "x"),
            ("postgres://h/d?connect_timeout=3&sslmod=require", "sslmod"),
            ("postgres://u:secret@h/d?sslmode=secret", "sslmode"),
            ("postgres://u:secret@h/d?connect_timeout=secret", "connect_timeout"),
        ] {
            let error = refused(text).expect_err(text);
            assert_eq!(error, Parameter(name.to_owned()));
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn encryption_is_read_from_the_parameters_alone() {
        let mode = |rest: &str| match format!("postgres://u:sslmode=verify-full@h/d{rest}").parse()
        {
            Ok(DatabaseUrl(Kind::Postgres(url))) => url.tls,
            other => panic!("{rest}: {other:?}"),
        };
        assert_eq!(mode(""), TlsMode::Prefer);
        assert_eq!(mode("?sslmode=disable"), TlsMode::Disable);
        assert_eq!(mode("?sslmode=prefer"), TlsMode::Prefer);
        assert_eq!(mode("?connect_timeout=3&sslmode=require"), TlsMode::Require);
        assert_eq!(mode("?sslmode=verify-ca"), TlsMode::VerifyFull);
        assert_eq!(mode("?sslmode=verify-full&application_name=a"), TlsMode::VerifyFull);
    }
}
