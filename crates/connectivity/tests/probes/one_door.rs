//! There is one door, and nothing goes around it.

use std::path::{Path, PathBuf};

/// What opens a connection or asks the resolver.
const FORBIDDEN: [&str; 11] = [
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixDatagram",
    "lookup_host",
    "ToSocketAddrs",
    "to_socket_addrs",
    "getaddrinfo",
    "connect_timeout(",
    "socket2",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn t01_only_the_door_opens_connections() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates).expect("crates/") {
        let src = entry.expect("an entry").path().join("src");
        if src.is_dir() {
            sources(&src, &mut files);
        }
    }
    assert!(files.len() > 10, "the sources were found");
    let mut at_the_door = 0;
    for file in files {
        let is_door = file.ends_with("connectivity/src/door.rs");
        let text = std::fs::read_to_string(&file).expect("a source file");
        // Tests beside the code, at the end of a file, may connect as they like.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in FORBIDDEN {
                if line.contains(word) {
                    at_the_door += 1;
                    assert!(is_door, "{}: `{word}` goes around the door", file.display());
                }
            }
        }
    }
    assert!(at_the_door >= 2, "the door itself looks up and connects");
}
