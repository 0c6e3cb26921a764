//! A server that speaks Bolt as a test tells it.

use crate::support::{Fake, Heard, PASSWORD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;

pub(crate) const BOLT_4_4: [u8; 4] = [0, 0, 4, 4];
pub(crate) const BOLT_5_0: [u8; 4] = [0, 0, 0, 5];
pub(crate) const BOLT_5_8: [u8; 4] = [0, 0, 8, 5];

/// First bytes of requests.
pub(crate) const HELLO: &[u8] = b"\xB1\x01";
pub(crate) const LOGON: &[u8] = b"\xB1\x6A";
pub(crate) const RUN: &[u8] = b"\xB3\x10";
pub(crate) const PULL: &[u8] = b"\xB1\x3F";
pub(crate) const RESET: &[u8] = b"\xB0\x0F";
pub(crate) const GOODBYE: &[u8] = b"\xB0\x02";

/// A message in one chunk.
pub(crate) fn message(tag: u8, field: &[u8]) -> Vec<u8> {
    let length = u16::try_from(field.len() + 2).expect("short").to_be_bytes();
    [&length[..], &[0xB1, tag], field, &[0, 0]].concat()
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    [&[0xD0, length], text.as_bytes()].concat()
}

pub(crate) fn success(about: &[(&str, &str)]) -> Vec<u8> {
    let entries = about.iter().flat_map(|(name, value)| [text(name), text(value)].concat());
    let count = u8::try_from(about.len()).expect("few");
    message(0x70, &[0xA0 | count].into_iter().chain(entries).collect::<Vec<_>>())
}

pub(crate) fn failure(code: &str) -> Vec<u8> {
    // A message that repeats what was sent.
    let entries = ["neo4j_code", code, "message", PASSWORD].map(text).concat();
    message(0x7F, &[&[0xA2], &entries[..]].concat())
}

/// A record of one text: what the query for the owner gets.
pub(crate) fn owner(name: &str) -> Vec<u8> {
    message(0x71, &[vec![0x91], text(name)].concat())
}

/// Records of a number.
pub(crate) const ONE: &[u8] = b"\0\x04\xB1\x71\x91\x01\0\0";
pub(crate) const TWO: &[u8] = b"\0\x04\xB1\x71\x91\x02\0\0";

pub(crate) const IGNORED: &[u8] = b"\0\x02\xB0\x7E\0\0";

pub(crate) fn hello() -> Vec<u8> {
    success(&[("server", "Neo4j/5.26.30"), ("connection_id", "bolt-1")])
}

/// What RUN and PULL of a query with these records get.
pub(crate) fn answered(records: &[Vec<u8>]) -> [Vec<u8>; 2] {
    [success(&[]), [records.concat(), success(&[("db", "app-db")])].concat()]
}

/// What RUN and PULL of a query get that fails.
pub(crate) fn failed(code: &str) -> [Vec<u8>; 2] {
    [failure(code), IGNORED.to_vec()]
}

/// What a server says until the query.
pub(crate) fn logged_in() -> Vec<Vec<u8>> {
    vec![hello(), success(&[])]
}

/// A whole test that succeeds: the query is for the owner.
pub(crate) fn good() -> Vec<Vec<u8>> {
    [logged_in(), answered(&[owner("app_user")]).to_vec()].concat()
}

/// Until the smallest query: the database gives `answer` to the question for the owner, and
/// `system` tells.
pub(crate) fn owner_elsewhere(answer: &[Vec<u8>], user: &str) -> Vec<Vec<u8>> {
    [logged_in(), answer.to_vec(), vec![success(&[])], answered(&[owner(user)]).to_vec()].concat()
}

/// Reads one message; `None` when the client has left.
async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let length = usize::from(stream.read_u16().await.ok()?);
        if length == 0 {
            return Some(message);
        }
        let so_far = message.len();
        message.resize(so_far + length, 0);
        stream.read_exact(&mut message[so_far..]).await.ok()?;
    }
}

/// Serves one client as [`speaking`] says, and returns its messages.
async fn converse(
    mut stream: TcpStream,
    version: [u8; 4],
    replies: Vec<Vec<u8>>,
    hangs_up: bool,
) -> Vec<Vec<u8>> {
    let mut greeting = [0; 20];
    stream.read_exact(&mut greeting).await.expect("a greeting");
    assert!(greeting.starts_with(b"\x60\x60\xB0\x17"));
    stream.write_all(&version).await.expect("heard");
    let mut replies = replies.into_iter();
    let mut messages = Vec::new();
    while let Some(message) = read_message(&mut stream).await {
        messages.push(message);
        match replies.next() {
            Some(reply) => match stream.write_all(&reply).await {
                Ok(()) => {}
                Err(_) => break,
            },
            None if hangs_up => break,
            None => {}
        }
    }
    messages
}

/// Agrees on `version`, answers each message with the next of `replies`, and then hangs up or waits
/// for the client to leave.
pub(crate) async fn speaking(
    version: [u8; 4],
    replies: Vec<Vec<u8>>,
    hangs_up: bool,
) -> (Fake, Heard<Vec<Vec<u8>>>) {
    let (tell, heard) = unbounded_channel();
    let fake = Fake::start(move |stream| {
        let (tell, replies) = (tell.clone(), replies.clone());
        async move {
            let _ = tell.send(converse(stream, version, replies, hangs_up).await);
        }
    })
    .await;
    (fake, Heard(heard))
}

/// Speaks the newest version, and waits for the client to leave.
pub(crate) async fn scripted(replies: Vec<Vec<u8>>) -> (Fake, Heard<Vec<Vec<u8>>>) {
    speaking(BOLT_5_8, replies, false).await
}
