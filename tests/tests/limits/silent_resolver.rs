//! T41: a name server that never answers, and a hundred connection tests that ask it.

use crate::wire::{PATIENCE, assert_unbothered, p99, status};
use datastore_tests::{CLOSED, Client, DATASTORES, Process, Response, by_parts, path_of, with};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

const TESTS: usize = 100;
/// Of them as many run as there are slots by default: each keeps a thread in its lookup.
const SLOTS: usize = 32;
/// Threads that may come up besides, such as those that hash passwords and write what was found.
const OTHERS: u64 = 16;

/// A socket where a name server would listen, and nobody reads: on the first loopback address that
/// has none.
fn silent_name_server() -> (UdpSocket, String) {
    let mut addresses = (50..100).map(|n| format!("127.0.41.{n}"));
    let found = addresses.find_map(|ip| Some((UdpSocket::bind((ip.as_str(), 53)).ok()?, ip)));
    found.expect("port 53 takes root, or net.ipv4.ip_unprivileged_port_start=53")
}

/// Answers everything that was asked, and is asked from now on, by that there is no such name.
fn know_nothing(socket: &UdpSocket) {
    let mut message = [0; 512];
    while let Ok((length, client)) = socket.recv_from(&mut message) {
        // The question under the flags of an answer, and NXDOMAIN (RFC 1035 section 4.1.1).
        message[2..4].copy_from_slice(&[0x81, 0x83]);
        drop(socket.send_to(&message[..length], client));
    }
}

/// Sends all tests at once, each on a connection of its own; hands out the answers as they come. Of
/// what is not stored, so that none shares another's result.
fn test_at_once(client: &Client, body: &Value) -> mpsc::Receiver<Response> {
    let (answered, answers) = mpsc::channel();
    for _ in 0..TESTS {
        let request = client.request("POST", &format!("{DATASTORES}test-connection/")).json(body);
        let answered = answered.clone();
        std::thread::spawn(move || drop(answered.send(request.send())));
    }
    answers
}

/// Tells of the ends of a server's threads, which only a tracer hears of.
struct Threads {
    tracer: Child,
    told: mpsc::Receiver<String>,
}

impl Threads {
    fn of(server: &Process) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=none", "-e", "signal=none", "-p"]);
        let tracer = strace.arg(server.pid().to_string()).stderr(Stdio::piped()).spawn();
        let mut tracer = tracer.expect("strace runs");
        let lines = BufReader::new(tracer.stderr.take().expect("it is piped")).lines();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        let threads = Self { tracer, told };
        let attached = threads.next();
        assert!(attached.contains("attached"), "{attached}");
        threads
    }

    #[track_caller]
    fn next(&self) -> String {
        self.told.recv_timeout(PATIENCE).expect("the tracer tells of something")
    }

    /// Waits until the server has as few threads as `before`.
    #[track_caller]
    fn await_as_few_as(&self, server: &Process, before: u64) {
        while status(server, "Threads") > before {
            let _ = self.next();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The server goes on without it.
        drop(self.tracer.kill());
        drop(self.tracer.wait());
    }
}

#[test]
fn t41_a_hundred_tests_stuck_in_lookups_bother_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let (silent, address) = silent_name_server();
    // The longest time there is: lookups are stuck until they are answered below.
    let resolver = format!("nameserver {address}\noptions timeout:30 attempts:1\n");
    let data = folder.path().join("data");
    let slots = ("DATASTORE_API__CONNECTIVITY__SLOTS_PER_TOKEN", "32");
    let server = Process::serve_with_resolver(&data, &resolver, &[slots]);
    let editor = server.client("editor");
    let unknown = with(by_parts("a"), json!({"server": "db.example"}));
    let path = path_of(&editor.create(&unknown));
    let _ = p99(&editor, &path);
    let (before, threads) = (p99(&editor, &path), status(&server, "Threads"));
    let answers = test_at_once(&editor, &unknown);
    // What is beyond the slots is told before any test has ended.
    for _ in SLOTS..TESTS {
        let refused = answers.recv_timeout(PATIENCE).expect("an answer");
        refused.problem(503, "probe_capacity_exceeded");
    }
    let during = p99(&editor, &path);
    assert_unbothered(before, during);
    // The others by their time for lookups.
    for _ in 0..SLOTS {
        let ended = answers.recv_timeout(PATIENCE).expect("an answer").expect(200).json();
        assert_eq!(ended["error"]["code"], "dns_failed", "{ended}");
        assert_eq!(ended["error"]["step"], "resolve", "{ended}");
    }
    let stuck = status(&server, "Threads") - threads;
    let bounds = SLOTS as u64..=SLOTS as u64 + OTHERS;
    assert!(bounds.contains(&stuck), "{stuck} threads came up");
    // As long as they are stuck there is room for tests that ask nobody, and for no lookup.
    let again = editor.post(&format!("{path}test-connection/"), &json!({}));
    again.problem(503, "probe_capacity_exceeded");
    let (host, port) = CLOSED;
    let direct = with(by_parts("b"), json!({"server": host, "port": port}));
    let direct = format!("{}test-connection/", editor.create_at(&direct));
    let direct = editor.post(&direct, &json!({})).expect(200).json();
    assert_eq!(direct["error"]["code"], "connection_refused", "{direct}");
    let ends = Threads::of(&server);
    std::thread::spawn(move || know_nothing(&silent));
    ends.await_as_few_as(&server, threads);
    drop(ends);
    let ended = editor.post(&format!("{path}test-connection/"), &json!({})).expect(200).json();
    assert_eq!(ended["error"]["code"], "dns_failed", "{ended}");
    let log = server.terminate();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}
