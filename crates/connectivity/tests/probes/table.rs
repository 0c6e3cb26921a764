//! What every system must answer in the same way: one table of servers and cases.
//!
//! `cargo nextest run -p datastore-connectivity table:: --no-capture` prints it.

use crate::between::Between;
use crate::hostile::trickle_of;
use crate::mysql_fake::{error, native, scripted};
use crate::reuse::{Keeper, key};
use crate::support::{
    ENOUGH, PASSWORD, closed_port, database, endpoint, login, place, saying, test, test_with,
    trusting,
};
use datastore_connectivity::ProbeSettings;
use datastore_domain::{
    ConnectSpec, ConnectionParts, ConnectionString, ConnectionTarget, Credentials, Endpoint,
    FailureCode, ProbeReport, Secret, Step, System, TlsMode,
};
use datastore_testkit::live;
use std::time::Duration;
use tokio::net::TcpListener;

/// A real server: its name, its system, and where it answers in plain text and by TLS.
struct Server {
    name: &'static str,
    system: System,
    plain: &'static str,
    tls: &'static str,
}

const fn server(
    name: &'static str,
    system: System,
    plain: &'static str,
    tls: &'static str,
) -> Server {
    Server { name, system, plain, tls }
}

const SERVERS: [Server; 7] = [
    server("PostgreSQL", System::Postgres, "TEST_POSTGRES_URL", "TEST_POSTGRES_URL"),
    // The stand-in for MySQL lets users of `caching_sha2_password` in by TLS alone.
    server("MySQL", System::Mysql, "TEST_MYSQL_PLAIN_URL", "TEST_MYSQL_URL"),
    server("MariaDB", System::Mysql, "TEST_MARIADB_URL", "TEST_MARIADB_URL"),
    server("MongoDB", System::Mongodb, "TEST_MONGODB_URL", "TEST_MONGODB_TLS_URL"),
    server("Redis", System::Redis, "TEST_REDIS_URL", "TEST_REDIS_TLS_URL"),
    server("Neo4j", System::Neo4j, "TEST_NEO4J_URL", "TEST_NEO4J_URL"),
    server("Cassandra", System::Cassandra, "TEST_CASSANDRA_URL", "TEST_CASSANDRA_URL"),
];

/// What a cell holds: the code of the result, or why there is no such case.
type Cell = Result<&'static str, &'static str>;

impl Server {
    fn spec(&self, variable: &str, tls: TlsMode) -> ConnectSpec {
        let string = ConnectionString::parse(Secret::new(live(variable)), self.system);
        ConnectSpec { tls, ..string.expect("a valid string").connect_spec() }
    }

    fn plain(&self) -> ConnectSpec {
        self.spec(self.plain, TlsMode::Disable)
    }

    /// Where its TLS is, to be verified, at another host or not.
    fn verified(&self) -> ConnectSpec {
        self.spec(self.tls, TlsMode::VerifyFull)
    }

    /// The spec of a record by parts, where it says the same as the string.
    fn by_parts(&self) -> ConnectSpec {
        let ConnectSpec { mut endpoints, database, credentials, tls, .. } = self.plain();
        let Endpoint { host, port } = endpoints.remove(0);
        let Credentials { username, password } = credentials.expect("a login");
        let (username, password) = username.zip(password).expect("a user with a password");
        let port = port.expect("a port");
        let parts = ConnectionParts { host, port, username, password, database, tls };
        ConnectionTarget::Parts(parts).connect_spec(self.system)
    }

    /// A record that leads to a fake instead.
    fn at(&self, port: u16) -> ConnectSpec {
        ConnectSpec { endpoints: vec![endpoint("127.0.0.1", port)], ..self.plain() }
    }
}

/// How the result of a test is called in the table.
fn called(report: &ProbeReport) -> &'static str {
    report.result.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "success")
}

async fn right(spec: ConnectSpec) -> Cell {
    let credentials = spec.credentials.as_ref().expect("a login");
    assert_eq!(credentials.password.as_ref().expect("a password").expose(), PASSWORD);
    Ok(called(&test(&spec, ENOUGH).await))
}

/// A test of something that answers the login as MySQL's own server would, whose number its stand-in
/// does not have.
async fn of_mysql_itself(server: &Server, number: u16) -> Cell {
    let (fake, _heard) = scripted(native(), vec![vec![error(number)]]).await;
    Ok(called(&test(&server.at(fake.address.port()), ENOUGH).await))
}

/// Of another user, or with another password.
async fn wrong(server: &Server, user: Option<&str>, password: &str) -> Cell {
    if (server.name, user) == ("MySQL", Some("nobody")) {
        return of_mysql_itself(server, 1045).await;
    }
    let stored = server.plain().credentials.and_then(|login| login.username).expect("a user");
    let credentials = login(Some(user.unwrap_or(stored.as_str())), Some(password));
    Ok(called(&test(&ConnectSpec { credentials, ..server.plain() }, ENOUGH).await))
}

async fn silent_port(server: &Server) -> Cell {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    Ok(called(&test(&server.at(port), Duration::from_millis(300)).await))
}

/// A message of the protocol, one byte at a time.
async fn trickle(server: &Server) -> Cell {
    let fake = trickle_of(server.system).await;
    let report = test(&server.at(fake.address.port()), Duration::from_millis(300)).await;
    Ok(called(&report))
}

async fn no_address(server: &Server) -> Cell {
    let endpoints = vec![endpoint("nowhere.invalid", 1)];
    Ok(called(&test(&ConnectSpec { endpoints, ..server.plain() }, ENOUGH).await))
}

/// A test of something that says `words` to whoever comes.
async fn told(server: &Server, tls: TlsMode, words: &[u8]) -> Cell {
    let (fake, _heard) = saying(words.to_vec()).await;
    let spec = ConnectSpec { tls, ..server.at(fake.address.port()) };
    Ok(called(&test(&spec, ENOUGH).await))
}

async fn other_protocol(server: &Server) -> Cell {
    told(server, TlsMode::Disable, b"HTTP/1.1 400 Bad Request\r\n\r\n").await
}

async fn missing_database(server: &Server) -> Cell {
    let name = match server.system {
        System::Mongodb => return Err("made by the first write to it"),
        System::Mysql if server.name == "MySQL" => return of_mysql_itself(server, 1049).await,
        System::Redis => "16",
        System::Postgres | System::Mysql | System::Neo4j | System::Cassandra => "missing",
    };
    let mut spec = ConnectSpec { database: database(name, server.system), ..server.plain() };
    if server.name == "MariaDB" {
        // To users without rights it looks like one that they may not open.
        spec.credentials = login(Some("admin_user"), Some(PASSWORD));
    }
    Ok(called(&test(&spec, ENOUGH).await))
}

async fn too_many_connections(server: &Server) -> Cell {
    let answer: &[u8] = match server.system {
        System::Mongodb => return Err("hangs up without a word"),
        System::Postgres => b"E\0\0\0\x20SFATAL\0VFATAL\0C53300\0Mfull\0\0",
        System::Mysql => b"\x0d\0\0\0\xff\x10\x04#08004full",
        System::Redis => b"-ERR max number of clients reached\r\n",
        System::Neo4j => {
            b"\0\0\x08\x05\0\x37\xb1\x7f\xa1\x84code\xd0\x2dNeo.TransientError.Request.NoThreadsAvailable\0\0"
        }
        System::Cassandra => b"\x84\0\0\0\0\0\0\0\x0a\0\0\x10\x01\0\x04full",
    };
    told(server, TlsMode::Disable, answer).await
}

/// TLS is required, and the server has none.
async fn no_tls(server: &Server) -> Cell {
    match server.system {
        // Servers of the family that offer none in their greeting.
        System::Mysql if server.name == "MariaDB" => {
            let greeting = native();
            let length = u8::try_from(greeting.len()).expect("short");
            told(server, TlsMode::Require, &[&[length, 0, 0, 0], &greeting[..]].concat()).await
        }
        System::Mysql => {
            let spec = server.spec("TEST_MYSQL_PLAIN_URL", TlsMode::Require);
            Ok(called(&test(&spec, ENOUGH).await))
        }
        System::Postgres => told(server, TlsMode::Require, b"N").await,
        System::Mongodb | System::Redis | System::Neo4j | System::Cassandra => {
            told(server, TlsMode::Require, b"no TLS here").await
        }
    }
}

async fn unknown_authority(server: &Server) -> Cell {
    Ok(called(&test_with(ProbeSettings::default(), &server.verified(), ENOUGH).await))
}

/// The certificate is for localhost and 127.0.0.1.
async fn wrong_name(server: &Server) -> Cell {
    let (_, port, _) = place(&live(server.tls));
    let between = Between::start("127.0.0.2:0", port, usize::MAX).await;
    let endpoints = vec![endpoint("127.0.0.2", between.port)];
    let spec = ConnectSpec { endpoints, ..server.verified() };
    let report = test_with(trusting("TEST_CA_FILE"), &spec, ENOUGH).await;
    if let Err(failure) = &report.result {
        assert!(failure.message.contains("another host name"), "{}", failure.message);
    }
    Ok(called(&report))
}

/// Hangs up after so many bytes of the server's, wherever in the conversation that is; in plain
/// text, and where it negotiates TLS.
async fn hung_up(server: &Server) -> Cell {
    let (_, port, _) = place(&live(server.plain));
    let whole = Between::start("127.0.0.1:0", port, usize::MAX).await;
    let report = test(&server.at(whole.port), ENOUGH).await;
    assert_eq!(called(&report), "success", "through a proxy: {:?}", report.result);
    // The last bytes of Redis are its goodbye.
    let sent =
        whole.sent().await - if server.system == System::Redis { b"+OK\r\n".len() } else { 0 };
    let mut steps = Vec::new();
    for length in (0..sent).step_by((sent / 40).max(1)).chain([sent - 1]) {
        let between = Between::start("127.0.0.1:0", port, length).await;
        let report = test(&server.at(between.port), ENOUGH).await;
        if called(&report) != "server_closed" {
            return Ok(called(&report));
        }
        steps.push(report.result.expect_err("closed").step);
    }
    steps.dedup();
    assert_eq!(steps, [Step::Authenticate, Step::Query], "{}", server.name);
    Ok("server_closed")
}

/// A kept session that the server's restart has ended; what is between them does the same.
async fn restarted(server: &Server) -> Cell {
    let (_, port, _) = place(&live(server.plain));
    let between = Between::start("127.0.0.1:0", port, usize::MAX).await;
    let (spec, keeper) = (server.at(between.port), Keeper::default());
    for (reused, connections) in [(false, 1), (true, 1), (true, 1)] {
        let report = keeper.test(&spec, key(1)).await;
        assert_eq!((called(&report), report.reused), ("success", reused), "{:?}", report.result);
        assert_eq!(between.connections(), connections);
    }
    between.cut().await;
    let report = keeper.test(&spec, key(1)).await;
    assert_eq!((report.reused, between.connections()), (false, 2));
    Ok(called(&report))
}

/// One row: the case, the code that all servers must answer with, and the cells.
struct Row {
    case: &'static str,
    expected: &'static str,
    cells: Vec<Cell>,
}

/// Runs a case on every server.
macro_rules! row {
    ($case:literal, $expected:expr, |$server:ident| $cell:expr) => {{
        let mut cells = Vec::new();
        for $server in &SERVERS {
            cells.push($cell.await);
        }
        Row { case: $case, expected: $expected, cells }
    }};
}

async fn rows() -> Vec<Row> {
    let rejected = FailureCode::AuthenticationFailed.as_str();
    let tls = FailureCode::TlsFailed.as_str();
    vec![
        row!("right login by parts", "success", |server| right(server.by_parts())),
        row!("right login by string", "success", |server| right(server.plain())),
        row!("nasty password, over TLS", "success", |server| async {
            Ok(called(&test_with(trusting("TEST_CA_FILE"), &server.verified(), ENOUGH).await))
        }),
        row!("wrong password", rejected, |server| wrong(server, None, "wrong")),
        row!("unknown user", rejected, |server| wrong(server, Some("nobody"), PASSWORD)),
        row!("closed port", "connection_refused", |server| async {
            Ok(called(&test(&server.at(closed_port()), ENOUGH).await))
        }),
        row!("silent port", "timeout", |server| silent_port(server)),
        row!("slow trickle", "timeout", |server| trickle(server)),
        row!("name without an address", "dns_failed", |server| no_address(server)),
        row!("other protocol", "protocol_mismatch", |server| other_protocol(server)),
        row!("missing database", "database_not_found", |server| missing_database(server)),
        row!("too many connections (told by a fake)", "too_many_connections", |server| {
            too_many_connections(server)
        }),
        row!("TLS required, none there", tls, |server| no_tls(server)),
        row!("unknown authority", tls, |server| unknown_authority(server)),
        row!("certificate of another name", tls, |server| wrong_name(server)),
        row!("restarted between two pooled tests", "success", |server| restarted(server)),
        row!("hangs up anywhere", "server_closed", |server| hung_up(server)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the table is for reading, too")]
async fn every_system_answers_alike_live() {
    let rows = rows().await;
    let names: Vec<_> = SERVERS.iter().map(|server| server.name).collect();
    println!("{:42}{}", "", columns(&names));
    let mut wrong = Vec::new();
    for Row { case, expected, cells } in &rows {
        let shown: Vec<_> = cells.iter().map(|cell| cell.unwrap_or_else(|_| "-")).collect();
        println!("{case:42}{}", columns(&shown));
        for (server, cell) in names.iter().zip(cells) {
            match cell {
                Ok(code) if code == expected => {}
                Ok(code) => wrong.push(format!("{case}, {server}: {code} instead of {expected}")),
                Err(reason) => println!("{:42}- {server}: {reason}", ""),
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Words as columns of the table.
fn columns(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:22}")).collect()
}
