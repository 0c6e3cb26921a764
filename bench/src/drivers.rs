//! The official drivers, each for one connection.

mod bolt;
mod cassandra;
mod mongo;
mod mysql;
mod postgres;
mod redis;

use crate::Failure;
use async_trait::async_trait;
use datastore_domain::ConnectSpec;
use std::fmt;

/// A driver.
#[derive(Clone, Copy)]
pub(crate) enum Driver {
    TokioPostgres,
    MysqlAsync,
    Mongodb,
    Redis,
    Neo4rs,
    Scylla,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokioPostgres => "tokio-postgres",
            Self::MysqlAsync => "mysql_async",
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
            Self::Neo4rs => "neo4rs",
            Self::Scylla => "scylla",
        })
    }
}

/// A connection that is logged in.
#[async_trait]
pub(crate) trait Open: Send {
    /// Asks what a fresh test asks.
    async fn ask_all(&mut self) -> Result<(), Failure>;

    /// Asks the smallest query: one round trip.
    async fn ask(&mut self) -> Result<(), Failure>;

    async fn close(self: Box<Self>) -> Result<(), Failure>;
}

/// Connects and logs in.
pub(crate) async fn open(driver: Driver, spec: &ConnectSpec) -> Result<Box<dyn Open>, Failure> {
    let place = Place::of(spec);
    Ok(match driver {
        Driver::TokioPostgres => Box::new(postgres::open(&place).await?),
        Driver::MysqlAsync => Box::new(mysql::open(&place).await?),
        Driver::Mongodb => Box::new(mongo::open(&place).await?),
        Driver::Redis => Box::new(redis::open(&place).await?),
        Driver::Neo4rs => Box::new(bolt::open(&place).await?),
        Driver::Scylla => Box::new(cassandra::open(&place).await?),
    })
}

/// Where, and as whom.
struct Place<'a> {
    host: &'a str,
    port: u16,
    user: &'a str,
    password: &'a str,
    database: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(spec: &'a ConnectSpec) -> Self {
        let endpoint = &spec.endpoints[0];
        let login = spec.credentials.as_ref();
        let user = login.and_then(|login| login.username.as_ref());
        let password = login.and_then(|login| login.password.as_ref());
        Self {
            host: endpoint.host.as_str(),
            port: endpoint.port.expect("a port").get(),
            user: user.map_or("default", |user| user.as_str()),
            password: password.map_or("", |password| password.expose()),
            database: spec.database.as_ref().map(|name| name.as_str()),
        }
    }
}
