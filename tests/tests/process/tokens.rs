//! Tokens on the command line, beside a server that runs.

use datastore_tests::{Client, DATASTORES, Process, command, token};
use serde_json::Value;

#[test]
fn t24_a_token_revoked_on_the_command_line_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::serve(&data, &[]);
    let text = token(&data, "viewer", &["--expires", "90d"]);
    let client = Client::new(server.address(), Some(text.clone()));
    let _ = client.get(DATASTORES).expect(200);
    let list = command(&data, &["token", "list", "--output", "json"]).output().expect("it runs");
    let list = String::from_utf8(list.stdout).expect("text");
    assert!(!list.contains(&text) && !list.contains(&text[4..20]), "{list}");
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let row = list.as_array().and_then(|rows| rows.iter().find(|row| row["name"] == "viewer"));
    let id = row.expect("the token is listed")["id"].to_string();
    let revoked = command(&data, &["token", "revoke", &id]).output().expect("it runs");
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    client.get(DATASTORES).problem(401, "unauthenticated");
    let _ = server.terminate();
}

#[test]
fn a_role_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::serve(&data, &[]);
    for arguments in [
        &["token", "create", "--name", "x", "--role", "root"][..],
        &["token", "create", "--name", "", "--role", "viewer"],
        &["token", "create", "--name", "x", "--role", "viewer", "--expires", "soon"],
        &["token", "revoke", "4711"],
    ] {
        let output = command(&data, arguments).output().expect("it runs");
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    let _ = server.terminate();
}

#[test]
fn t23_what_the_first_start_makes_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::serve(&data, &[]);
    let _ = server.admin().get(DATASTORES).expect(200);
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 3, "database, keys and token");
    let secret = server.admin().token().expect("a token").to_owned();
    let log = server.terminate();
    assert!(log.contains("admin-token") && !log.contains(&secret), "{log}");
}
