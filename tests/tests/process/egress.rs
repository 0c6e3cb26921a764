//! Where connection tests go, and what they open besides: as a process of its own, with a name
//! server of its own and under the eyes of a tracer.

use crate::check::{Checked, check, name_server, port};
use datastore_testkit::{DnsRecord, live};
use datastore_tests::{command, under, with_resolver};
use serde_json::json;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

const A: u16 = 1;
const AAAA: u16 = 28;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Denied by the settings of these tests.
const DENIED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// The PostgreSQL of the tests, by a name.
fn at(host: &str) -> String {
    let string = live("TEST_POSTGRES_URL");
    string.replacen("@127.0.0.1:", &format!("@{host}:"), 1)
}

/// A name that leads to a good address when it is judged, and elsewhere when it is used.
#[test]
fn t02_one_lookup_decides_where_a_test_goes() {
    let server = name_server(&[
        ("turns.example.test", DnsRecord::Turns(&[HERE, DENIED])),
        ("both.example.test", DnsRecord::A(HERE)),
        ("both.example.test", DnsRecord::A(DENIED)),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    let resolver = format!("nameserver {}\noptions timeout:5\n", server.address().ip());
    let run = |host: &str| -> Checked {
        let mut plain = command(&folder.path().join("data"), &["check", "-"]);
        plain.env("DATASTORE_API__CONNECTIVITY__EGRESS__DENY", "127.0.0.9/32");
        check(&at(host), with_resolver(&plain, &resolver))
    };
    let questions = |host: &str| -> Vec<u16> {
        let mut kinds: Vec<_> =
            server.asked().into_iter().filter(|(name, _)| name == host).map(|(_, k)| k).collect();
        kinds.sort_unstable();
        kinds
    };
    let good = run("turns.example.test");
    assert_eq!(good.rows()[0]["success"], true, "{}", good.stdout);
    assert_eq!(questions("turns.example.test"), [A, AAAA], "one lookup for all of the test");
    let denied = run("turns.example.test");
    assert_eq!(denied.rows()[0]["error"], json!({"step": "resolve", "code": "blocked_by_policy"}));
    // One denied address is enough, wherever it stands.
    let both = run("both.example.test");
    assert_eq!(both.rows()[0]["error"], json!({"step": "resolve", "code": "blocked_by_policy"}));
    assert_eq!(questions("both.example.test"), [A, AAAA]);
}

/// Files that drivers look for by themselves, and variables that lead to others.
fn tempt(command: &mut Command, home: &Path) {
    for name in [
        ".pgpass",
        ".pg_service.conf",
        ".my.cnf",
        ".aws/credentials",
        ".netrc",
        ".cassandra/cqlshrc",
    ] {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "canary").expect("a file");
    }
    let own = |name: &str| home.join(name);
    command
        .env("HOME", home)
        .env("PGPASSFILE", own(".pgpass"))
        .env("PGSERVICEFILE", own(".pg_service.conf"))
        .env("PGSSLROOTCERT", own(".netrc"))
        .env("MYSQL_HOME", home)
        .env("AWS_SHARED_CREDENTIALS_FILE", own(".aws/credentials"))
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", own(".netrc"))
        .env("SSL_CERT_FILE", own(".netrc"))
        .env("HTTPS_PROXY", "http://127.0.0.9:1")
        .env("ALL_PROXY", "http://127.0.0.9:1");
}

/// What a program of ours opens whatever it does: itself, and what the system tells about itself.
/// The settings may lie in `config`, the certificates of authorities in the file that they name.
fn is_expected(path: &str, authorities: &str) -> bool {
    const PLACES: [&str; 7] =
        ["/lib", "/usr/lib", "/proc/", "/sys/", "/dev/", "/etc/ld.so.", "config/"];
    const OF_THE_RESOLVER: [&str; 5] =
        ["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"];
    path == authorities
        || OF_THE_RESOLVER.contains(&path)
        || PLACES.iter().any(|place| path.starts_with(place))
}

/// Opens nothing that a driver would: no file of a home folder, no local socket.
#[test]
fn t07_a_test_opens_no_file_and_no_local_socket_besides() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let authorities = live("TEST_CA_FILE");
    for (variable, encrypted) in [
        ("TEST_POSTGRES_URL", "?sslmode=verify-full"),
        ("TEST_MARIADB_URL", "?ssl-mode=VERIFY_IDENTITY"),
        ("TEST_MYSQL_URL", "?ssl-mode=VERIFY_IDENTITY"),
        ("TEST_MONGODB_URL", ""),
        ("TEST_REDIS_URL", ""),
        ("TEST_NEO4J_URL", ""),
        ("TEST_CASSANDRA_URL", "?tls=verify_full"),
    ] {
        let trace = folder.path().join("trace");
        let mut plain = command(&folder.path().join("data"), &["check", "-"]);
        plain.env("DATASTORE_API__CONNECTIVITY__TLS__CA_FILE", &authorities);
        tempt(&mut plain, &home);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=%file,connect", "-o"]).arg(&trace);
        let string = live(variable).replacen("@127.0.0.1:", "@localhost:", 1);
        let checked = check(&format!("{string}{encrypted}"), under(strace, &plain));
        assert_eq!(checked.code, 0, "{variable}: {}{}", checked.stdout, checked.stderr);
        let trace = std::fs::read_to_string(&trace).expect("a trace");
        let calls: Vec<_> = trace.lines().filter(|line| line.contains('(')).collect();
        // Whoever traces nothing finds nothing.
        let port = port(variable).to_string();
        assert!(calls.iter().any(|call| call.contains("connect(") && call.contains(&port)));
        for call in calls {
            let path = call.split('"').nth(1).unwrap_or_default();
            assert!(!call.contains("AF_UNIX") || path.contains("nscd"), "{variable}: {call}");
            let is_file = call.contains("open") && !path.is_empty();
            assert!(!is_file || is_expected(path, &authorities), "{variable}: {call}");
            assert!(!path.contains("home/."), "{variable}: {call}");
        }
    }
}
