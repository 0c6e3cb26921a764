//! Fake MySQL servers.

use crate::support::{ENOUGH, Fake, PASSWORD, assert_failed, await_true, database, login, test};
use datastore_domain::{ConnectSpec, FailureCode, ProbeReport, Step, System, TlsMode};
use ring::digest::{SHA256, digest};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server can do: all, and all but TLS.
pub(crate) const WITH_TLS: u32 = u32::MAX;
pub(crate) const WITHOUT_TLS: u32 = !0x800;

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";

/// Of a switch; most methods take the first twenty bytes.
const CHALLENGE: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

pub(crate) fn greeting(capabilities: u32, method: &str) -> Vec<u8> {
    let [c0, c1, c2, c3] = capabilities.to_le_bytes();
    let (first, second) = NONCE.split_at(8);
    [
        b"\x0a8.0.36\0\x07\0\0\0",
        first,
        &[0, c0, c1, 45, 2, 0, c2, c3, 21],
        &[0; 10],
        second,
        b"\0",
        method.as_bytes(),
        b"\0",
    ]
    .concat()
}

pub(crate) fn native() -> Vec<u8> {
    greeting(WITHOUT_TLS, "mysql_native_password")
}

fn sha2() -> Vec<u8> {
    greeting(WITHOUT_TLS, "caching_sha2_password")
}

pub(crate) const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const END: &[u8] = b"\xfe\0\0\x02\0";
const COLUMN: &[u8] = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";

pub(crate) fn error(code: u16) -> Vec<u8> {
    [&b"\xff"[..], &code.to_le_bytes(), b"#HY000no: ", PASSWORD.as_bytes()].concat()
}

pub(crate) fn switch(method: &str) -> Vec<u8> {
    [b"\xfe", method.as_bytes(), b"\0", CHALLENGE, b"\0"].concat()
}

pub(crate) fn row(values: &[&str]) -> Vec<u8> {
    let mut row = Vec::new();
    for value in values {
        row.push(u8::try_from(value.len()).expect("short"));
        row.extend(value.as_bytes());
    }
    row
}

/// The whole answer to the query, with `rows`.
pub(crate) fn answer(rows: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let start = [&b"\x04"[..], COLUMN, COLUMN, COLUMN, COLUMN, END].map(<[u8]>::to_vec);
    [start.to_vec(), rows.to_vec(), vec![END.to_vec()]].concat()
}

/// What the client says next, without its header; `None` when it has left.
pub(crate) async fn hear(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.ok()?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut payload = vec![0; usize::try_from(length).expect("short")];
    stream.read_exact(&mut payload).await.ok()?;
    Some((header[3], payload))
}

pub(crate) async fn say(
    stream: &mut TcpStream,
    sequence: u8,
    payload: &[u8],
) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    stream.write_all(&[&length[..3], &[sequence], payload].concat()).await
}

pub(crate) type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Says `greeting`, and answers each packet of the client with the packets of the next reply.
pub(crate) async fn scripted(greeting: Vec<u8>, replies: Vec<Vec<Vec<u8>>>) -> (Fake, Heard) {
    let heard = Heard::default();
    let record = Arc::clone(&heard);
    let script = Arc::new((greeting, replies));
    let fake = Fake::start(move |mut stream| {
        let (record, script) = (Arc::clone(&record), Arc::clone(&script));
        async move {
            let _ = say(&mut stream, 0, &script.0).await;
            let mut replies = script.1.iter();
            while let Some((sequence, said)) = hear(&mut stream).await {
                record.lock().expect("no panic").push(said);
                for (payload, n) in replies.next().into_iter().flatten().zip(1_u8..) {
                    if say(&mut stream, sequence + n, payload).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    (fake, heard)
}

pub(crate) fn plain(fake: &Fake) -> ConnectSpec {
    ConnectSpec { tls: TlsMode::Disable, ..fake.spec(System::Mysql) }
}

pub(crate) async fn run(greeting: Vec<u8>, replies: Vec<Vec<Vec<u8>>>) -> ProbeReport {
    let (fake, _) = scripted(greeting, replies).await;
    let report = test(&plain(&fake), ENOUGH).await;
    assert_eq!(fake.accepted(), 1, "one connection per test");
    report
}

/// Runs the query at a server that lets everybody in and answers it with `packets`.
pub(crate) async fn ask(packets: Vec<Vec<u8>>) -> ProbeReport {
    run(native(), vec![vec![OK.to_vec()], packets]).await
}

fn contains(heard: &Heard, bytes: &[u8]) -> bool {
    heard.lock().expect("no panic").concat().windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn t11_one_connection_with_a_goodbye() {
    let rows = [row(&["1", "app_db", "8.0.36", "app_user@%"])];
    let (fake, heard) = scripted(native(), vec![vec![OK.to_vec()], answer(&rows)]).await;
    let spec = ConnectSpec { database: database("app_db", System::Mysql), ..plain(&fake) };
    let report = test(&spec, ENOUGH).await;
    let details = report.result.expect("let in");
    assert_eq!(details.server_version.as_deref(), Some("MySQL 8.0.36"));
    assert_eq!(details.database_name.as_deref(), Some("app_db"));
    assert_eq!(report.password_required, Some(true));
    assert_eq!(fake.accepted(), 1);
    await_true(|| heard.lock().expect("no panic").len() >= 3).await;
    let heard = heard.lock().expect("no panic");
    let [response, query, goodbye] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(response[..4], 0x0008_a209_u32.to_le_bytes(), "what we can do");
    assert!(response[32..].starts_with(b"app_user\0\x14"));
    assert!(response.ends_with(b"app_db\0mysql_native_password\0"));
    assert!(query.starts_with(b"\x03SELECT 1"));
    assert_eq!(goodbye, b"\x01");
}

/// The server lets the user in without a password, and says so.
#[tokio::test]
async fn an_account_without_a_password() {
    for replies in [
        vec![vec![OK.to_vec()]],
        vec![vec![switch("mysql_native_password")], vec![OK.to_vec()]],
        vec![vec![switch("caching_sha2_password")], vec![OK.to_vec()]],
    ] {
        let replies =
            [replies, vec![answer(&[row(&["1", "db", "8.0.36", "app_user@%"])])]].concat();
        let (fake, _) = scripted(native(), replies).await;
        let credentials = login(Some("app_user"), None);
        let report = test(&ConnectSpec { credentials, ..plain(&fake) }, ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(false));
    }
    for replies in [
        vec![vec![error(1045)]],
        vec![vec![switch("mysql_native_password")], vec![error(1045)]],
        vec![vec![switch("mysql_clear_password")]],
        vec![vec![switch("client_ed25519")]],
        vec![vec![switch("caching_sha2_password")], vec![b"\x01\x04".to_vec()]],
    ] {
        let (fake, _) = scripted(native(), replies).await;
        let credentials = login(Some("app_user"), None);
        let report = test(&ConnectSpec { credentials, ..plain(&fake) }, ENOUGH).await;
        let code = FailureCode::AuthenticationFailed;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains("none is given"), "{message}");
        assert_eq!(report.password_required, Some(true));
    }
}

#[tokio::test]
async fn a_wrong_answer_to_the_query_is_never_a_success() {
    let good = || row(&["1", "db", "v", "u@%"]);
    for (packets, code) in [
        (answer(&[row(&["2", "db", "v", "u@%"])]), FailureCode::QueryFailed),
        (answer(&[row(&["1", "db", "v"])]), FailureCode::QueryFailed),
        (answer(&[row(&["1", "db", "v", "u@%", "more"])]), FailureCode::QueryFailed),
        (answer(&[]), FailureCode::QueryFailed),
        (answer(&[good(), good()]), FailureCode::QueryFailed),
        (vec![OK.to_vec()], FailureCode::QueryFailed),
        (vec![b"\x03".to_vec()], FailureCode::QueryFailed),
        (vec![b"\x05".to_vec()], FailureCode::QueryFailed),
        (vec![b"\x04".to_vec(), END.to_vec()], FailureCode::QueryFailed),
        (
            answer(&[good()])[..6].iter().cloned().chain([error(1053)]).collect(),
            FailureCode::QueryFailed,
        ),
        (vec![error(1142)], FailureCode::PermissionDenied),
        (vec![error(1820)], FailureCode::PermissionDenied),
        (vec![error(1226)], FailureCode::TooManyConnections),
        (vec![error(1927)], FailureCode::ServerClosed),
        (vec![b"\x03\x03".to_vec()], FailureCode::ProtocolMismatch),
        (vec![b"\xff".to_vec()], FailureCode::ProtocolMismatch),
    ] {
        let report = ask(packets).await;
        assert_failed(&report, Step::Query, code);
    }
}

/// Whom a server takes us for that is told to check no login, in the words of MySQL's own server and
/// of MariaDB; an anonymous user is one that was checked.
#[tokio::test]
async fn a_server_that_checks_no_login_is_told() {
    for (user, required) in [
        ("skip-grants user@skip-grants host", false),
        ("@", false),
        ("@localhost", true),
        ("app_user@%", true),
    ] {
        let report = ask(answer(&[row(&["1", "db", "8.0.36", user])])).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(required), "{user}");
    }
}

#[tokio::test]
async fn a_login_out_of_order_is_a_mismatch() {
    let more = |bytes: &[u8]| vec![[b"\x01", bytes].concat()];
    let to = |method: &str| vec![switch(method)];
    for (greeting, replies) in [
        // More methods than any user has.
        (native(), vec![to("mysql_native_password"); 9]),
        // Challenges that are too short.
        (native(), vec![vec![b"\xfemysql_native_password\0".to_vec()]]),
        (native(), vec![vec![b"\xfecaching_sha2_password\0ABCDEFGHIJKLMNOPQRS".to_vec()]]),
        (native(), vec![vec![b"\xfeclient_ed25519\0ABCDEFGHIJKLMNOPQRST\0".to_vec()]]),
        // What belongs to another method, or to none.
        (native(), vec![more(b"\x03")]),
        (native(), vec![more(b"\x04")]),
        (native(), vec![vec![b"\x02mysql_native_password\0".to_vec()]]),
        (native(), vec![vec![b"\xfb/etc/passwd".to_vec()]]),
        (sha2(), vec![more(b"\x05")]),
        (sha2(), vec![more(b"")]),
        (sha2(), vec![vec![b"\x01\x03".to_vec(), b"\x01\x03".to_vec()]]),
        // No key, another kind of key, and none at all.
        (sha2(), vec![more(b"\x04"), more(b"key")]),
        (
            sha2(),
            vec![
                more(b"\x04"),
                more(b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"),
            ],
        ),
        (sha2(), vec![more(b"\x04"), vec![OK.to_vec()]]),
    ] {
        let report = run(greeting, replies).await;
        assert_failed(&report, Step::Authenticate, FailureCode::ProtocolMismatch);
    }
}

#[tokio::test]
async fn methods_that_we_do_not_speak_are_named() {
    for (method, word) in [
        ("mysql_old_password", "mysql_old_password"),
        ("sha256_password", "sha256_password"),
        ("dialog", "PAM"),
        ("parsec", "PARSEC"),
        ("auth_gssapi_client", "Kerberos"),
        ("authentication_kerberos_client", "Kerberos"),
        ("authentication_ldap_sasl_client", "LDAP"),
        ("authentication_windows_client", "Windows"),
        ("authentication_webauthn_client", "WebAuthn"),
        ("authentication_openid_connect_client", "OpenID"),
        ("something_new", "kind of authentication"),
    ] {
        // In the greeting it is the server's wish alone, and the user's method may be another.
        let (fake, heard) =
            scripted(greeting(WITHOUT_TLS, method), vec![vec![switch(method)]]).await;
        let report = test(&plain(&fake), ENOUGH).await;
        let code = FailureCode::AuthenticationUnsupported;
        let message = assert_failed(&report, Step::Authenticate, code);
        assert!(message.contains(word), "{message}");
        assert!(contains(&heard, b"mysql_native_password\0"));
        assert!(!contains(&heard, PASSWORD.as_bytes()));
    }
    // Servers that know no methods by name, and of before 4.1.
    let report = run(native(), vec![vec![b"\xfe".to_vec()]]).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationUnsupported);
    let report = run(greeting(WITHOUT_TLS & !0x8000, ""), Vec::new()).await;
    assert_failed(&report, Step::Authenticate, FailureCode::AuthenticationUnsupported);
}

/// The login of `caching_sha2_password` that MySQL's own server speaks without TLS: its key first,
/// which OpenSSL makes here, and reads what comes under it.
#[tokio::test]
async fn a_password_under_the_servers_key() {
    let openssl = |arguments: &[&str], input: &[u8]| {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl, which scripts/databases installs");
        child.stdin.take().expect("piped").write_all(input).expect("read");
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    };
    let private = openssl(&["genrsa", "2048"], b"");
    let public = openssl(&["rsa", "-pubout"], &private);
    let replies = vec![
        vec![b"\x01\x04".to_vec()],
        vec![[&b"\x01"[..], &public].concat()],
        vec![OK.to_vec()],
        answer(&[row(&["1", "db", "8.0.36", "app_user@%"])]),
    ];
    let (fake, heard) = scripted(sha2(), replies).await;
    let report = test(&plain(&fake), ENOUGH).await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert!(!contains(&heard, PASSWORD.as_bytes()));
    let heard = heard.lock().expect("no panic");
    assert_eq!(heard[1], b"\x02");

    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    std::fs::write(&key, &private).expect("written");
    let oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"];
    let decrypt = ["pkeyutl", "-decrypt", "-inkey", key.to_str().expect("a path")];
    let masked = openssl(&[&decrypt[..], &oaep].concat(), &heard[2]);
    let clear: Vec<u8> = masked.iter().zip(NONCE.iter().cycle()).map(|(a, b)| a ^ b).collect();
    assert_eq!(clear, [PASSWORD.as_bytes(), b"\0"].concat());
}

/// The same when the server knows the proof from an earlier login, and when the user's method is
/// named in a switch.
#[tokio::test]
async fn a_proof_that_the_server_remembers() {
    let fast = vec![b"\x01\x03".to_vec(), OK.to_vec()];
    let hash = |text: &[u8]| digest(&SHA256, text).as_ref().to_vec();
    let twice = hash(&hash(PASSWORD.as_bytes()));
    for (greeting, replies, nonce) in [
        (sha2(), vec![fast.clone()], NONCE),
        (
            native(),
            vec![vec![switch("caching_sha2_password")], fast],
            CHALLENGE.first_chunk().expect("32 bytes"),
        ),
    ] {
        let replies =
            [replies, vec![answer(&[row(&["1", "db", "8.0.36", "app_user@%"])])]].concat();
        let (fake, heard) = scripted(greeting, replies).await;
        let report = test(&plain(&fake), ENOUGH).await;
        assert!(report.result.is_ok(), "{:?}", report.result);
        assert_eq!(report.password_required, Some(true));
        let mask = hash(&[&twice, &nonce[..]].concat());
        let proof: Vec<u8> =
            hash(PASSWORD.as_bytes()).iter().zip(mask).map(|(a, b)| a ^ b).collect();
        assert!(contains(&heard, &proof));
    }
}
