//! A fake MongoDB server, which the tests make good or bad.

use crate::support::{ENOUGH, Fake, PASSWORD, database, holds, test};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::raw::{RawArrayBuf, RawDocument, RawDocumentBuf};
use bson::{Binary, cstr, rawdoc};
use datastore_domain::{ConnectSpec, ProbeReport, System};
use ring::{hmac, pbkdf2};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

/// What a server does when a command comes.
#[derive(Clone)]
pub(crate) enum Reply {
    Document(RawDocumentBuf),
    /// These bytes, in place of a message.
    Bytes(Vec<u8>),
    HangUp,
}

/// A server whose one user logs in by SCRAM-SHA-256.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) password: &'static str,
    pub(crate) rounds: &'static str,
    /// Whether the server skips the empty last exchange.
    pub(crate) skips: bool,
    /// Commands that it answers in another way, by their names.
    pub(crate) others: Vec<(&'static str, Reply)>,
}

impl Server {
    pub(crate) fn good() -> Self {
        Self { password: PASSWORD, rounds: "4096", skips: true, others: Vec::new() }
    }

    pub(crate) fn with(mut self, command: &'static str, answer: RawDocumentBuf) -> Self {
        self.others.push((command, Reply::Document(answer)));
        self
    }

    pub(crate) fn doing(command: &'static str, reply: Reply) -> Self {
        Self { others: vec![(command, reply)], ..Self::good() }
    }
}

/// What a server of version 8 says of itself, and how its user may log in.
pub(crate) fn hello(mechanisms: &[&str]) -> RawDocumentBuf {
    let mut answer = rawdoc! { "isWritablePrimary": true, "maxWireVersion": 25, "ok": 1.0 };
    let list: RawArrayBuf = mechanisms.iter().copied().collect();
    answer.append(cstr!("saslSupportedMechs"), list);
    answer
}

/// A refusal, with a text that nobody may see.
pub(crate) fn error(code: i32) -> RawDocumentBuf {
    rawdoc! { "ok": 0.0, "errmsg": format!("no: {PASSWORD}"), "code": code, "codeName": "X" }
}

pub(crate) fn sasl(payload: &str, done: bool) -> RawDocumentBuf {
    let bytes = payload.as_bytes().to_vec();
    let payload = Binary { subtype: bson::spec::BinarySubtype::Generic, bytes };
    rawdoc! { "conversationId": 1, "done": done, "payload": payload, "ok": 1.0 }
}

/// What a server heard.
#[derive(Default)]
pub(crate) struct Heard {
    commands: Mutex<Vec<RawDocumentBuf>>,
    /// Told when the client has closed its side in good order.
    pub(crate) left: Notify,
}

impl Heard {
    /// The commands by their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.commands.lock().expect("no panic").iter().map(|command| name(command)).collect()
    }

    pub(crate) fn command(&self, wanted: &str) -> RawDocumentBuf {
        let commands = self.commands.lock().expect("no panic");
        let found = commands.iter().find(|command| name(command) == wanted);
        found.unwrap_or_else(|| panic!("no {wanted}")).clone()
    }

    pub(crate) fn contains(&self, bytes: &[u8]) -> bool {
        let commands = self.commands.lock().expect("no panic");
        commands.iter().any(|command| holds(command.as_bytes(), bytes))
    }
}

fn name(command: &RawDocument) -> String {
    let first = command.iter().next().expect("a command").expect("well-formed");
    first.0.as_str().to_owned()
}

/// The server's side of one login.
#[derive(Default)]
struct Scram {
    bare: String,
    first: String,
}

impl Scram {
    fn first(&mut self, payload: &str, rounds: &str) -> String {
        self.bare = payload.strip_prefix("n,,").expect("no channel to bind to").to_owned();
        let nonce = self.bare.split_once("r=").expect("a nonce").1;
        self.first = format!("r={nonce}abc,s={},i={rounds}", STANDARD.encode("salt"));
        self.first.clone()
    }

    fn last(&self, payload: &str, password: &str) -> String {
        let without_proof = payload.rsplit_once(",p=").expect("a proof").0;
        let mut salted = [0; 32];
        let rounds = NonZeroU32::new(4096).expect("some");
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, rounds, b"salt", password.as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
        };
        let text = format!("{},{},{without_proof}", self.bare, self.first);
        let signature = sign(&sign(&salted, b"Server Key"), text.as_bytes());
        format!("v={}", STANDARD.encode(signature))
    }
}

/// What a good server answers.
fn answer(server: &Server, scram: &mut Scram, command: &RawDocument) -> RawDocumentBuf {
    let payload = || {
        let bytes = command.get_binary("payload").expect("a payload").bytes;
        std::str::from_utf8(bytes).expect("text")
    };
    match name(command).as_str() {
        "hello" => hello(&["SCRAM-SHA-256"]),
        "saslStart" => sasl(&scram.first(payload(), server.rounds), false),
        "saslContinue" if payload().is_empty() => sasl("", true),
        "saslContinue" => sasl(&scram.last(payload(), server.password), server.skips),
        "listCollections" => rawdoc! { "cursor": { "id": 0_i64, "firstBatch": [] }, "ok": 1.0 },
        "buildInfo" => rawdoc! { "version": "8.0.4", "ok": 1.0 },
        _ => rawdoc! { "ok": 1.0 },
    }
}

/// One message of the client: its number and its document; `None` when it has left.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(i32, RawDocumentBuf)> {
    let mut head = [0; 21];
    stream.read_exact(&mut head).await.ok()?;
    let number = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
    assert_eq!((number(12), number(16), head[20]), (2013, 0, 0), "one document, no flags");
    let mut document = vec![0; usize::try_from(number(0)).expect("a length") - head.len()];
    stream.read_exact(&mut document).await.ok()?;
    Some((number(4), RawDocumentBuf::from_bytes(document).expect("well-formed")))
}

pub(crate) fn message(answers: i32, document: &RawDocument) -> Vec<u8> {
    let length = i32::try_from(21 + document.as_bytes().len()).expect("short");
    let head = [length, 99, answers, 2013, 0].map(i32::to_le_bytes).concat();
    [&head, &[0][..], document.as_bytes()].concat()
}

/// Serves one connection.
pub(crate) async fn serve<S>(mut stream: S, server: Server, heard: Arc<Heard>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut scram = Scram::default();
    while let Some((number, command)) = hear(&mut stream).await {
        let other = server.others.iter().find(|(wanted, _)| *wanted == name(&command));
        let reply = other.map_or_else(
            || Reply::Document(answer(&server, &mut scram, &command)),
            |(_, reply)| reply.clone(),
        );
        heard.commands.lock().expect("no panic").push(command);
        let bytes = match reply {
            Reply::Document(document) => message(number, &document),
            Reply::Bytes(bytes) => bytes,
            Reply::HangUp => return,
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
    if stream.read(&mut [0]).await.is_ok_and(|n| n == 0) {
        heard.left.notify_one();
    }
}

pub(crate) async fn start(server: Server) -> (Fake, Arc<Heard>) {
    let heard = Arc::<Heard>::default();
    let record = Arc::clone(&heard);
    let fake = Fake::start(move |stream| serve(stream, server.clone(), Arc::clone(&record))).await;
    (fake, heard)
}

pub(crate) fn spec(fake: &Fake) -> ConnectSpec {
    ConnectSpec { database: database("app_db", System::Mongodb), ..fake.spec(System::Mongodb) }
}

pub(crate) async fn run(server: Server) -> (ProbeReport, Arc<Heard>) {
    let (fake, heard) = start(server).await;
    let report = test(&spec(&fake), ENOUGH).await;
    assert_eq!(fake.accepted(), 1, "one connection per test");
    (report, heard)
}
