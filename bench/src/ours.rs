//! The servers, and the tests of this project.

use crate::Failure;
use crate::drivers::Driver;
use datastore_connectivity::{ProbeSettings, Probes};
use datastore_domain::{
    ConnectSpec, ConnectionString, RecordId, Secret, System, Timestamp, TlsMode, TokenId, Version,
};
use datastore_ports::{Clock, ConnectionTest, ConnectionTester as _, SessionKey};
use datastore_testkit::live;
use std::sync::Arc;
use std::time::Duration;

/// A server of `scripts/databases`.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) driver: Driver,
    system: System,
    /// The variable with its address.
    variable: &'static str,
}

const fn server(
    name: &'static str,
    driver: Driver,
    system: System,
    variable: &'static str,
) -> Server {
    Server { name, driver, system, variable }
}

pub(crate) static SERVERS: [Server; 7] = [
    server("PostgreSQL 15", Driver::TokioPostgres, System::Postgres, "TEST_POSTGRES_URL"),
    server("MariaDB 10.11", Driver::MysqlAsync, System::Mysql, "TEST_MARIADB_URL"),
    server("Dolt (MySQL)", Driver::MysqlAsync, System::Mysql, "TEST_MYSQL_PLAIN_URL"),
    server("FerretDB, no login", Driver::Mongodb, System::Mongodb, "TEST_MONGODB_OPEN_URL"),
    server("Redis 7.0", Driver::Redis, System::Redis, "TEST_REDIS_URL"),
    server("Neo4j 5.26", Driver::Neo4rs, System::Neo4j, "TEST_NEO4J_URL"),
    server("Cassandra 5.0", Driver::Scylla, System::Cassandra, "TEST_CASSANDRA_URL"),
];

impl Server {
    /// What is tested, in plain text.
    pub(crate) fn spec(&self) -> ConnectSpec {
        let string = ConnectionString::parse(Secret::new(live(self.variable)), self.system);
        let spec = string.expect("a valid string").connect_spec();
        ConnectSpec { tls: TlsMode::Disable, ..spec }
    }

    /// The datastore that it stands for.
    fn key(&self) -> SessionKey {
        let mut entropy = [0; 32];
        entropy.iter_mut().zip(self.variable.bytes()).for_each(|(to, from)| *to = from);
        SessionKey { record: RecordId::from_entropy(entropy), version: Version::FIRST }
    }
}

struct SomeClock;

impl Clock for SomeClock {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2025-01-15T10:30:00Z").expect("a time")
    }
}

pub(crate) struct Tester(Probes);

impl Tester {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Probes::new(ProbeSettings::default(), Arc::new(SomeClock))?))
    }

    pub(crate) async fn fresh(&self, spec: &ConnectSpec) -> Result<(), Failure> {
        self.test(spec, None, false).await
    }

    /// A fresh test that leaves its session open.
    pub(crate) async fn keep(&self, server: &Server, spec: &ConnectSpec) -> Result<(), Failure> {
        self.test(spec, Some(server.key()), false).await
    }

    /// A test of the session that is open.
    pub(crate) async fn again(&self, server: &Server, spec: &ConnectSpec) -> Result<(), Failure> {
        self.test(spec, Some(server.key()), true).await
    }

    async fn test(
        &self,
        spec: &ConnectSpec,
        reuse: Option<SessionKey>,
        reused: bool,
    ) -> Result<(), Failure> {
        let (deadline, token) = (Duration::from_secs(10), TokenId(1));
        let test = ConnectionTest { spec: spec.clone(), deadline, token, reuse };
        let report = self.0.test(test).await?;
        match report.result {
            Ok(_) if report.reused == reused => Ok(()),
            Ok(_) => Err("the session was not as it should be".into()),
            Err(failure) => Err(failure.message.into()),
        }
    }
}
