//! `datastore-api check`: what it prints, and what it ends with.

use datastore_testkit::{DnsRecord, NameServer, live, snapshot};
use datastore_tests::{Backend, Client, Installation, command, with_resolver};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

/// What a command left behind.
pub(crate) struct Checked {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Checked {
    #[track_caller]
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("it ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        let rows: Value = serde_json::from_str(&self.stdout).expect("JSON");
        rows.as_array().expect("an array").clone()
    }
}

/// Tests `string`, given on standard input.
#[track_caller]
pub(crate) fn check(string: &str, mut command: Command) -> Checked {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    // A command that refuses its settings reads nothing.
    drop(input.write_all(string.as_bytes()));
    drop(input);
    Checked::of(child.wait_with_output().expect("it ends"))
}

/// The string with another password, which is that of nobody.
fn with_wrong_password(string: &str) -> String {
    let (scheme, rest) = string.split_once("://").expect("a string");
    let (login, rest) = rest.split_once('@').expect("a login");
    let (user, _) = login.split_once(':').expect("a password");
    format!("{scheme}://{user}:wrong@{rest}")
}

#[test]
fn a_connection_string_needs_no_registry() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for (variable, system) in [
        ("TEST_POSTGRES_URL", "postgres"),
        ("TEST_MYSQL_URL", "mysql"),
        ("TEST_MARIADB_URL", "mysql"),
        ("TEST_REDIS_URL", "redis"),
        ("TEST_MONGODB_URL", "mongodb"),
        ("TEST_NEO4J_URL", "neo4j"),
        ("TEST_CASSANDRA_URL", "cassandra"),
    ] {
        let string = live(variable);
        let checked = check(&format!("{string}\n"), command(&data, &["check", "-"]));
        assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{}", checked.stdout);
        let [row] = &checked.rows()[..] else { panic!("one row: {}", checked.stdout) };
        assert_eq!(row["success"], true);
        assert_eq!(row["system"], system);
        assert_eq!(row["datastore_id"], Value::Null);
        assert!(row["details"]["server_version"].is_string(), "{row}");
        assert_eq!(row["steps"].as_array().map(Vec::len), Some(5));
        // What scripts read; more may come, and none may go.
        for member in [
            "/datastore_id",
            "/name",
            "/system",
            "/success",
            "/response_time_ms",
            "/message",
            "/details/server_version",
            "/details/database_name",
            "/details/connected_at",
            "/error",
            "/steps/0/step",
            "/steps/0/ok",
            "/steps/0/elapsed_ms",
            "/steps/2/used",
            "/steps/3/required",
        ] {
            assert!(row.pointer(member).is_some(), "{member} in {row}");
        }
        let masked = row["name"].as_str().expect("text");
        assert!(masked.contains("app_user:***@"), "{masked}");
        let mut command = command(&data, &["check", "--url-env", "DATABASE_URL"]);
        command.env("DATABASE_URL", &string);
        let checked = Checked::of(command.output().expect("it runs"));
        assert_eq!(checked.code, 0, "{}", checked.stderr);
        assert_eq!(checked.rows()[0]["success"], true);
    }
    assert!(snapshot(folder.path()).is_empty(), "nothing is made on disk");
}

/// A name server on the first loopback address that has none.
pub(crate) fn name_server(records: &[(&'static str, DnsRecord)]) -> NameServer {
    let mut addresses = (50..100).map(|n| SocketAddr::from(([127, 0, 42, n], 53)));
    let found = addresses.find_map(|address| NameServer::start(address, records.to_vec()).ok());
    found.expect("port 53 takes root, or net.ipv4.ip_unprivileged_port_start=53")
}

/// The port of the server that the environment variable names.
pub(crate) fn port(variable: &str) -> u16 {
    let string = live(variable);
    let (_, rest) = string.rsplit_once(':').expect("a port");
    rest.split('/').next().and_then(|port| port.parse().ok()).expect("a number")
}

/// The servers of a cluster are found by its name, with what its TXT record says of the login.
#[test]
fn t03_a_mongodb_cluster_is_tested_by_its_name() {
    let srv = |port, target| DnsRecord::Srv { priority: 0, port, target };
    let plain = port("TEST_MONGODB_URL");
    let records = [
        ("node.example.test", DnsRecord::A([127, 0, 0, 1].into())),
        ("denied.example.test", DnsRecord::A([127, 0, 0, 9].into())),
        ("_mongodb._tcp.whole.example.test", srv(plain, "node.example.test")),
        ("whole.example.test", DnsRecord::Txt(&["authSource=admin", "&replicaSet=rs0"])),
        ("_mongodb._tcp.no-txt.example.test", srv(plain, "node.example.test")),
        ("_mongodb._tcp.other-set.example.test", srv(plain, "node.example.test")),
        ("other-set.example.test", DnsRecord::Txt(&["authSource=admin&replicaSet=rs1"])),
        ("_mongodb._tcp.denied.example.test", srv(plain, "denied.example.test")),
        ("_mongodb._tcp.elsewhere.example.test", srv(plain, "localhost")),
        ("_mongodb._tcp.tls.example.test", srv(port("TEST_MONGODB_TLS_URL"), "node.example.test")),
    ];
    let server = name_server(&records);
    let folder = tempfile::tempdir().expect("a folder");
    let string = live("TEST_MONGODB_URL");
    let (_, rest) = string.split_once("://").expect("a scheme");
    let (login, _) = rest.split_once('@').expect("a login");
    for (cluster, options, code) in [
        ("whole", "?tls=false", Value::Null),
        // Without a TXT record the database that is opened has to know the user.
        ("no-txt", "?tls=false", json!("authentication_failed")),
        ("no-txt", "?tls=false&authSource=admin", Value::Null),
        ("other-set", "?tls=false", json!("protocol_mismatch")),
        ("denied", "?tls=false", json!("blocked_by_policy")),
        ("elsewhere", "?tls=false", json!("dns_failed")),
        ("unknown", "?tls=false", json!("dns_failed")),
        // The certificate has to be for the server that was found.
        ("tls", "", json!("tls_failed")),
    ] {
        let mut plain = command(&folder.path().join("data"), &["check", "-"]);
        plain.env("DATASTORE_API__CONNECTIVITY__EGRESS__DENY", "127.0.0.9/32");
        plain.env("DATASTORE_API__CONNECTIVITY__TLS__CA_FILE", live("TEST_CA_FILE"));
        let resolver = format!("nameserver {}\noptions timeout:5\n", server.address().ip());
        let string = format!("mongodb+srv://{login}@{cluster}.example.test/app_db{options}");
        let checked = check(&string, with_resolver(&plain, &resolver));
        let row = &checked.rows()[0];
        assert_eq!(row["error"]["code"], code, "{cluster}: {row}");
        assert_eq!(row["success"], code.is_null(), "{cluster}: {row}");
        if code == "tls_failed" {
            let message = row["message"].as_str().expect("text");
            assert!(message.contains("another host name"), "{message}");
        }
    }
}

#[test]
fn what_is_down_ends_with_1_and_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let right = live("TEST_POSTGRES_URL");
    for string in [&right, &live("TEST_NEO4J_URL")] {
        let checked = check(&with_wrong_password(string), command(&data, &["check", "-"]));
        assert_eq!(checked.code, 1);
        assert_eq!(checked.stderr, "datastore-api: 1 of 1 not up\n");
        let row = &checked.rows()[0];
        assert_eq!(row["success"], false);
        assert_eq!(row["error"]["code"], "authentication_failed");
    }
    let mut denied = command(&data, &["check", "-"]);
    denied.env("DATASTORE_API__CONNECTIVITY__EGRESS__DENY", "127.0.0.0/8");
    let checked = check(&right, denied);
    assert_eq!(checked.code, 1);
    assert_eq!(checked.rows()[0]["error"]["code"], "blocked_by_policy");
}

/// The settings of the network and of TLS are those of the service.
#[test]
fn t08_less_tls_than_the_minimum_is_not_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let string = live("TEST_POSTGRES_URL");
    for (mode, code) in [("disable", json!("tls_failed")), ("require", Value::Null)] {
        let mut check_it = command(&folder.path().join("data"), &["check", "-"]);
        check_it.env("DATASTORE_API__CONNECTIVITY__TLS__MINIMUM", "require");
        let checked = check(&format!("{string}?sslmode={mode}"), check_it);
        assert_eq!(checked.code, i32::from(!code.is_null()), "{}", checked.stdout);
        assert_eq!(checked.rows()[0]["error"]["code"], code, "{}", checked.stdout);
    }
}

#[test]
fn a_table_shows_steps_and_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let table = ["check", "-", "--output", "table"];
    let right = live("TEST_POSTGRES_URL");
    let checked = check(&right, command(&data, &table));
    let lines: Vec<_> = checked.stdout.lines().collect();
    let [titles, row] = &lines[..] else { panic!("two lines: {}", checked.stdout) };
    for title in ["STATE", "RESOLVE", "CONNECT", "TLS", "AUTHENTICATE", "QUERY"] {
        assert!(titles.contains(title), "{titles}");
    }
    assert!(row.contains("  up  ") && row.contains("PostgreSQL "), "{row}");
    assert_eq!(row.matches(" ms").count(), 5, "{row}");
    let checked = check(&with_wrong_password(&right), command(&data, &table));
    let row = checked.stdout.lines().nth(1).expect("a row");
    assert!(row.contains("DOWN") && row.contains("FAILED"), "{row}");
    assert!(row.contains("authentication_failed: "), "{row}");
}

#[test]
fn what_cannot_be_tested_ends_with_2_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let secret = "hunter2secret";
    for (arguments, input, reason) in [
        (&["check", "-"][..], format!("ftp://u:{secret}@h/"), "Must begin with postgresql://"),
        (&["check", "-"], format!("postgres://u:{secret}@h/?hostaddr={secret}"), "hostaddr"),
        (&["check", "-"], "x".repeat(100_000), "at most 4096 characters"),
        (&["check", "-"], String::new(), "Must not be empty"),
        (&["check", "--url-env", "NOT_THERE"], String::new(), "NOT_THERE"),
        (&["check"], String::new(), "--all"),
        (&["check", &format!("redis://:{secret}@h")], String::new(), "standard input"),
        (&["check", &format!("u:{secret}@h")], String::new(), "standard input"),
        (
            &["check", "--url-env", &format!("redis://:{secret}@h")],
            String::new(),
            "--url-env takes",
        ),
        (&["check", "-", "--timeout-ms", "99"], String::new(), "100..=30000"),
        (&["check", "-", "--url-env", "X"], String::new(), "cannot be used with"),
    ] {
        let checked = check(&input, command(&data, arguments));
        assert_eq!(checked.code, 2, "{arguments:?}: {}", checked.stderr);
        assert_eq!(checked.stdout, "", "{arguments:?}");
        assert!(checked.stderr.contains(reason), "{arguments:?}: {}", checked.stderr);
        assert!(!checked.stderr.contains(secret), "{arguments:?}");
    }
    for (variable, value, key) in [
        ("DATASTORE_API__HTTP__WORKERS", "0", "http.workers"),
        ("DATASTORE_API__CONNECTIVITY__TLS__MINIMUM", "strong", "connectivity.tls.minimum"),
    ] {
        let mut bad = command(&data, &["check", "-"]);
        bad.env(variable, value);
        let checked = check(&live("TEST_POSTGRES_URL"), bad);
        assert_eq!(checked.code, 2, "{}", checked.stderr);
        assert!(checked.stderr.contains(key), "{}", checked.stderr);
    }
}

/// One that is up, one that is down, and one that is not active.
fn three(admin: &Client) {
    let right = live("TEST_POSTGRES_URL");
    for (name, string, is_active) in [
        ("orders", right.clone(), true),
        ("archive", with_wrong_password(&right), true),
        ("retired", right, false),
    ] {
        let body = json!({
            "name": name, "type": "sql", "system": "postgres", "description": "d",
            "connection_string": string, "is_active": is_active,
        });
        let _ = admin.create_at(&body);
    }
}

fn datastores_are_tested_by_number_by_name_and_all(installation: &Installation) {
    let server = installation.serve(&[]);
    let admin = Client::new(server.address(), Some(installation.token("admin")));
    let run = |arguments: &[&str]| {
        Checked::of(installation.command(arguments).output().expect("it runs"))
    };
    let none = run(&["check", "--all"]);
    assert_eq!((none.code, none.stdout.as_str()), (2, ""));
    assert!(none.stderr.contains("no datastore of the registry is active"), "{}", none.stderr);
    three(&admin);
    let names = |rows: &[Value]| -> Vec<(String, bool)> {
        let text = |row: &Value| row["name"].as_str().expect("text").to_owned();
        rows.iter().map(|row| (text(row), row["success"] == true)).collect()
    };
    let up = |name: &str| (name.to_owned(), true);
    let down = |name: &str| (name.to_owned(), false);
    let all = run(&["check", "--all"]);
    assert_eq!((all.code, all.stderr.as_str()), (1, "datastore-api: 1 of 2 not up\n"));
    assert_eq!(names(&all.rows()), [down("archive"), up("orders")]);
    let some = run(&["check", "retired", "orders"]);
    assert_eq!((some.code, some.stderr.as_str()), (0, ""));
    assert_eq!(names(&some.rows()), [up("retired"), up("orders")]);
    let number = some.rows()[1]["datastore_id"].to_string();
    assert_eq!(names(&run(&["check", &number]).rows()), [up("orders")]);
    let unknown = run(&["check", "orders", "oders"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("there is no datastore \"oders\""), "{}", unknown.stderr);
    // As every test of a registered datastore.
    let seen = admin.get(&format!("/api/v1/datastores/{number}/performance/")).expect(200);
    assert_eq!(seen.json()["observed"]["checks"], 3);
    let _ = server.terminate();
}

#[test]
fn on_sqlite_datastores_are_tested_by_number_by_name_and_all() {
    datastores_are_tested_by_number_by_name_and_all(&Installation::new(Backend::Sqlite));
}

#[test]
fn on_postgresql_datastores_are_tested_by_number_by_name_and_all() {
    datastores_are_tested_by_number_by_name_and_all(&Installation::new(Backend::Postgres));
}

#[test]
fn one_damaged_secret_stops_no_other_test() {
    let installation = Installation::new(Backend::Sqlite);
    let server = installation.serve(&[]);
    let admin = Client::new(server.address(), Some(installation.token("admin")));
    three(&admin);
    let _ = server.terminate();
    installation
        .database()
        .execute("UPDATE datastores SET connection_string_sealed = X'00' WHERE name = 'archive'");
    let all = installation.command(&["check", "--all"]).output().expect("it runs");
    let all = Checked::of(all);
    assert_eq!(all.code, 1, "{}", all.stderr);
    let [damaged, other] = &all.rows()[..] else { panic!("two rows: {}", all.stdout) };
    assert_eq!((&damaged["name"], &damaged["success"]), (&json!("archive"), &json!(false)));
    assert!(damaged["message"].is_string(), "{damaged}");
    assert_eq!(damaged.get("steps"), None, "no test was run");
    assert_eq!((&other["name"], &other["success"]), (&json!("orders"), &json!(true)));
    let table = ["check", "archive", "--output", "table"];
    let table = Checked::of(installation.command(&table).output().expect("it runs"));
    assert!(table.stdout.contains("NOT TESTED"), "{}", table.stdout);
}

#[test]
fn without_a_registry_nothing_is_tested_or_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let checked = Checked::of(command(&data, &["check", "--all"]).output().expect("it runs"));
    assert_eq!((checked.code, checked.stdout.as_str()), (2, ""));
    assert!(checked.stderr.contains("datastore-api.db"), "{}", checked.stderr);
    assert!(snapshot(folder.path()).is_empty());
}
