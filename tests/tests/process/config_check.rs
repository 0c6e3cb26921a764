//! `config check`, and what `serve` says of the same settings: everything at once, without a change.

use crate::refusals::ended;
use datastore_testkit::snapshot;
use datastore_tests::{Process, binary, command, under};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with files in it that settings name.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        self.path(name)
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = command(&self.data(), arguments);
        command.envs(variables.iter().map(|(name, value)| (variable(name), value)));
        let before = snapshot(self.0.path());
        let output = ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        assert!(before == snapshot(self.0.path()), "the folder was changed: {arguments:?}");
        output
    }

    /// What `config check` prints when all is well.
    #[track_caller]
    fn shown(&self, variables: &[(&str, &str)]) -> String {
        let output = self.run(&["config", "check"], variables);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Insists that `config check` and `serve` both refuse, with these lines, in their order.
    #[track_caller]
    fn refused(&self, variables: &[(&str, &str)], lines: &[&[&str]]) -> String {
        let check = self.run(&["config", "check"], variables);
        let serve = self.run(&["serve"], variables);
        assert_eq!(text(&check.stderr), text(&serve.stderr));
        for output in [check.status.code(), serve.status.code()] {
            assert_eq!(output, Some(1), "{}", text(&check.stderr));
        }
        let said = text(&check.stderr);
        assert_eq!(said.lines().count(), lines.len(), "{said}");
        for (line, parts) in said.lines().zip(lines) {
            assert!(line.starts_with("datastore-api: "), "{line}");
            assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
        }
        said
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A whole name stays as it is.
fn variable(name: &str) -> String {
    let is_whole = name.to_lowercase().starts_with("datastore");
    if is_whole { name.to_owned() } else { format!("DATASTORE_API__{name}") }
}

fn key() -> String {
    text(&Command::new(binary()).args(["key", "generate"]).output().expect("it runs").stdout)
}

/// The keys in the form of settings, with the tables that they are in.
fn keys(toml: &str) -> BTreeSet<String> {
    let mut table = String::new();
    let mut keys = BTreeSet::new();
    for line in toml.lines().map(|line| line.trim_start_matches("# ")) {
        if let Some(name) = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            table = format!("{name}.");
        }
        let key = line.split_once(" = ").or_else(|| line.split_once(" is not set"));
        if let Some((key, _)) = key.filter(|(key, _)| !key.contains(' ')) {
            keys.insert(format!("{table}{key}"));
        }
    }
    keys
}

#[test]
fn every_setting_in_effect_is_shown() {
    let place = Place::new();
    place.write("config/local.toml", "[http]\nworkers = 3\nbind = '127.0.0.1:1'\n", 0o644);
    let shown = place.shown(&[("SHUTDOWN__GRACE", "1500ms")]);
    let defaults = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/default.toml");
    let documented = keys(&fs::read_to_string(defaults).expect("the defaults"));
    let missing: Vec<_> = documented.difference(&keys(&shown)).cloned().collect();
    assert!(missing.is_empty(), "{missing:?} in {shown}");
    let data = place.path("data");
    for line in [
        "workers = 3",
        // The environment is above the file.
        "bind = \"127.0.0.1:0\"",
        "grace = \"1.5s\"",
        "# public_url is not set",
        "format = \"json\"",
        &format!("data_dir = \"{data}\""),
        &format!("url = \"sqlite://{data}/datastore-api.db\""),
        &format!("key_file = \"{data}/keys\""),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    // It is a file of settings itself.
    let again = place.write("shown.toml", &shown, 0o644);
    let output = place.run(&["--config", &again, "config", "check"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn t16_secrets_are_masked_and_names_of_parameters_are_not() {
    let place = Place::new();
    let key = key();
    let url =
        "postgres://app:canary@db.example:5433/registry?sslmode=require&application_name=canary";
    let shown = place.shown(&[("DATABASE__URL", url), ("CRYPTO__KEYS", &key)]);
    let masked = "postgres://app:***@db.example:5433/registry?sslmode=***&application_name=***";
    assert!(shown.contains(&format!("url = \"{masked}\"")), "{shown}");
    assert!(shown.contains("keys = \"***\"") && shown.contains("# key_file is not set"), "{shown}");
    let (_, secret) = key.trim().split_once(':').expect("id and key");
    assert!(!shown.contains("canary") && !shown.contains(&secret[4..12]), "{shown}");
}

#[test]
fn what_is_checked_can_be_served() {
    let place = Place::new();
    let _ = place.shown(&[]);
    let _ = Process::serve(&place.data(), &[]).terminate();
    let _ = place.shown(&[]);
    let _ = Process::serve(&place.data(), &[]).terminate();
}

/// Neither the address to listen on nor the database is touched.
#[test]
fn a_check_opens_no_socket() {
    let place = Place::new();
    let key = key();
    let trace = place.0.path().join("trace");
    let url = "postgres://app@127.0.0.1:1/registry?sslmode=disable";
    let plain = command(&place.data(), &["config", "check"]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=socket,socketpair,connect,bind,listen,execve", "-o"]);
    traced.arg(&trace);
    let mut traced = under(traced, &plain);
    traced.env(variable("DATABASE__URL"), url).env(variable("CRYPTO__KEYS"), key);
    let output = traced.output().expect("strace runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let calls = fs::read_to_string(&trace).expect("a trace");
    assert!(calls.contains("execve("), "{calls}");
    for call in ["socket(", "socketpair(", "connect(", "bind(", "listen("] {
        assert!(!calls.contains(call), "{calls}");
    }
}

#[test]
fn t44_every_file_that_is_refused_is_named() {
    let place = Place::new();
    let keys = place.write("keys", &key(), 0o644);
    let none = place.write("none.pem", "no certificate", 0o644);
    let missing = place.path("missing.pem");
    fs::create_dir(place.data()).expect("made");
    fs::set_permissions(place.data(), Permissions::from_mode(0o777)).expect("it is ours");
    let variables = [
        ("CRYPTO__KEY_FILE", &*keys),
        ("DATABASE__TLS_CA_FILE", &none),
        ("CONNECTIVITY__TLS__CA_FILE", &missing),
    ];
    place.refused(
        &variables,
        &[
            &["the folder", "/data` has mode 0777", "chmod go-w", "data_dir"],
            &["crypto.key_file", &keys, "mode 0644", "chmod 0600"],
            &[&none, "certificate authorities", "set database.tls_ca_file"],
            &[&missing, "cannot read", "set connectivity.tls.ca_file"],
        ],
    );
    // What was refused is shown all the same.
    let output = place.run(&["config", "check"], &variables);
    assert!(text(&output.stdout).contains(&format!("key_file = \"{keys}\"")));
}

#[test]
fn t44_a_database_that_is_no_file_is_refused() {
    let place = Place::new();
    fs::create_dir_all(place.data().join("datastore-api.db")).expect("made");
    fs::set_permissions(place.data(), Permissions::from_mode(0o700)).expect("it is ours");
    place.refused(&[], &[&["data/datastore-api.db", "database.url", "directory"]]);
}

/// A start looks into the database first, and says whether it is to be made or to be restored.
#[test]
fn t44_with_postgresql_a_key_file_has_to_be_there() {
    let url = ("DATABASE__URL", "postgres://app@db.example/registry");
    let output = Place::new().run(&["config", "check"], &[url]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    for part in ["no key file", "data/keys", "restore it if", "key generate"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn t44_all_bad_settings_are_told_at_once() {
    let place = Place::new();
    place.write("config/local.toml", "[http]\nworkers = 0\ncolour = 'canary'\n", 0o644);
    place.refused(
        &[
            ("HTTP__WORKERS", "canary"),
            ("DATABASE__URL", "mysql://canary"),
            ("SHUTDOWN__TIMEOUT_SECONDS", "canary"),
        ],
        &[
            &["http.colour in config/local.toml", "no such setting", "config check"],
            &["http.workers in config/local.toml", "whole number from 1 to 1024"],
            &["database.url (DATASTORE_API__DATABASE__URL)", "must begin with sqlite://"],
            &["http.workers (DATASTORE_API__HTTP__WORKERS)", "whole number from 1 to 1024"],
            &["(DATASTORE_API__SHUTDOWN__TIMEOUT_SECONDS)", "a time from 0s to 3600s"],
        ],
    );
    place.write("config/local.toml", "[http]\nworkers = canary\n", 0o644);
    let said = place.refused(
        &[("LOG__LEVEL", "canary")],
        &[&["config/local.toml is not TOML: line 2"], &["log.level", "must be error, warn"]],
    );
    assert!(!said.contains("canary"), "{said}");
    // Not being allowed to read it is no reason to go on without it.
    fs::remove_file(place.path("config/local.toml")).expect("removed");
    fs::create_dir(place.path("config/local.toml")).expect("made");
    place.refused(&[], &[&["config/local.toml cannot be read"]]);
}

#[test]
fn t44_variables_with_a_slip_are_told_what_is_meant() {
    let place = Place::new();
    for (name, meant) in [
        ("DATASTORE_API_HTTP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API_HTTP__BIDN", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__HTTP_BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API_HTTP_BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("datastore_api__http__bind", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__HTPP__BIND", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__HTTP__BIDN", "did you mean DATASTORE_API__HTTP__BIND?"),
        ("DATASTORE_API__CRYPTO__KEY", "did you mean DATASTORE_API__CRYPTO__KEYS?"),
        ("DATASTORE_API__COLOURS__RED", "`datastore-api config check` without it"),
    ] {
        let said = place.refused(&[(name, "canary")], &[&[&format!("variable {name}: "), meant]]);
        assert!(!said.contains("canary"), "{said}");
    }
    let platform = [
        ("DATASTORE_API_PORT", "tcp://10.0.0.1:80"),
        ("DATASTORE_API_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("DATASTORE_API_SERVICE_HOST", "10.0.0.1"),
    ];
    let _ = place.shown(&platform);
}

#[test]
fn t44_keys_and_a_key_file_are_one_too_many() {
    let place = Place::new();
    let key = key();
    let file = place.write("keys", &key, 0o600);
    let of_both = &["DATASTORE_API__CRYPTO__KEYS", "take one away"];
    place.refused(
        &[("CRYPTO__KEYS", &key), ("CRYPTO__KEY_FILE", &file)],
        &[&[&["setting crypto.key_file (DATASTORE_API__CRYPTO__KEY_FILE)"], &of_both[..]].concat()],
    );
    place.write("config/local.toml", &format!("crypto.key_file = '{file}'"), 0o644);
    let said = place.refused(
        &[("CRYPTO__KEYS", &key)],
        &[&[&["setting crypto.key_file in config/local.toml"], &of_both[..]].concat()],
    );
    let (_, secret) = key.trim().split_once(':').expect("id and key");
    assert!(!said.contains(&secret[4..12]), "{said}");
    let _ = place.shown(&[]);
    fs::remove_file(Path::new(&place.path("config/local.toml"))).expect("removed");
    let _ = place.shown(&[("CRYPTO__KEYS", &key)]);
}
