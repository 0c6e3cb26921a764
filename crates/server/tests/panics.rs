//! T46: a defect in one request is that request's error, and nobody else's.

#![expect(clippy::disallowed_methods, reason = "a client of the service")]

use async_trait::async_trait;
use datastore_api::SystemClock;
use datastore_application::{Access, Author, Ports, Registry};
use datastore_crypto::{KeyRing, OsEntropy, RingCipher};
use datastore_domain::{ProbeReport, RecordId, Role, Timestamp, TokenName};
use datastore_http::{HttpSettings, RunningServer};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_ports::{Clock, ConnectionTest, ConnectionTester, TestError};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A clock that panics the next time it is read, when told so.
#[derive(Default)]
struct Trap(AtomicBool);

impl Clock for Trap {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::SeqCst), "on purpose: canary");
        SystemClock.now()
    }
}

/// Tests of connections that panic.
struct NoTester;

#[async_trait]
impl ConnectionTester for NoTester {
    async fn test(&self, _: ConnectionTest) -> Result<ProbeReport, TestError> {
        panic!("on purpose: canary")
    }

    fn forget(&self, _: RecordId) {}
}

/// A server on one worker, its admin token, and what makes its use cases panic.
struct World {
    address: SocketAddr,
    token: String,
    trap: Arc<Trap>,
    _folder: tempfile::TempDir,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = DatabaseUrl::sqlite(folder.path().join("registry.db"));
        let trap = Arc::new(Trap::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (ready, started) = std::sync::mpsc::channel();
        let clock = trap.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let storage = Storage::open(&url, PoolSettings::default()).expect("opens");
                storage.migrate().await.expect("migrates");
                let storage = Arc::new(storage);
                let access =
                    Access::new(storage.clone(), Arc::new(SystemClock), Arc::new(OsEntropy));
                #[expect(clippy::disallowed_methods, reason = "a test is no request")]
                let author = Author::command_line();
                let name = TokenName::try_from("admin").expect("a name");
                let token = access.create_token(&author, name, Role::Admin, None).await;
                let token = token.expect("stores").token.expose().to_owned();
                let key = KeyRing::generate_key().expect("randomness");
                let ring = KeyRing::parse(key.expose()).expect("one key");
                let registry = Registry::new(Ports {
                    datastores: storage.clone(),
                    assignments: storage.clone(),
                    history: storage.clone(),
                    checks: storage,
                    cipher: Arc::new(RingCipher::new(ring)),
                    tester: Arc::new(NoTester),
                    clock,
                    entropy: Arc::new(OsEntropy),
                });
                // One worker: were it lost, nothing would be answered any more.
                let settings = HttpSettings { workers: 1, ..HttpSettings::default() };
                let server = RunningServer::start(listener, registry, access, &settings);
                ready.send(token).expect("the test waits");
                server.expect("starts").run().await.expect("serves");
            });
        });
        let token = started.recv().expect("the server starts");
        Self { address, token, trap, _folder: folder }
    }

    /// Head and body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (String, Value) {
        let (token, length) = (&self.token, body.len());
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let request = format!(
            "{method} /api/v1/datastores/{path} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nX-Request-Id: mine\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        (head.to_lowercase(), serde_json::from_str(body).expect("JSON"))
    }

    fn must_fail(&self, method: &str, path: &str, body: &str) {
        let (head, problem) = self.ask(method, path, body);
        assert!(head.starts_with("http/1.1 500"), "{head}");
        for header in ["application/problem+json", "x-request-id: mine", "nosniff", "no-store"] {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert_eq!(
            (&problem["code"], &problem["instance"]),
            (&"internal_error".into(), &"mine".into())
        );
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
}

const DATASTORE: &str = r#"{"name":"one","type":"sql","system":"postgres","description":"x",
    "server":"db.example","port":5432,"username":"app","password":"secret"}"#;

#[test]
fn t46_a_panic_is_the_error_of_its_request_alone() {
    let world = World::start();
    // In a command, before it writes.
    world.trap.0.store(true, Ordering::SeqCst);
    world.must_fail("POST", "", DATASTORE);
    let (head, created) = world.ask("POST", "", DATASTORE);
    assert!(head.starts_with("http/1.1 201"), "{head}");
    let path = format!("{}/", created["id"]);
    // In a command that holds its datastore's turn: the next one gets it.
    world.trap.0.store(true, Ordering::SeqCst);
    world.must_fail("PATCH", &path, r#"{"description":"lost"}"#);
    let (_, changed) = world.ask("PATCH", &path, r#"{"description":"kept"}"#);
    assert_eq!(changed["description"], "kept");
    // In a question, and in a test of a connection.
    world.trap.0.store(true, Ordering::SeqCst);
    world.must_fail("GET", &format!("{path}performance/"), "");
    world.must_fail("POST", &format!("{path}test-connection/"), "");
    let (head, _) = world.ask("GET", &path, "");
    assert!(head.starts_with("http/1.1 200"), "{head}");
}
