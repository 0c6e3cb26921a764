//! T48: copies made while the service runs, and what is made of them elsewhere. The commands are
//! those of the README, taken from it.

use crate::kills::WRITERS;
use crate::writers::{assert_survived, write};
use datastore_testkit::live;
use datastore_tests::{
    CLOSED, Client, DATASTORES, Database, Process, binary, by_parts, command, with,
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

const README: &str = include_str!("../../../README.md");

/// The commands of the README's section on backups: of the copy and the restoration of the embedded
/// database, then of PostgreSQL.
fn documented() -> [&'static str; 4] {
    let (_, section) = README.split_once("### Backup and restore\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let blocks = section.split("```sh\n").skip(1);
    let blocks: Vec<_> = blocks.map(|block| block.split("```").next().expect("its end")).collect();
    blocks.try_into().expect("four blocks of commands")
}

/// Runs commands as an operator does.
fn shell(commands: &str, variables: &[(&str, &str)]) -> Output {
    let binary = binary();
    let folder = binary.parent().expect("in a folder").display();
    #[expect(clippy::disallowed_methods, reason = "the tools of PostgreSQL are found by it")]
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .args(["-euc", commands])
        .env("PATH", format!("{folder}:{path}:/usr/lib/postgresql/15/bin"))
        .envs(variables.iter().copied())
        .output()
        .expect("a shell")
}

#[track_caller]
fn succeed(commands: &str, variables: &[(&str, &str)]) -> String {
    succeeded(shell(commands, variables))
}

#[track_caller]
fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The one line that a command is refused with.
#[track_caller]
fn refused(mut command: Command) -> String {
    let output = command.output().expect("it runs");
    let line = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success() && output.stdout.is_empty(), "{line}");
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path of a test is UTF-8")
}

fn body(name: &str) -> Value {
    let (host, port) = CLOSED;
    with(by_parts(name), json!({"server": host, "port": port}))
}

#[test]
fn t48_a_backup_under_load_is_whole_and_opens_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, elsewhere] = ["data", "elsewhere"].map(|name| folder.path().join(name));
    let backup = folder.path().join("copy.db");
    let server = Process::serve(&data, &[]);
    let editor = server.client("editor");
    // As if many had come and gone: the counter of ids is beyond every row.
    let _ = editor.create(&body("first"));
    let sequence = "UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'datastores'";
    Database::open(&data.join("datastore-api.db")).execute(sequence);

    let acknowledged = Mutex::new(BTreeSet::new());
    let count = || acknowledged.lock().expect("no panic").len();
    let before = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (editor, acknowledged) = (&editor, &acknowledged);
            scope.spawn(move || write(editor, writer, 0, acknowledged));
        }
        while count() < 50 {
            std::thread::yield_now();
        }
        let before = acknowledged.lock().expect("no panic").clone();
        let variables = [("BACKUP", text(&backup)), ("DATASTORE_API__DATA_DIR", text(&data))];
        let said = succeed(documented()[0], &variables);
        let bytes = std::fs::metadata(&backup).expect("the copy").len();
        let expected = format!("{}: ", backup.display());
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains(&format!(" datastores, {bytes} bytes\n")), "{said}");
        assert!(said.contains(text(&data.join("keys"))), "{said}");
        // The writers went on, and go on.
        let then = count();
        while count() < then + 20 {
            std::thread::yield_now();
        }
        let _ = server.kill();
        before
    });

    let mode = std::fs::metadata(&backup).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert!(!folder.path().join("copy.db.partial").exists());
    let copied = Database::open(&backup).number("SELECT count(*) AS value FROM datastores");
    assert!(usize::try_from(copied).expect("a count") < count(), "the copy is from the middle");
    let keys = data.join("keys");
    let variables =
        [("BACKUP", text(&backup)), ("KEY_FILE", text(&keys)), ("NEW_DATA_DIR", text(&elsewhere))];
    let _ = succeed(documented()[1], &variables);
    assert_survived(&elsewhere, &before);
    let mut database = Database::open(&elsewhere.join("datastore-api.db"));
    let without_row = "SELECT count(*) AS value FROM history h WHERE h.datastore_id IS NOT NULL \
        AND NOT EXISTS (SELECT 1 FROM datastores d WHERE d.id = h.datastore_id)";
    assert_eq!(database.number(without_row), 0, "history of datastores that are not there");
    let last = database.number("SELECT max(id) AS value FROM datastores");
    let server = Process::serve(&elsewhere, &[]);
    let created = server.client("editor").create(&body("after"));
    let id = created["id"].as_i64().expect("an id");
    assert!(id > last && id > 5000, "{id} after {last}");
}

#[test]
fn t48_a_restored_copy_is_refused_by_other_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, elsewhere] = ["data", "elsewhere"].map(|name| folder.path().join(name));
    let backup = folder.path().join("copy.db");
    let server = Process::serve(&data, &[]);
    let _ = server.client("editor").create(&body("first"));
    let output = command(&data, &["backup", text(&backup)]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let _ = server.terminate();
    let other = folder.path().join("other-keys");
    let key = command(&data, &["key", "generate"]).output().expect("it runs").stdout;
    std::fs::write(&other, key).expect("written");
    let variables =
        [("BACKUP", text(&backup)), ("KEY_FILE", text(&other)), ("NEW_DATA_DIR", text(&elsewhere))];
    let _ = succeed(documented()[1], &variables);
    let line = refused(command(&elsewhere, &["serve"]));
    assert!(line.contains("not in the key ring"), "{line}");
    std::fs::remove_file(elsewhere.join("keys")).expect("removed");
    let line = refused(command(&elsewhere, &["serve"]));
    assert!(line.contains("restore it") && line.contains("elsewhere/keys"), "{line}");
    assert!(!elsewhere.join("keys").exists(), "a new key was made");
}

#[test]
fn t48_a_backup_overwrites_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let line = refused(command(&data, &["backup", "copy.db"]));
    assert!(line.contains("there is no database"), "{line}");
    let server = Process::serve(&data, &[]);
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "precious").expect("written");
    let line = refused(command(&data, &["backup", text(&precious)]));
    assert!(line.contains("precious") && line.contains("exists already"), "{line}");
    assert_eq!(std::fs::read(&precious).expect("read"), b"precious");
    // Another backup to the same place is under way, or was cut off.
    let partial = folder.path().join("copy.db.partial");
    std::fs::write(&partial, "half").expect("written");
    let line = refused(command(&data, &["backup", "copy.db"]));
    assert!(line.contains("copy.db.partial"), "{line}");
    assert_eq!(std::fs::read(&partial).expect("read"), b"half");
    let line = refused(command(&data, &["backup", "no/such/copy.db"]));
    assert!(line.contains("no/such/copy.db") && line.contains("check its folder"), "{line}");
    let _ = server.terminate();
}

/// A new database of the test server; dropped with this value, with the one restored beside it.
struct Postgres {
    admin: String,
    name: String,
    folder: tempfile::TempDir,
}

impl Postgres {
    fn new() -> Self {
        let admin = live("TEST_POSTGRES_ADMIN_URL");
        // No number that a test cut off earlier may have left a database under.
        let random = RandomState::new().build_hasher().finish();
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = Self { admin, name: format!("backup_{random:016x}"), folder };
        let _ = postgres.sql(&format!("CREATE DATABASE {}", postgres.name));
        postgres
    }

    fn url(&self, name: &str) -> String {
        let (server, _) = self.admin.rsplit_once('/').expect("the URL names a database");
        format!("{server}/{name}")
    }

    fn restored(&self) -> String {
        format!("{}_restored", self.name)
    }

    /// How the tools are told of server and login, with a file in which the password is.
    fn tool(&self, database: &str, commands: &str, more: (&str, &str)) -> Output {
        let url = self.admin.strip_prefix("postgres://").expect("a URL of PostgreSQL");
        let (login, place) = url.rsplit_once('@').expect("a login");
        let (user, password) = login.split_once(':').expect("a password");
        let (host, port) =
            place.split_once('/').expect("a database").0.split_once(':').expect("a port");
        let password = percent_decode_str(password).decode_utf8().expect("UTF-8");
        // What separates the fields is escaped.
        let password = password.replace('\\', "\\\\").replace(':', "\\:");
        let file = self.folder.path().join("pgpass");
        std::fs::write(&file, format!("{host}:{port}:*:{user}:{password}\n")).expect("written");
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
        let variables = [
            ("PGHOST", host),
            ("PGPORT", port),
            ("PGUSER", user),
            ("PGDATABASE", database),
            ("PGPASSFILE", text(&file)),
            more,
        ];
        shell(commands, &variables)
    }

    fn sql(&self, sql: &str) -> Output {
        self.tool("postgres", "psql --quiet --command=\"$SQL\"", ("SQL", sql))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        for name in [&self.name, &self.restored()] {
            drop(self.sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        }
    }
}

/// A server on PostgreSQL, and an admin's client of it.
fn serve(data: &Path, url: &str, keys: &str) -> (Process, Client) {
    let variables = [
        ("DATASTORE_API__DATABASE__URL", url),
        ("DATASTORE_API__CRYPTO__KEYS", keys),
        // The machine may be busy, and a login takes thousands of hashes.
        ("DATASTORE_API__DATABASE__POOL_WAIT_MS", "30000"),
    ];
    let server = Process::serve(data, &variables);
    let create = ["token", "create", "--name", "test", "--role", "admin"];
    let output = command(data, &create).envs(variables).output().expect("it runs");
    let token = String::from_utf8(output.stdout).expect("text").trim().to_owned();
    let client = Client::new(server.address(), Some(token));
    (server, client)
}

#[test]
fn t48_postgresql_is_dumped_and_restored_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let backup = folder.path().join("registry.dump");
    let postgres = Postgres::new();
    let url = postgres.url(&postgres.name);
    let key = command(&data, &["key", "generate"]).output().expect("it runs").stdout;
    let key = String::from_utf8(key).expect("text");
    let (server, client) = serve(&data, &url, &key);
    let paths: Vec<_> = (0..5).map(|n| client.create_at(&body(&format!("n{n}")))).collect();

    let mut backup_command = command(&data, &["backup", text(&backup)]);
    backup_command.env("DATASTORE_API__DATABASE__URL", &url);
    let line = refused(backup_command);
    assert!(line.contains("pg_dump --format=custom") && !backup.exists(), "{line}");

    let restored = postgres.url(&postgres.restored());
    let tool = |commands: &str| {
        succeeded(postgres.tool(&postgres.name, commands, ("BACKUP", text(&backup))));
    };
    let [_, _, dump, restore] = documented();
    tool(dump);
    let mode = std::fs::metadata(&backup).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let _ = client.create(&body("after the backup"));
    let _ = server.terminate();
    tool(&restore.replace("registry_restored", &postgres.restored()));

    let (server, client) = serve(&data, &restored, &key);
    let list = client.get(DATASTORES).expect(200).json();
    assert_eq!(list["count"], paths.len(), "{list}");
    for path in &paths {
        let tested = client.post(&format!("{path}test-connection/"), &json!({})).expect(200);
        assert_eq!(tested.json()["error"]["code"], "connection_refused");
    }
    let created = client.create(&body("new"))["id"].as_i64().expect("an id");
    let last = paths.last().expect("some").trim_end_matches('/').rsplit('/').next();
    let last: i64 = last.and_then(|id| id.parse().ok()).expect("an id");
    assert!(created > last, "{created} after {last}");
    let _ = server.terminate();
    let other = command(&data, &["key", "generate"]).output().expect("it runs").stdout;
    let mut wrong = command(&data, &["serve"]);
    wrong
        .env("DATASTORE_API__DATABASE__URL", &restored)
        .env("DATASTORE_API__CRYPTO__KEYS", String::from_utf8(other).expect("text"));
    let line = refused(wrong);
    assert!(line.contains("not in the key ring"), "{line}");
    let mut none = command(&data, &["serve"]);
    none.env("DATASTORE_API__DATABASE__URL", &restored);
    let line = refused(none);
    assert!(line.contains("holds sealed secrets") && line.contains("restore it"), "{line}");
}
