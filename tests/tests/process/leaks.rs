//! T16: canary secrets through every endpoint, failure and command, looked for everywhere.

use datastore_tests::canary::Canaries;
use datastore_tests::{
    CLOSED, Client, DATASTORES, FakeServer, Process, by_parts, by_string, command, with,
};
use serde_json::{Value, json};

/// Each in another role; the characters are those that escapes change.
const BY_PARTS: &str = "cAnArY-1 p@ss:w/rd%20#?\"\\ä";
const BY_STRING: &str = "cAnArY-2-in-a-string";
const PARAMETER: &str = "cAnArY-3-parameter";
const REPLACED: &str = "cAnArY-4 \"replaced\" &<>";
const MISPLACED: &str = "cAnArY-5-misplaced";
const MALFORMED: &str = "cAnArY-6-malformed";
const BAD_TOKEN: &str = "dsa_cAnArY-7";

/// Everything that clients were answered.
struct Answers<'a> {
    editor: &'a Client,
    all: Vec<u8>,
}

impl Answers<'_> {
    fn send(&mut self, method: &str, target: &str, body: Option<&Value>) -> Value {
        let request = self.editor.request(method, target);
        let request = body.map_or(request.clone(), |body| request.json(body));
        self.keep(request)
    }

    fn keep(&mut self, request: datastore_tests::Request) -> Value {
        let answer = request.send();
        self.all.extend_from_slice(format!("{:?}\n", answer.headers).as_bytes());
        self.all.extend_from_slice(&answer.body);
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn create(&mut self, body: &Value) -> String {
        let created = self.send("POST", DATASTORES, Some(body));
        datastore_tests::path_of(&created)
    }

    fn every_read(&mut self, path: &str) {
        for target in [
            path.to_owned(),
            format!("{path}performance/"),
            format!("{path}current-datasets/"),
            DATASTORES.to_owned(),
            format!("{DATASTORES}?search=c"),
            format!("{DATASTORES}types/"),
        ] {
            let _ = self.send("GET", &target, None);
        }
        let options = json!({"timeout_ms": 300});
        let tested = self.send("POST", &format!("{path}test-connection/"), Some(&options));
        assert!(tested["steps"].is_array(), "{tested}");
    }
}

fn writes(answers: &mut Answers<'_>, ports: &[u16]) {
    let (host, port) = CLOSED;
    let secret = json!({"password": BY_PARTS, "server": host, "port": port});
    let first = answers.create(&with(by_parts("parts"), secret));
    answers.every_read(&first);
    let _ = answers.send("PATCH", &first, Some(&json!({"password": REPLACED})));
    answers.every_read(&first);
    let string = format!("postgres://u:{BY_STRING}@{host}:{port}/d?application_name={PARAMETER}");
    let second = answers.create(&by_string("string", "postgres", &string));
    answers.every_read(&second);
    let whole =
        with(by_parts("parts"), json!({"password": BY_PARTS, "server": host, "port": port}));
    let _ = answers.send("PUT", &second, Some(&with(whole.clone(), json!({"name": "string"}))));
    let _ = answers.send("PUT", &first, Some(&by_string("parts", "postgres", &string)));
    let _ = answers.send("POST", DATASTORES, Some(&whole));
    for (at, port) in ports.iter().enumerate() {
        for (system, kind) in [("postgres", "sql"), ("redis", "keyvalue")] {
            let place = json!({
                "name": format!("{system} {at}"), "type": kind, "system": system, "server": "127.0.0.1",
                "port": port, "username": "default", "password": BY_PARTS,
            });
            let path = answers.create(&with(by_parts(""), place));
            answers.every_read(&path);
        }
    }
    let _ = answers.send("DELETE", &second, None);
}

/// Secrets where they do not belong.
fn mistakes(answers: &mut Answers<'_>) {
    let first = format!("{DATASTORES}1/");
    for member in [
        "name",
        "type",
        "system",
        "description",
        "server",
        "port",
        "username",
        "is_active",
        "max_connections",
        "avg_response_time_ms",
        "storage_capacity_gb",
        "database",
        "tls",
        "passwort",
    ] {
        // Wrong where it stands: too long, or of another type, or no choice.
        let value =
            if member == "port" { json!([MISPLACED]) } else { json!(format!("\u{7}{MISPLACED}")) };
        let _ =
            answers.send("POST", DATASTORES, Some(&with(by_parts("x"), json!({ member: value }))));
        let _ = answers.send("PATCH", &first, Some(&json!({ member: value })));
    }
    for string in [
        MISPLACED.to_owned(),
        format!("postgres://u:{MISPLACED}%@h/d"),
        format!("postgres://h/d?sslpassword={MISPLACED}"),
        format!("postgres://h/d?sslmode={MISPLACED}"),
        format!("postgres://u:x@{MISPLACED}@h/d"),
        format!("postgres://h:{MISPLACED}/d"),
    ] {
        let _ = answers.send("PATCH", &first, Some(&json!({ "connection_string": string })));
    }
    for body in [
        format!("{{\"password\":\"{MALFORMED}\""),
        format!("{{\"password\":{MALFORMED}}}"),
        format!("{{\"password\":\"{MALFORMED}\",\"password\":\"{MALFORMED}\"}}"),
    ] {
        let request = answers.editor.request("POST", DATASTORES);
        let _ = answers.keep(request.header("Content-Type", "application/json").body(body));
    }
    for target in [
        format!("{DATASTORES}?type={MISPLACED}"),
        format!("{DATASTORES}?page={MISPLACED}"),
        format!("{DATASTORES}{MISPLACED}/"),
        format!("{first}current-datasets/%20{MISPLACED}/"),
    ] {
        let _ = answers.send("GET", &target, None);
    }
    let stranger = Client::new(answers.editor.address(), Some(BAD_TOKEN.to_owned()));
    let _ = answers.keep(stranger.request("GET", DATASTORES));
}

#[test]
fn t16_no_secret_is_to_be_read_anywhere() {
    let mut canaries = Canaries::default();
    for (label, secret) in [
        ("password", BY_PARTS),
        ("password in a string", BY_STRING),
        ("parameter of a string", PARAMETER),
        ("replaced password", REPLACED),
        ("misplaced secret", MISPLACED),
        ("secret in malformed JSON", MALFORMED),
        ("bad token", BAD_TOKEN),
    ] {
        canaries.add(label, "default", secret);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Process::serve(&data, &[("DATASTORE_API__LOG__LEVEL", "trace")]);
    let editor = server.client("editor");
    canaries.add("token", "", editor.token().expect("a token"));
    let fakes = [
        FakeServer::silent(),
        FakeServer::at("127.0.0.1", |_| b"garbage\r\n".to_vec()),
        // Repeats whatever it was sent, as an error of Redis and of PostgreSQL.
        FakeServer::at("127.0.0.1", |sent| [b"-ERR ", sent, b"\r\n"].concat()),
        FakeServer::at("127.0.0.1", |sent| [b"E\0\0\x10\0SFATAL\0M", sent, b"\0\0"].concat()),
        FakeServer::at("127.0.0.1", |_| b"-NOAUTH needed\r\n".to_vec()),
        FakeServer::at("127.0.0.1", |_| b"N".to_vec()),
    ];
    let ports = fakes.each_ref().map(FakeServer::port);
    let mut answers = Answers { editor: &editor, all: Vec::new() };
    writes(&mut answers, &ports);
    mistakes(&mut answers);
    canaries.assert_absent("an answer", &answers.all);
    for arguments in [&["token", "list"][..], &["key", "status"], &["config", "check"]] {
        let output = command(&data, arguments).output().expect("it runs");
        canaries.assert_absent(&format!("{arguments:?}"), &[output.stdout, output.stderr].concat());
    }
    let process = format!("/proc/{}", server.pid());
    for file in ["cmdline", "environ", "comm"] {
        // Not every user may read all of them.
        let bytes = std::fs::read(format!("{process}/{file}")).unwrap_or_default();
        canaries.assert_absent(file, &bytes);
    }
    // Once while the write-ahead log is there, and once after it was moved into the database.
    assert!(canaries.assert_absent_below(&data) >= 3);
    let log = server.terminate();
    assert!(
        log.contains("\"level\":\"DEBUG\"") || log.contains("\"level\":\"TRACE\""),
        "nothing below info: {log}"
    );
    canaries.assert_absent("the log", log.as_bytes());
    assert!(canaries.assert_absent_below(&data) >= 3);
}
