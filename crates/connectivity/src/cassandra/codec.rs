//! Frames to bytes and from bytes, bounded. Version 4 of the protocol: all servers since Cassandra
//! 2.2 speak it, and ScyllaDB.
//!
//! A codec of our own: a test needs three requests, five kinds of answers and one row of text.
//! Layouts: <https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec>.

use super::errors::ServerError;
use crate::failure::Cause;
use crate::plain;
use crate::session::Session;
use bytes::{Buf, Bytes, BytesMut};
use zeroize::Zeroizing;

/// Version, flags, stream (two bytes), opcode, and length (four bytes).
const HEADER: usize = 9;

/// Longest body. The longest real one is an error, of some hundred bytes.
const MAX_BODY: u32 = 64 * 1024;

/// The version that we speak, and the bit that marks an answer.
const VERSION: u8 = 4;
const ANSWER: u8 = 0x80;

/// The versions that servers answer errors in, their own when they do not speak ours.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=6;

/// Of the flags: warnings come before the content. Compressed, traced or carrying a payload are
/// answers only to those who asked for that.
const WARNINGS: u8 = 0x08;

/// Consistency of the query, of which one row at one node knows none.
const ONE: u16 = 1;

/// Kinds of results.
const ROWS: i32 = 2;
const SET_KEYSPACE: i32 = 3;

/// Of the metadata of rows: all columns are of one table, or there is none at all.
const GLOBAL_TABLE: i32 = 0x1;
const NO_METADATA: i32 = 0x4;

/// `varchar`, as which text is sent.
const VARCHAR: u16 = 0x0d;

/// What is asked of a server.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Request {
    Startup = 0x01,
    Query = 0x07,
    AuthResponse = 0x0f,
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Error(ServerError),
    /// Come in.
    Ready,
    /// Log in, to this class of the server's.
    Authenticate(String),
    /// More is asked for.
    AuthChallenge,
    AuthSuccess,
    Result(Bytes),
}

/// A request as one frame. Wiped on drop, since one of them is the password.
fn request(kind: Request, body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER + body.len()));
    bytes.extend_from_slice(&[VERSION, 0, 0, 0, kind as u8]);
    bytes.extend_from_slice(&counted(body));
    bytes
}

/// The protocol's first message: the version of the language, which has been this since 2011.
pub(super) fn startup() -> Zeroizing<Vec<u8>> {
    request(Request::Startup, b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0")
}

/// The answer to [`Answer::Authenticate`], by PLAIN.
pub(super) fn login(user: &str, password: &str) -> Zeroizing<Vec<u8>> {
    request(Request::AuthResponse, &counted(&plain::message(user, password)))
}

/// A query without values.
pub(super) fn query(text: &str) -> Zeroizing<Vec<u8>> {
    let mut body = counted(text.as_bytes()).to_vec();
    body.extend_from_slice(&ONE.to_be_bytes());
    body.push(0);
    request(Request::Query, &body)
}

/// `[bytes]` and `[long string]`: a length of four bytes, and what it counts.
fn counted(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut counted = Zeroizing::new(Vec::with_capacity(4 + bytes.len()));
    counted.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    counted.extend_from_slice(bytes);
    counted
}

/// Opens a keyspace. Quoted, its name is taken as it is.
pub(super) fn use_keyspace(name: &str) -> Zeroizing<Vec<u8>> {
    query(&format!("USE \"{}\"", name.replace('"', "\"\"")))
}

/// The next answer.
pub(super) async fn next(session: &mut Session) -> Result<Answer, Cause> {
    session.next(take).await
}

/// Takes a whole answer from the front of `buffer`; `None` when more bytes are needed.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Answer>, Cause> {
    let Some(version) = buffer.first().map(|first| first ^ ANSWER) else { return Ok(None) };
    if !VERSIONS.contains(&version) {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    let Some(header) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
    let [_, flags, stream @ .., opcode, l0, l1, l2, l3] = *header;
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if flags & !WARNINGS != 0 || stream != [0, 0] || length > MAX_BODY {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    let length = length as usize;
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    let mut body = buffer.split_to(length).freeze();
    if flags & WARNINGS != 0 {
        pass_over_texts(&mut body).ok_or(Cause::NOT_THE_PROTOCOL)?;
    }
    let answer = answer(opcode, body).ok_or(Cause::NOT_THE_PROTOCOL)?;
    match answer {
        Answer::Error(_) if version != VERSION => Err(Cause::SERVER_TOO_OLD),
        _ if version != VERSION => Err(Cause::NOT_THE_PROTOCOL),
        answer => Ok(Some(answer)),
    }
}

fn answer(opcode: u8, mut body: Bytes) -> Option<Answer> {
    Some(match opcode {
        0x00 => {
            let code = body.try_get_i32().ok()?;
            Answer::Error(ServerError::new(code, &short_text(&mut body)?))
        }
        0x02 => Answer::Ready,
        0x03 => Answer::Authenticate(short_text(&mut body)?),
        0x08 => Answer::Result(body),
        0x0e => Answer::AuthChallenge,
        0x10 => Answer::AuthSuccess,
        _ => return None,
    })
}

/// The keyspace that a result says is open.
pub(super) fn opened_keyspace(mut result: Bytes) -> Option<String> {
    (result.try_get_i32().ok()? == SET_KEYSPACE).then(|| short_text(&mut result))?
}

/// The text of a result of one row with one column.
pub(super) fn single_text(mut result: Bytes) -> Option<String> {
    if result.try_get_i32().ok()? != ROWS {
        return None;
    }
    let flags = result.try_get_i32().ok()?;
    // Neither pages nor metadata were asked to be left out.
    if flags & !(GLOBAL_TABLE | NO_METADATA) != 0 || result.try_get_i32().ok()? != 1 {
        return None;
    }
    if flags & NO_METADATA == 0 {
        // Keyspace, table and column; then the type.
        for _ in 0..3 {
            short_text(&mut result)?;
        }
        if result.try_get_u16().ok()? != VARCHAR {
            return None;
        }
    }
    if result.try_get_i32().ok()? != 1 {
        return None;
    }
    let length = usize::try_from(result.try_get_i32().ok()?).ok()?;
    (result.len() == length).then(|| String::from_utf8(result.to_vec()).ok())?
}

/// `[string]`: a length of two bytes, and UTF-8.
fn short_text(bytes: &mut Bytes) -> Option<String> {
    String::from_utf8(short_bytes(bytes)?.to_vec()).ok()
}

fn short_bytes(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::from(bytes.try_get_u16().ok()?);
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

/// `[string list]`.
fn pass_over_texts(bytes: &mut Bytes) -> Option<()> {
    for _ in 0..bytes.try_get_u16().ok()? {
        short_bytes(bytes)?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
