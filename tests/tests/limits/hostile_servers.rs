//! T10: servers of all systems that send without an end, and who else is served meanwhile.

use crate::wire::{assert_unbothered, memory, p99};
use datastore_tests::{Client, DATASTORES, Process, by_string};
use serde_json::Value;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

/// What T10 allows to grow.
const MOST: u64 = 16 * 1024 * 1024;

/// Connection strings of each system, the start of what a server of it says, and what it goes on
/// with for ever: what could be the middle of a message.
const HOSTILE: [(&str, &str, &[u8], &[u8]); 6] = [
    ("postgres", "postgres://u:p@127.0.0.1:PORT/d?sslmode=disable", b"", b"N\0\0\0\x0aMaaaa\0"),
    ("mysql", "mysql://u:p@127.0.0.1:PORT/d?ssl-mode=DISABLED", b"\0\0\x01\0\x0a", b"8"),
    (
        "mongodb",
        "mongodb://u:p@127.0.0.1:PORT/d",
        b"\0\0\x01\0\x07\0\0\0\x01\0\0\0\xdd\x07\0\0",
        b"\0",
    ),
    ("redis", "redis://:p@127.0.0.1:PORT", b"$65536\r\n", b"a"),
    ("neo4j", "bolt://u:p@127.0.0.1:PORT", b"\0\0\x08\x05", b"\xff\xffaaaa"),
    ("cassandra", "cassandra://u:p@127.0.0.1:PORT", b"\x84\0\0\0\x06\0\x01\0\0", b"a"),
];

/// Sends what it has to say as fast as it is taken.
fn flood(mut stream: TcpStream, start: &[u8], rest: &[u8]) {
    let rest = rest.repeat(16 * 1024);
    if stream.write_all(start).is_ok() {
        while stream.write_all(&rest).is_ok() {}
    }
}

/// Serves on a port of its own.
fn hostile(start: &'static [u8], rest: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || flood(stream, start, rest));
        }
    });
    port
}

/// Tests a datastore that is not stored; the code of what went wrong.
fn test(client: &Client, body: &Value) -> String {
    let path = format!("{DATASTORES}test-connection/");
    let answer = client.post(&path, body).expect(200).json();
    assert_eq!(answer["success"], false, "{answer}");
    answer["error"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn t10_servers_that_never_end_take_no_memory_and_bother_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::serve(&folder.path().join("data"), &[]);
    let editor = server.client("editor");
    let bodies = HOSTILE.map(|(system, string, start, rest)| {
        let port = hostile(start, rest).to_string();
        by_string(system, system, &string.replace("PORT", &port))
    });
    let path = editor.create_at(&bodies[0]);
    // What a first test of each makes room for, and a first reader.
    for body in &bodies {
        let code = test(&editor, body);
        assert!(["protocol_mismatch", "timeout"].contains(&code.as_str()), "{code}: {body}");
    }
    let _ = p99(&editor, &path);
    let (before, resident) = (p99(&editor, &path), memory(&server, "VmRSS"));
    let ended = AtomicBool::new(false);
    let (during, codes) = std::thread::scope(|scope| {
        let testers: Vec<_> = bodies
            .iter()
            .map(|body| {
                let (client, ended) = (server.client("editor"), &ended);
                scope.spawn(move || {
                    let mut codes = Vec::new();
                    while !ended.load(Ordering::SeqCst) {
                        codes.push(test(&client, body));
                    }
                    codes
                })
            })
            .collect();
        let during = p99(&editor, &path);
        ended.store(true, Ordering::SeqCst);
        let codes = testers.into_iter().flat_map(|tester| tester.join().expect("tested"));
        (during, codes.collect::<Vec<_>>())
    });
    let grown = memory(&server, "VmHWM").saturating_sub(resident);
    assert!(grown < MOST, "{grown} bytes more");
    assert!(codes.len() > HOSTILE.len(), "{} tests", codes.len());
    let known =
        |code: &String| ["protocol_mismatch", "timeout", "server_closed"].contains(&&**code);
    assert!(codes.iter().all(known), "{codes:?}");
    assert_unbothered(before, during);
    let log = server.terminate();
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}
