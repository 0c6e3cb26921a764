//! T44: starts that are refused. Each says so in one line that names thing and remedy, and leaves
//! everything on disk as it was. More of them are in `crates/server/tests/smoke`.

mod postgres;

use datastore_testkit::snapshot;
use datastore_tests::{DATASTORES, Database, Process, as_user, by_parts, command, under};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The promise is two seconds, for an idle machine; what must be told apart is a start that waits.
const LONGEST: Duration = Duration::from_secs(10);

/// A user who is nobody else here.
const STRANGER: u32 = 4343;

/// A folder with a data folder in it that was served from, with one secret stored.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn used() -> Self {
        let home = Self::new();
        let server = Process::serve(&home.data(), &[]);
        let _ = server.admin().post(DATASTORES, &by_parts("first")).expect(201);
        let _ = server.terminate();
        home
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn keys(&self) -> String {
        fs::read_to_string(self.data().join("keys")).expect("the key file")
    }

    fn set_keys(&self, text: &str) {
        fs::write(self.data().join("keys"), text).expect("written");
    }

    fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    }

    fn database(&self) -> Database {
        Database::open(&self.data().join("datastore-api.db"))
    }

    fn serve(&self) -> Command {
        command(&self.data(), &["serve"])
    }

    /// The line of a command that is refused, and that has each of `parts`.
    #[track_caller]
    fn refuses(&self, mut command: Command, parts: &[&str]) -> String {
        let before = snapshot(self.0.path());
        let output = ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let line = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert_eq!((line.matches('\n').count(), output.stdout.len()), (1, 0), "{line}");
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
        assert!(before == snapshot(self.0.path()), "the folder was changed: {line}");
        line
    }
}

/// Runs a command to its end, which is a kill when it takes too long: it may be serving.
pub(crate) fn ended(command: &mut Command) -> Output {
    let child = command.spawn().expect("it runs");
    let pid = Pid::from_raw(child.id().cast_signed()).expect("a process id");
    let (over, watched) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if watched.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
            // It may have ended just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("it ends");
    drop(over);
    watch.join().expect("no panic");
    output
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The same command, of a user with no rights beyond their own: root is one in a namespace.
fn unprivileged(command: &Command) -> Command {
    let mut unprivileged = Command::new("unshare");
    unprivileged.args(["--user", "--map-user=1000", "--map-group=1000"]);
    under(unprivileged, command)
}

#[test]
fn t44_a_key_file_that_others_can_read_or_write() {
    let home = Home::used();
    let keys = home.data().join("keys");
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666] {
        home.set_mode(&keys, mode);
        home.refuses(home.serve(), &["data/keys", &format!("mode {mode:04o}"), "chmod 0600"]);
    }
    for (mode, accepted) in [(0o660, false), (0o644, false), (0o650, false), (0o440, true)] {
        home.set_mode(&keys, mode);
        let allowed = ("DATASTORE_API__CRYPTO__KEY_FILE_GROUP_READ", "true");
        if accepted {
            let _ = Process::serve(&home.data(), &[allowed]).terminate();
        } else {
            let mut serve = home.serve();
            serve.env(allowed.0, allowed.1);
            home.refuses(serve, &["data/keys", "chmod 0640"]);
        }
    }
}

#[test]
fn t44_a_key_file_of_another_user() {
    let home = Home::used();
    let parts = ["belongs to user id", "chown"];
    if !is_root() {
        // Nobody can give files away but root, whose own files are a stranger's in a namespace.
        let mut serve = unprivileged(&home.serve());
        serve.env("DATASTORE_API__CRYPTO__KEY_FILE", "/etc/passwd");
        home.refuses(serve, &["/etc/passwd", parts[0], parts[1]]);
        return;
    }
    let keys = home.data().join("keys");
    chown(&keys, Some(STRANGER + 1), None).expect("root may");
    home.refuses(home.serve(), &["data/keys", "4344", parts[0], parts[1]]);
    // A third user, who may read it.
    home.set_mode(&keys, 0o644);
    let own = Home::new();
    fs::create_dir(own.data()).expect("made");
    for folder in [home.0.path(), &home.data(), own.0.path(), &own.data()] {
        home.set_mode(folder, 0o755);
    }
    chown(own.data(), Some(STRANGER), None).expect("root may");
    let place = tempfile::tempdir().expect("a folder");
    home.set_mode(place.path(), 0o755);
    let mut serve = as_user(&own.serve(), STRANGER, place.path());
    serve.env("DATASTORE_API__CRYPTO__KEY_FILE", &keys);
    own.refuses(serve, &["data/keys", "4344", "4343", parts[0], parts[1]]);
}

#[test]
fn t44_keys_that_are_none() {
    let home = Home::used();
    let own = home.keys();
    let (id, key) = own.trim().split_once(':').expect("id and key");
    let zeros = format!("{}=", "A".repeat(43));
    for (text, parts) in [
        (format!("{id}:{}", &key[4..]), ["has 29 bytes instead of 32", "copy its line again"]),
        (format!("{id}:{zeros}"), ["is all zeros", "key generate"]),
        (format!("{own}{own}"), ["is repeated", "remove one of its lines"]),
        (format!("{id}:{}", &key[1..]), ["is not base64", "copy its line again"]),
        (key.to_owned(), ["entry 1", "is not `id:key`"]),
        ("# none\n".to_owned(), ["there is no key", "restore the keys"]),
    ] {
        home.set_keys(&text);
        let line = home.refuses(home.serve(), &parts);
        assert!(line.contains("data/keys") && !line.contains(&key[4..12]), "{line}");
    }
}

#[test]
fn t44_keys_that_are_lost_are_not_replaced() {
    let home = Home::used();
    fs::remove_file(home.data().join("keys")).expect("removed");
    home.refuses(home.serve(), &["data/keys", "restore it", "crypto.key_file"]);
    // Also when only the canary is there: nothing was stored yet.
    home.database().execute(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER history_refuses_delete; DELETE FROM history; \
         DELETE FROM datastores;",
    );
    home.refuses(home.serve(), &["data/keys", "restore it", "crypto.key_file"]);
}

#[test]
fn t44_keys_of_another_database() {
    let home = Home::used();
    let own = home.keys();
    let other = Home::used().keys();
    let (id, _) = own.split_once(':').expect("id and key");
    let (_, key) = other.split_once(':').expect("id and key");
    home.set_keys(&other);
    home.refuses(home.serve(), &[id, "not in the key ring", "add that key"]);
    home.set_keys(&format!("{id}:{key}"));
    home.refuses(home.serve(), &[id, "does not open this database", "restore the key"]);
}

#[test]
fn t44_a_key_that_a_stored_secret_needs() {
    let home = Home::used();
    let (own, other) = (home.keys(), Home::used().keys());
    let (other_id, _) = other.split_once(':').expect("id and key");
    home.set_keys(&format!("{other}{own}"));
    let server = Process::serve(&home.data(), &[]);
    let _ = server.admin().post(DATASTORES, &by_parts("second")).expect(201);
    let _ = server.terminate();
    // The canary opens, and so does the first secret.
    home.set_keys(&own);
    home.refuses(home.serve(), &["1 stored secret", other_id, "add that key"]);
}

/// An older schema that no start with other keys may touch, not even to migrate it.
#[test]
fn t44_keys_are_checked_before_the_schema_is_touched() {
    let home = Home::used();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite");
    let migrations = fs::read_dir(folder).expect("the migrations").count();
    home.database().execute(
        "DELETE FROM __diesel_schema_migrations WHERE version = \
         (SELECT max(version) FROM __diesel_schema_migrations)",
    );
    home.set_keys(&Home::used().keys());
    // Without its first and only migration the database is nobody's.
    let reason = if migrations > 1 { "not in the key ring" } else { "check database.url" };
    home.refuses(home.serve(), &[reason]);
}

#[test]
fn t44_a_database_of_a_newer_program() {
    let home = Home::used();
    let newest = "SELECT max(version) AS value FROM __diesel_schema_migrations";
    let ours = home.database().lines(newest).remove(0);
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000999')";
    home.database().execute(newer);
    home.refuses(home.serve(), &["00000000000999", &ours, "start the newer version"]);
}

#[test]
fn t44_a_database_of_another_program() {
    let home = Home::new();
    fs::create_dir(home.data()).expect("made");
    home.database().execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    home.refuses(home.serve(), &["datastore-api.db", "not a database of this service"]);
}

#[test]
fn t44_settings_that_are_none() {
    let home = Home::new();
    for (name, value, parts) in [
        ("HTTP__BIDN", "x", ["HTTP__BIDN", "did you mean DATASTORE_API__HTTP__BIND?"]),
        ("HTPP__BIND", "x", ["HTPP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"]),
        ("HTTP__COLOUR", "x", ["HTTP__COLOUR", "config check"]),
        ("HTTP__WORKERS", "many", ["http.workers", "whole number from 1 to 1024"]),
        ("SHUTDOWN__GRACE", "soon", ["shutdown.grace", "from 0s to 3600s"]),
        ("DATABASE__URL", "mysql://x", ["database.url", "must begin with sqlite://"]),
    ] {
        for arguments in [["serve"].as_slice(), &["config", "check"], &["migrate"]] {
            let mut command = command(&home.data(), arguments);
            command.env(format!("DATASTORE_API__{name}"), value);
            home.refuses(command, &parts);
        }
    }
}

#[test]
fn t44_a_port_that_is_taken() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let mut serve = home.serve();
    serve.env("DATASTORE_API__HTTP__BIND", address.to_string());
    let shows = format!("'sport = :{}'", address.port());
    let other = "DATASTORE_API__HTTP__BIND=127.0.0.1:";
    home.refuses(serve, &[&address.to_string(), "http.bind", "something else does", &shows, other]);
}

#[test]
fn t44_a_port_that_needs_a_right() {
    let home = Home::new();
    let mut plain = home.serve();
    plain.env("DATASTORE_API__HTTP__BIND", "0.0.0.0:80");
    // In a network of its own, whose ports below 1024 are kept for its root whatever the machine does.
    let mut network = Command::new("unshare");
    network.arg("--net");
    let serve = under(network, &unprivileged(&plain));
    let advice = ["0.0.0.0:80", "CAP_NET_BIND_SERVICE", "DATASTORE_API__HTTP__BIND=0.0.0.0:8080"];
    home.refuses(serve, &advice);
}

#[test]
fn t44_an_address_of_another_machine() {
    let home = Home::new();
    let mut serve = home.serve();
    // RFC 5737: nobody has it.
    serve.env("DATASTORE_API__HTTP__BIND", "192.0.2.1:8080");
    let parts = ["192.0.2.1:8080", "no address of this machine", "http.bind", "127.0.0.1:8080"];
    home.refuses(serve, &parts);
}

#[test]
fn t44_a_ca_file_that_is_none() {
    let home = Home::new();
    let file = home.0.path().join("ca.pem");
    let variable = "DATASTORE_API__CONNECTIVITY__TLS__CA_FILE";
    let serve = || {
        let mut serve = home.serve();
        serve.env(variable, &file);
        serve
    };
    home.refuses(serve(), &["ca.pem", "connectivity.tls.ca_file"]);
    fs::write(&file, "no certificate").expect("written");
    home.refuses(serve(), &["connectivity.tls.ca_file"]);
    home.set_mode(&file, 0o000);
    let before = unprivileged(&serve()).output().expect("it runs").stderr;
    let line = String::from_utf8(before).expect("text");
    assert!(line.contains("ca.pem") && line.contains("connectivity.tls.ca_file"), "{line}");
}

#[test]
fn t44_a_data_folder_that_cannot_be_used() {
    let home = Home::new();
    fs::write(home.data(), "a file").expect("written");
    home.refuses(home.serve(), &["data", "is not a folder", "data_dir"]);
    fs::remove_file(home.data()).expect("removed");
    // Nothing can be made, neither the folder nor what belongs into it.
    home.set_mode(home.0.path(), 0o555);
    home.refuses(unprivileged(&home.serve()), &["data", "cannot make the folder", "data_dir"]);
    home.set_mode(home.0.path(), 0o755);
    fs::create_dir(home.data()).expect("made");
    home.set_mode(&home.data(), 0o555);
    home.refuses(unprivileged(&home.serve()), &["data", "cannot be written to", "id 1000"]);
}

#[test]
fn t44_a_data_folder_that_others_can_write_to() {
    let home = Home::used();
    let admin = fs::read_to_string(home.data().join("admin-token")).expect("a token");
    for mode in [0o777, 0o1777, 0o770, 0o720, 0o702] {
        home.set_mode(&home.data(), mode);
        for arguments in
            [["serve"].as_slice(), &["migrate"], &["token", "list"], &["key", "status"]]
        {
            let parts = ["data", &format!("mode {mode:04o}"), "chmod go-w"];
            home.refuses(command(&home.data(), arguments), &parts);
        }
    }
    home.set_mode(&home.data(), 0o755);
    let server = Process::serve(&home.data(), &[]);
    assert_eq!(server.admin().token(), Some(admin.trim()));
    let _ = server.terminate();
    // The same goes for a database that lies elsewhere.
    let elsewhere = home.0.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    home.set_mode(&elsewhere, 0o777);
    let mut serve = home.serve();
    let url = format!("sqlite://{}/registry.db", elsewhere.display());
    serve.env("DATASTORE_API__DATABASE__URL", url);
    home.refuses(serve, &["elsewhere", "mode 0777", "chmod go-w"]);
    if is_root() {
        chown(home.data(), Some(STRANGER), None).expect("root may");
        home.refuses(home.serve(), &["data", "belongs to user id 4343", "chown"]);
    }
}
