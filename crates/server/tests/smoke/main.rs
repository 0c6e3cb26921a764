//! The executable itself: starts, answers, stops on a signal, and refuses what it must refuse.

mod process;

use datastore_testkit::PostgresServer;
use process::{Home, Server};
use rustix::process::Signal;
use serde_json::Value;
use std::io::Write as _;

const DATASTORE: &str = r#"{"name":"Orders","type":"sql","system":"postgres","description":"x",
    "server":"db.example","port":5432,"username":"app","password":"canary"}"#;

fn admin(home: &Home) -> String {
    home.read("data/admin-token").trim().to_owned()
}

/// A folder that has been served from, with one secret stored.
fn used_home() -> Home {
    let home = Home::new();
    let server = home.serve();
    let created = server.request("POST", "/api/v1/datastores/", Some(&admin(&home)), DATASTORE);
    assert_eq!(created, 201);
    server.stop();
    home
}

#[test]
fn the_first_start_needs_nothing_and_makes_everything_private() {
    let home = Home::new();
    let server = home.serve();
    assert_eq!(server.get("/livez", None), 200);
    assert_eq!(server.get("/readyz", None), 200);
    let token = admin(&home);
    assert_eq!(server.get("/api/v1/datastores/", Some(&token)), 200);
    assert_eq!(server.get("/api/v1/datastores/", None), 401);
    #[cfg(target_os = "linux")]
    assert_eq!(server.core_limit(), ["0", "0"]);
    assert_eq!(home.mode("data"), 0o700);
    for file in ["keys", "admin-token", "datastore-api.db", "datastore-api.db-wal"] {
        assert_eq!(home.mode(&format!("data/{file}")), 0o600, "{file}");
    }
    let keys = home.read("data/keys");
    let log = server.stop();
    assert!(log.contains("data/admin-token") && log.contains("data/keys"), "{log}");
    assert!(!log.contains(&token) && !log.contains(&keys[10..]), "{log}");
}

#[test]
fn the_second_start_finds_everything() {
    let home = used_home();
    let (keys, token) = (home.read("data/keys"), admin(&home));
    let server = home.serve();
    assert_eq!(server.get("/api/v1/datastores/1/", Some(&token)), 200);
    let log = server.stop();
    assert_eq!((home.read("data/keys"), admin(&home)), (keys, token));
    assert!(!log.contains("admin-token"), "{log}");
}

/// The token in the file counts whenever a start says that it made one.
#[test]
fn a_new_database_takes_the_token_that_is_there() {
    let home = used_home();
    let (keys, token) = (home.read("data/keys"), admin(&home));
    std::fs::remove_file(home.path("data/datastore-api.db")).expect("removed");
    let server = home.serve();
    assert_eq!(home.read("data/keys"), keys);
    assert_eq!(admin(&home), token);
    assert_eq!(server.get("/api/v1/datastores/", Some(&token)), 200);
}

#[test]
fn t45_a_stop_leaves_no_write_ahead_log() {
    let home = used_home();
    let wal = home.path("data/datastore-api.db-wal");
    assert!(!wal.exists() || wal.metadata().expect("metadata").len() == 0);
}

/// Begins a request and does not end it.
fn keep_busy(server: &Server, token: &str) -> std::net::TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /api/v1/datastores/ HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

#[test]
fn t45_a_second_signal_ends_it_at_once() {
    let home = Home::new();
    let mut server = home.serve();
    let _busy = keep_busy(&server, &admin(&home));
    server.signal(Signal::INT);
    server.await_line("SIGINT: running requests may finish");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(143), "{}", server.log);
    assert!(server.log.contains("SIGTERM again"), "{}", server.log);
}

#[test]
fn t44_bad_settings_are_named() {
    let home = Home::new();
    let line = home.refused(&["serve"], &[("DATASTORE_API__HTTP__WORKERS", "canary")]);
    assert!(line.contains("http.workers (DATASTORE_API__HTTP__WORKERS)"), "{line}");
    let line = home.refused(&["serve"], &[("DATASTORE_API__HTTP__WROKERS", "1")]);
    assert!(line.contains("did you mean DATASTORE_API__HTTP__WORKERS?"), "{line}");
    home.write("config/local.toml", "[database]\npool_size = 0\n");
    let line = home.refused(&["serve"], &[]);
    assert!(line.contains("database.pool_size in config/local.toml"), "{line}");
}

#[test]
fn t44_a_port_that_is_taken_is_named() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let line = home.refused(&["serve"], &[("DATASTORE_API__HTTP__BIND", &address)]);
    assert!(line.contains(&address) && line.contains("http.bind"), "{line}");
}

#[test]
fn t44_a_missing_ca_file_is_named() {
    let home = Home::new();
    let line = home.refused(&["serve"], &[("DATASTORE_API__CONNECTIVITY__TLS__CA_FILE", "no.pem")]);
    assert!(line.contains("connectivity.tls.ca_file") && line.contains("no.pem"), "{line}");
}

#[test]
fn t44_a_key_file_that_others_can_read_is_refused() {
    let home = used_home();
    home.set_mode("data/keys", 0o644);
    let line = home.refused(&["serve"], &[]);
    assert!(line.contains("data/keys") && line.contains("chmod 0600"), "{line}");
    home.set_mode("data/keys", 0o640);
    home.refused(&["serve"], &[]);
    home.write("config/local.toml", "[crypto]\nkey_file_group_read = true\n");
    home.serve().stop();
}

#[test]
fn t44_lost_keys_are_never_replaced() {
    let home = used_home();
    std::fs::remove_file(home.path("data/keys")).expect("removed");
    let line = home.refused(&["serve"], &[]);
    assert!(line.contains("data/keys") && line.contains("restore it"), "{line}");
}

/// Replicas share the database, and a key that one of them made would be unknown to the others.
#[test]
fn t44_with_postgresql_no_key_is_made() {
    let home = Home::new();
    let server = PostgresServer::start_with(&["fsync=off"]);
    let url = server.url("postgres");
    let line = home.refused(&["serve"], &[("DATASTORE_API__DATABASE__URL", &url)]);
    assert!(line.contains("data/keys") && line.contains("key generate"), "{line}");
    assert!(!home.path("data/keys").exists());
}

#[test]
fn t44_a_postgresql_server_is_missed_without_its_password() {
    let home = Home::new();
    let url = ("DATASTORE_API__DATABASE__URL", "postgres://app:canary@127.0.0.1:1/registry");
    let key = home.succeed(&["key", "generate"]);
    let output = home.run(&["serve"], &[url, ("DATASTORE_API__CRYPTO__KEYS", &key)]);
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    let line = errors.lines().last().expect("a line");
    assert!(line.starts_with("datastore-api: check database.url: "), "{errors}");
    assert!(!output.status.success() && !errors.contains("canary"), "{errors}");
}

#[test]
fn t44_keys_of_another_database_are_refused() {
    let home = used_home();
    let own = home.read("data/keys");
    let other = home.succeed(&["key", "generate"]);
    let line = home.refused(&["serve"], &[("DATASTORE_API__CRYPTO__KEYS", &other)]);
    assert!(line.contains("not in the key ring"), "{line}");
    // Another key under the same id.
    let (id, _) = own.split_once(':').expect("id and key");
    let (_, key) = other.split_once(':').expect("id and key");
    let wrong = format!("{id}:{key}");
    let line = home.refused(&["serve"], &[("DATASTORE_API__CRYPTO__KEYS", &wrong)]);
    assert!(line.contains(id) && !line.contains(key.trim()), "{line}");
    let line = home.refused(&["serve"], &[("DATASTORE_API__CRYPTO__KEYS", "k1:canary")]);
    assert!(line.contains("DATASTORE_API__CRYPTO__KEYS") && !line.contains("canary"), "{line}");
}

#[test]
fn t44_a_file_that_is_no_database_is_refused() {
    let home = Home::new();
    home.write("data/datastore-api.db", "something else, and it is important to somebody");
    let line = home.refused(&["serve"], &[]);
    assert!(line.contains("not a database of this service"), "{line}");
}

#[test]
fn tokens_are_made_listed_and_revoked() {
    let home = Home::new();
    let server = home.serve();
    let create = ["token", "create", "--name", "ci", "--role", "viewer", "--expires", "90d"];
    let printed = home.succeed(&create);
    let token = printed.strip_suffix('\n').expect("one line");
    assert!(token.starts_with("dsa_") && !token.contains(char::is_whitespace), "{printed}");
    assert_eq!(server.get("/api/v1/datastores/", Some(token)), 200);
    let list: Value =
        serde_json::from_str(&home.succeed(&["token", "list", "--output", "json"])).expect("JSON");
    assert_eq!((&list[1]["name"], &list[1]["role"]), (&"ci".into(), &"viewer".into()));
    let id = list[1]["id"].to_string();
    let table = home.succeed(&["token", "list"]);
    assert!(table.contains("ci     viewer  valid") && !table.contains("dsa_"), "{table}");
    assert_eq!(home.succeed(&["token", "revoke", &id]), "");
    assert_eq!(server.get("/api/v1/datastores/", Some(token)), 401);
    assert!(home.succeed(&["token", "list"]).contains("revoked"));
}

#[test]
fn commands_say_what_they_miss() {
    let home = Home::new();
    let create = ["token", "create", "--name", "ci", "--role", "viewer"];
    let line = home.refused(&create, &[]);
    assert!(line.contains("datastore-api migrate"), "{line}");
    assert!(home.succeed(&["migrate"]).contains("is up to date"));
    assert!(home.succeed(&create).starts_with("dsa_"));
    let line = home.run(&["token", "revoke", "7"], &[]);
    assert!(String::from_utf8_lossy(&line.stderr).contains("no such token"));
}

#[test]
fn keys_in_use_are_counted() {
    let home = used_home();
    let own = home.read("data/keys");
    let (id, _) = own.split_once(':').expect("id and key");
    let status: Value =
        serde_json::from_str(&home.succeed(&["key", "status", "--output", "json"])).expect("JSON");
    assert_eq!((&status[0]["key_id"], &status[0]["secrets"]), (&id.into(), &1.into()));
    std::fs::remove_file(home.path("data/keys")).expect("removed");
    assert!(home.succeed(&["key", "status"]).contains("MISSING"));
}

#[test]
fn the_document_is_printed_whatever_the_settings_are() {
    let home = Home::new();
    home.write("config/local.toml", "bad = 1");
    let document: Value = serde_json::from_str(&home.succeed(&["openapi"])).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
}

#[test]
fn t16_settings_are_shown_without_secrets() {
    let home = Home::new();
    let output = home.run(
        &["config", "check"],
        &[
            ("DATASTORE_API__DATABASE__URL", "postgres://app:canary@db.example/registry"),
            ("DATASTORE_API__CRYPTO__KEYS", &home.succeed(&["key", "generate"])),
        ],
    );
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && !shown.contains("canary"), "{shown}");
    assert!(shown.contains("db.example") && shown.contains("keys = \"***\""), "{shown}");
}
