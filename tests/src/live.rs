//! The real servers of `scripts/databases`, named by the environment.

use datastore_testkit::live;
use percent_encoding::percent_decode_str;

/// The real PostgreSQL.
#[derive(Clone, Debug)]
pub struct LivePostgres {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Password, plain.
    pub password: String,
    /// Database.
    pub database: String,
    /// All of it, as a connection string.
    pub url: String,
}

/// The PostgreSQL of `TEST_POSTGRES_URL`.
///
/// # Panics
///
/// When the variable is not set: a test that needs the server fails, it is never skipped.
#[must_use]
pub fn live_postgres() -> LivePostgres {
    let url = live("TEST_POSTGRES_URL");
    parse(&url).expect("TEST_POSTGRES_URL is postgres://USER:PASSWORD@HOST:PORT/DATABASE")
}

fn parse(url: &str) -> Option<LivePostgres> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|t| t.into_owned());
    let (login, place) = url.strip_prefix("postgres://")?.split_once('@')?;
    let (username, password) = login.split_once(':')?;
    let (host, database) = place.split_once('/')?;
    let (host, port) = host.rsplit_once(':')?;
    Some(LivePostgres {
        host: host.to_owned(),
        port: port.parse().ok()?,
        username: decode(username)?,
        password: decode(password)?,
        database: decode(database)?,
        url: url.to_owned(),
    })
}
