//! Packets to bytes and from bytes, bounded.
//!
//! A codec of our own: a test needs a greeting, four kinds of answers to a login and one row of
//! text. `mysql_common` knows them too, among a hundred others, but reads a server's RSA key by
//! indexing as far as the key itself says, which panics on a broken one, and leaves copies of the
//! password behind.
//!
//! Layouts: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>.

use super::methods::Method;
use crate::failure::Cause;
use crate::session::{Session, io_cause};
use crate::stream::GuardedStream;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

/// Longest payload. The longest real one is an error or a version, of some hundred bytes.
const MAX_PAYLOAD: u32 = 64 * 1024;

/// Three bytes of length and the sequence number.
const HEADER: usize = 4;

/// Bytes of the challenge that a greeting carries.
pub(super) const NONCE: usize = 20;

/// What both sides can do: the bits that a test uses. `CLIENT_LOCAL_FILES` (0x80) is not among
/// them, and never will be.
pub(super) mod capability {
    pub(in super::super) const LONG_PASSWORD: u32 = 0x1;
    pub(in super::super) const CONNECT_WITH_DB: u32 = 0x8;
    pub(in super::super) const PROTOCOL_41: u32 = 0x200;
    pub(in super::super) const TLS: u32 = 0x800;
    pub(in super::super) const TRANSACTIONS: u32 = 0x2000;
    pub(in super::super) const SECURE_CONNECTION: u32 = 0x8000;
    pub(in super::super) const PLUGIN_AUTH: u32 = 0x8_0000;
}

/// What a test always uses.
pub(super) const CLIENT: u32 = capability::LONG_PASSWORD
    | capability::PROTOCOL_41
    | capability::TRANSACTIONS
    | capability::SECURE_CONNECTION;

/// `utf8mb4_general_ci`: how names and the query are written.
const UTF8: u8 = 45;

/// One packet of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) sequence: u8,
    pub(super) payload: Bytes,
}

impl Packet {
    /// Whether it reports an error; those come out of turn, too.
    pub(super) fn is_error(&self) -> bool {
        self.payload.first() == Some(&0xff)
    }
}

/// The server's first words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) capabilities: u32,
    pub(super) nonce: [u8; NONCE],
    /// How it would like users to log in; `None` from a server that does not say.
    pub(super) method: Option<Method>,
}

impl Greeting {
    /// Whether the server has all of `capabilities`.
    pub(super) fn has(&self, capabilities: u32) -> bool {
        self.capabilities & capabilities == capabilities
    }
}

/// What a server says while a user logs in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoginReply {
    Ok,
    /// The number of an error.
    Failed(u16),
    /// The user logs in by another method, with this challenge.
    Switch(Method, Bytes),
    /// Something that belongs to the method.
    More(Bytes),
}

/// What a server says to a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum QueryReply {
    /// Done, without rows.
    Ok,
    /// The number of an error.
    Failed(u16),
    /// It asks for a file of the client.
    LocalFile,
    /// Rows of so many columns follow.
    Columns(u64),
}

/// What follows in an answer with rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowReply {
    /// The end of the columns' names, or of the rows.
    End,
    /// The number of an error.
    Failed(u16),
    /// A column's name, or a row.
    Content(Bytes),
}

/// How an answer to the greeting begins: what we can do, the longest packet that we take, the
/// character set, and room that is not used.
pub(super) fn client_flags(capabilities: u32) -> [u8; 32] {
    let mut flags = [0; 32];
    flags[..4].copy_from_slice(&capabilities.to_le_bytes());
    flags[4..8].copy_from_slice(&MAX_PAYLOAD.to_le_bytes());
    flags[8] = UTF8;
    flags
}

/// `payload` as the packet with this number. Wiped on drop, since one of them is the password.
pub(super) fn packet(sequence: u8, payload: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER + payload.len()));
    bytes.extend_from_slice(&length[..3]);
    bytes.push(sequence);
    bytes.extend_from_slice(payload);
    bytes
}

/// The next packet.
pub(super) async fn next(session: &mut Session) -> Result<Packet, Cause> {
    session.next(take).await
}

/// The first packet, and not one byte more: what follows belongs to the handshake of TLS.
pub(super) async fn first(stream: &mut GuardedStream) -> Result<Packet, Cause> {
    let closed = |error: std::io::Error| io_cause(&error);
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await.map_err(closed)?;
    let length = payload_length(header)?;
    let mut payload = Vec::new();
    // Grows by what arrives, not by what the server names.
    stream.take(length as u64).read_to_end(&mut payload).await.map_err(closed)?;
    if payload.len() < length {
        return Err(Cause::CLOSED);
    }
    Ok(Packet { sequence: header[3], payload: payload.into() })
}

/// Takes a whole packet from the front of `buffer`; `None` when more bytes are needed.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Packet>, Cause> {
    let Some(header) = buffer.first_chunk::<HEADER>().copied() else { return Ok(None) };
    let length = payload_length(header)?;
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    buffer.advance(HEADER);
    Ok(Some(Packet { sequence: header[3], payload: buffer.split_to(length).freeze() }))
}

/// No packet of a server is empty, and none of those that continue in the next one is read.
fn payload_length([low, middle, high, _]: [u8; HEADER]) -> Result<usize, Cause> {
    let length = u32::from_le_bytes([low, middle, high, 0]);
    if !(1..=MAX_PAYLOAD).contains(&length) {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    usize::try_from(length).map_err(|_| Cause::NOT_THE_PROTOCOL)
}

/// Reads the greeting (protocol version 10).
pub(super) fn greeting(payload: &[u8]) -> Option<Greeting> {
    let mut rest = Reader(payload);
    if rest.byte()? != 10 {
        return None;
    }
    // The version is asked for later: here MariaDB pretends another one. Then the number of the
    // connection.
    rest.until_nul()?;
    rest.bytes(4)?;
    let mut nonce = [0; NONCE];
    nonce[..8].copy_from_slice(rest.bytes(8)?);
    rest.bytes(1)?;
    let low = rest.u16()?;
    // Before 4.1 it ended here.
    if rest.0.is_empty() {
        return Some(Greeting { capabilities: u32::from(low), nonce, method: None });
    }
    // Character set and state.
    rest.bytes(3)?;
    let high = rest.u16()?;
    let capabilities = u32::from(low) | u32::from(high) << 16;
    let nonce_length = usize::from(rest.byte()?);
    rest.bytes(10)?;
    if capabilities & capability::SECURE_CONNECTION != 0 {
        // The length counts the eight above, and a NUL at the end.
        let second = rest.bytes(nonce_length.saturating_sub(8).max(13))?;
        nonce[8..].copy_from_slice(&second[..NONCE - 8]);
    }
    let method = if capabilities & capability::PLUGIN_AUTH == 0 {
        None
    } else {
        // Some versions forget the NUL.
        Some(Method::named(rest.until_nul().unwrap_or(rest.0)))
    };
    Some(Greeting { capabilities, nonce, method })
}

/// The number of the error; its text is dropped.
pub(super) fn error(payload: &[u8]) -> Option<u16> {
    let mut rest = Reader(payload);
    if rest.byte()? != 0xff {
        return None;
    }
    rest.u16()
}

/// Reads an answer to a login.
pub(super) fn login_reply(payload: &Bytes) -> Option<LoginReply> {
    match payload.first()? {
        0x00 => is_ok(payload).then_some(LoginReply::Ok),
        0x01 => Some(LoginReply::More(payload.slice(1..))),
        // The request of before 5.5: the method has no name, and only one there was.
        0xfe if payload.len() == 1 => Some(LoginReply::Switch(Method::old(), Bytes::new())),
        0xfe => {
            let mut rest = Reader(&payload[1..]);
            let method = Method::named(rest.until_nul()?);
            Some(LoginReply::Switch(method, payload.slice_ref(rest.0)))
        }
        _ => error(payload).map(LoginReply::Failed),
    }
}

/// Reads the first answer to a query.
pub(super) fn query_reply(payload: &Bytes) -> Option<QueryReply> {
    match payload.first()? {
        0x00 => is_ok(payload).then_some(QueryReply::Ok),
        0xfb => Some(QueryReply::LocalFile),
        0xff => error(payload).map(QueryReply::Failed),
        _ => {
            let mut rest = Reader(payload);
            let columns = rest.length()?;
            rest.0.is_empty().then_some(QueryReply::Columns(columns))
        }
    }
}

/// Reads what follows in an answer with rows.
pub(super) fn row_reply(payload: Bytes) -> Option<RowReply> {
    match payload.first()? {
        0xff => error(&payload).map(RowReply::Failed),
        // A longer one would be a value of many bytes.
        0xfe if payload.len() < 9 => Some(RowReply::End),
        _ => Some(RowReply::Content(payload)),
    }
}

/// The values of a row as text; `None` unless they are `N`.
pub(super) fn values<const N: usize>(row: &[u8]) -> Option<[Option<String>; N]> {
    let mut rest = Reader(row);
    let mut values = [const { None }; N];
    for value in &mut values {
        if rest.0.first() == Some(&0xfb) {
            rest.byte()?;
        } else {
            let length = usize::try_from(rest.length()?).ok()?;
            *value = Some(String::from_utf8_lossy(rest.bytes(length)?).into_owned());
        }
    }
    rest.0.is_empty().then_some(values)
}

/// Whether it is an OK packet. What it says behind its numbers, such as another server to go to
/// (`Location:`), is not read.
fn is_ok(payload: &[u8]) -> bool {
    let mut rest = Reader(payload);
    let mut read = || {
        rest.byte()?;
        rest.length()?;
        rest.length()?;
        rest.bytes(4)
    };
    read().is_some()
}

/// Bytes that are left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|byte| byte[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Up to a NUL, which is passed over.
    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.bytes(end)?;
        self.byte()?;
        Some(text)
    }

    /// A number of one to nine bytes ("length-encoded integer").
    fn length(&mut self) -> Option<u64> {
        let width = match self.byte()? {
            small @ 0..=0xfa => return Some(u64::from(small)),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            0xfb | 0xff => return None,
        };
        let mut number = [0; 8];
        number[..width].copy_from_slice(self.bytes(width)?);
        Some(u64::from_le_bytes(number))
    }
}

#[cfg(test)]
mod tests;
