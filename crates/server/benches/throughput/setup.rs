//! One database, and everything that is measured on it.

use crate::load::Measured;
use crate::peers::{self, Peer, Work};
use actix_web::rt::System;
use datastore_api::SystemClock;
use datastore_application::{Access, Author, Caller, ChangeDatastores, Ports, Registry, Verify};
use datastore_connectivity::{ProbeSettings, Probes};
use datastore_crypto::{KeyRing, OsEntropy, RingCipher};
use datastore_domain::{
    Action, Actor, DatastoreFields, Draft, HistoryEntry, Member, RecordId, Role, SealedConnection,
    Secret, TlsMode, TokenId, TokenName,
};
use datastore_http::{HttpSettings, RunningServer};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_ports::{Clock, DatastoreRepository, Entropy, NewDatastore};
use datastore_testkit::live;
use futures_util::future::join_all;
use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Datastores that are there before the first measurement.
const ROWS: usize = 1000;

/// The database, a token, and what the API answers.
pub(crate) struct World {
    storage: Storage,
    registry: Registry,
    access: Access,
    token: String,
    /// Folder or database; removed with this.
    _place: Box<dyn Any>,
}

/// A database of the PostgreSQL that `make bench` starts, dropped with this.
struct PostgresDatabase {
    server: String,
}

impl PostgresDatabase {
    const NAME: &str = "datastore_bench";

    fn new() -> Self {
        let database = Self { server: live("TEST_POSTGRES_ADMIN_URL") };
        database.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", Self::NAME));
        database.run(&format!("CREATE DATABASE {}", Self::NAME));
        database
    }

    fn url(&self) -> DatabaseUrl {
        let (server, _) = self.server.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{}?sslmode=disable", Self::NAME).parse().expect("a valid URL")
    }

    fn run(&self, sql: &str) {
        let psql = Command::new("psql").args([&self.server, "-qc", sql]).status();
        assert!(psql.expect("psql is there").success(), "{sql}");
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        self.run(&format!("DROP DATABASE {} WITH (FORCE)", Self::NAME));
    }
}

/// Holds the calling thread, and the threads that it starts from now on, on one core.
pub(crate) fn pin_to(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    // On a machine of one core everything shares it, which is fair as well.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

fn token_name() -> TokenName {
    TokenName::try_from("bench").expect("a valid name")
}

fn fields(name: &str) -> DatastoreFields {
    let text = |text: &str| Member::Given(text.to_owned());
    DatastoreFields {
        name: text(name),
        r#type: text("sql"),
        system: text("postgres"),
        description: text("Main relational database for structured data with ACID compliance."),
        server: text("db.company.com"),
        port: Member::Given(5432.0),
        username: text("app_user"),
        password: Member::Given(Secret::new("p@ss:w/rd%20#?".to_owned())),
        max_connections: Member::Given(100.0),
        avg_response_time_ms: Member::Given(15.2),
        storage_capacity_gb: Member::Given(1000.0),
        ..DatastoreFields::default()
    }
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::new(&DatabaseUrl::sqlite(folder.path().join("bench.db")), folder)
    }

    pub(crate) fn postgres() -> Self {
        let database = PostgresDatabase::new();
        Self::new(&database.url(), database)
    }

    fn new(url: &DatabaseUrl, place: impl Any) -> Self {
        let storage = Storage::open(url, PoolSettings::default()).expect("opens");
        let key = KeyRing::generate_key().expect("randomness");
        let ring = KeyRing::parse(key.expose()).expect("a ring of one key");
        let clock = Arc::new(SystemClock);
        let probes = Probes::new(ProbeSettings::default(), clock.clone()).expect("starts");
        let shared = Arc::new(storage.clone());
        let registry = Registry::new(Ports {
            datastores: shared.clone(),
            assignments: shared.clone(),
            history: shared.clone(),
            checks: shared.clone(),
            cipher: Arc::new(RingCipher::new(ring)),
            tester: Arc::new(probes),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
        });
        let access = Access::new(shared, clock, Arc::new(OsEntropy));
        let token = System::new().block_on(async {
            storage.migrate().await.expect("migrates");
            #[expect(clippy::disallowed_methods, reason = "a benchmark is no request")]
            let author = Author::command_line();
            let made = access.create_token(&author, token_name(), Role::Admin, None).await;
            let actor = Actor { token: TokenId(1), name: token_name(), role: Role::Admin };
            let caller = Caller { actor, request_id: None };
            let granted = caller.authorize::<ChangeDatastores>().expect("an admin may");
            for number in 0..ROWS {
                let fields = fields(&format!("datastore {number}"));
                registry.create(&granted, &fields, Verify::Never).await.expect("creates");
            }
            made.expect("a token").token.expose().to_owned()
        });
        Self { storage, registry, access, token, _place: Box::new(place) }
    }

    pub(crate) fn detail_path(&self) -> String {
        "/api/v1/datastores/500/".to_owned()
    }

    pub(crate) fn list_path(&self) -> String {
        "/api/v1/datastores/".to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let token = &self.token;
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
            .into_bytes()
    }

    pub(crate) fn post(&self, name: &str) -> Vec<u8> {
        let body = format!(
            r#"{{"name":"{name}","type":"sql","system":"postgres","description":"Main relational database for structured data with ACID compliance.","server":"db.company.com","port":5432,"username":"app_user","password":"p@ss:w/rd%20#?","max_connections":100,"avg_response_time_ms":15.2,"storage_capacity_gb":1000}}"#
        );
        let (token, length) = (&self.token, body.len());
        format!(
            "POST /api/v1/datastores/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\
             \r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    pub(crate) fn serve_api(&self) -> SocketAddr {
        let (registry, access) = (self.registry.clone(), self.access.clone());
        let listener = listener();
        let address = listener.local_addr().expect("bound");
        on_server_core(move || async move {
            let settings = HttpSettings { workers: 1, ..HttpSettings::default() };
            let server = RunningServer::start(listener, registry, access, &settings);
            server.expect("starts").run().await.expect("serves");
        });
        address
    }

    /// Serves a bare handler that answers what the API at `api` answers.
    pub(crate) fn serve_peer(&self, api: SocketAddr, work: Work) -> SocketAddr {
        let listener = listener();
        let address = listener.local_addr().expect("bound");
        let answer = |path: &str| body_of(api, &self.get(path)).into();
        let peer = Peer {
            work,
            storage: self.storage.clone(),
            detail: answer(&self.detail_path()),
            list: answer(&self.list_path()),
        };
        on_server_core(move || peers::serve(listener, peer));
        address
    }

    /// Inserts rows that were sealed beforehand, by `tasks` tasks, for `time`.
    pub(crate) fn insert_alone(&self, tasks: usize, time: Duration, round: usize) -> Measured {
        let storage = self.storage.clone();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            pin_to(0);
            let measured = System::new().block_on(async {
                let begin = Instant::now();
                let end = begin + time;
                let inserts = (0..tasks).map(|task| {
                    let storage = storage.clone();
                    async move { insert_until(&storage, end, round, task).await }
                });
                Measured::of(join_all(inserts).await.concat(), begin.elapsed())
            });
            sender.send(measured).expect("the main thread waits");
        });
        receiver.recv().expect("the inserts end")
    }
}

async fn insert_until(storage: &Storage, end: Instant, round: usize, task: usize) -> Vec<Duration> {
    let draft = Draft::new(&fields("template"), TlsMode::Disable).expect("valid");
    let changes = draft.changes();
    let datastore_domain::ConnectionTarget::Parts(parts) = draft.target else {
        unreachable!("the template is by parts")
    };
    let mut times = Vec::new();
    while Instant::now() < end {
        let name = format!("alone {round} {task} {}", times.len());
        let mut profile = draft.profile.clone();
        profile.name = name.as_str().try_into().expect("valid");
        let at = SystemClock.now();
        let record = RecordId::from_entropy(OsEntropy.bytes().expect("randomness"));
        let connection = SealedConnection::Parts {
            host: parts.host.clone(),
            port: parts.port,
            username: parts.username.clone(),
            // As long as a sealed password of this length.
            password: datastore_domain::SealedValue::new(vec![1; 66]),
            database: None,
            tls: parts.tls,
        };
        let entry = HistoryEntry {
            at,
            actor: token_name(),
            action: Action::Create,
            datastore: None,
            version: None,
            changes: changes.clone(),
            request_id: None,
        };
        let begin = Instant::now();
        let new = NewDatastore { record, at, profile, connection };
        DatastoreRepository::insert(storage, new, entry).await.expect("inserts");
        times.push(begin.elapsed());
    }
    times
}

fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("a free port")
}

/// Runs a server on a thread of its own, on core 0, until the process ends.
fn on_server_core<F: Future<Output = ()>>(serve: impl FnOnce() -> F + Send + 'static) {
    std::thread::spawn(move || {
        pin_to(0);
        System::new().block_on(serve());
    });
}

/// The body that the API answers.
fn body_of(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    use std::io::{Read, Write};
    #[expect(clippy::disallowed_methods, reason = "a client of the service")]
    let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
    let closing =
        String::from_utf8_lossy(request).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(closing.as_bytes()).expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
    answer.split_off(head + 4)
}

/// The log of production, without the terminal: its cost belongs to the service.
pub(crate) fn log_to_nowhere() {
    let log = tracing_subscriber::fmt().json().with_writer(std::io::sink);
    log.with_max_level(tracing::Level::INFO).init();
}
