//! Commands to bytes and answers from bytes, bounded: OP_MSG alone, which every server since 3.6
//! speaks (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>). Documents are
//! read where they lie, by `bson`, and never deeper than a test looks: nesting costs nothing.

use crate::failure::Cause;
use crate::session::Session;
use bson::cstr;
use bson::raw::{RawBsonRef, RawDocument, RawDocumentBuf};
use bytes::{Buf, BytesMut};
use zeroize::Zeroizing;

/// Longest message. The longest real one is the answer to `buildInfo`, with some KiB.
const MAX_MESSAGE: usize = 64 * 1024;

/// Length, request, what it answers to, and kind of message; four bytes each.
const HEADER: usize = 16;

/// Flags, the kind of the only section, and an empty document.
const SMALLEST_BODY: usize = 4 + 1 + 5;

const OP_MSG: i32 = 2013;

/// A checksum of four bytes follows. We ask for none, and check none: TCP has one.
const CHECKSUM: u32 = 1;

/// Bits that a receiver must refuse unless it knows them. Of the known ones, `moreToCome` announces
/// an answer that nobody asks for, and is refused with them.
const MUST_KNOW: u32 = 0xffff & !CHECKSUM;

/// A section that is one document.
const BODY: u8 = 0;

/// What the server answers.
pub(super) enum Reply {
    /// The command was carried out.
    Done(Answer),
    /// It was not; the code says why. The text that comes with it is dropped.
    Failed(i32),
}

/// The document of an answer, well-formed on its outermost level.
pub(super) struct Answer(RawDocumentBuf);

/// What a command holds beside its content: above all the name of a database, of 255 characters.
const BESIDE: usize = 2 * 1024;

/// A document with room for `bytes` of content, so that growing leaves no copy of a secret behind.
pub(super) fn roomy(bytes: usize) -> RawDocumentBuf {
    let mut empty = Vec::with_capacity(bytes + BESIDE);
    empty.extend_from_slice(b"\x05\0\0\0\0");
    RawDocumentBuf::from_bytes(empty).unwrap_or_default()
}

/// `document` as the command with number `request` on `database`. Wiped on drop, since it may hold
/// the password.
pub(super) fn command(
    request: i32,
    database: &str,
    mut document: RawDocumentBuf,
) -> Zeroizing<Vec<u8>> {
    document.append(cstr!("$db"), database);
    let document = Zeroizing::new(document.into_bytes());
    let length = HEADER + 4 + 1 + document.len();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    // Ours are a few hundred bytes; user names and passwords are bounded too.
    bytes.extend_from_slice(&i32::try_from(length).unwrap_or(i32::MAX).to_le_bytes());
    bytes.extend_from_slice(&request.to_le_bytes());
    bytes.extend_from_slice(&0_i32.to_le_bytes());
    bytes.extend_from_slice(&OP_MSG.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.push(BODY);
    bytes.extend_from_slice(&document);
    bytes
}

/// The answer to `request`; the first one has number 1.
pub(super) async fn answer(session: &mut Session, request: i32) -> Result<Reply, Cause> {
    let message = match request {
        1 => session.first(take).await?,
        _ => session.next(take).await?,
    };
    if message.answers != request {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    read(message.document)
}

/// One message of the server.
struct Message {
    /// Number of the command that it answers.
    answers: i32,
    document: Answer,
}

/// Takes the whole message at the front of `buffer`; `None` when more bytes are needed. Its head is
/// judged as soon as it is there, so that another protocol is told at once.
fn take(buffer: &mut BytesMut) -> Result<Option<Message>, Cause> {
    let mismatch = Cause::NOT_THE_PROTOCOL;
    let field = |at: usize| {
        let bytes = buffer.get(at..at + 4)?;
        Some(i32::from_le_bytes(bytes.try_into().ok()?))
    };
    let Some(length) = field(0) else { return Ok(None) };
    let length = usize::try_from(length).map_err(|_| mismatch)?;
    if !(HEADER + SMALLEST_BODY..=MAX_MESSAGE).contains(&length) {
        return Err(mismatch);
    }
    let (Some(answers), Some(kind)) = (field(8), field(12)) else { return Ok(None) };
    // Also a compressed one, which is never asked for.
    if kind != OP_MSG {
        return Err(mismatch);
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let message = buffer.split_to(length);
    Ok(Some(Message { answers, document: document(&message[HEADER..])? }))
}

/// The one document behind the flags.
fn document(mut body: &[u8]) -> Result<Answer, Cause> {
    let mismatch = Cause::NOT_THE_PROTOCOL;
    let flags = body.try_get_u32_le().map_err(|_| mismatch)?;
    if flags & MUST_KNOW != 0 {
        return Err(mismatch);
    }
    if flags & CHECKSUM != 0 {
        body = body.split_last_chunk::<4>().ok_or(mismatch)?.0;
    }
    let (BODY, document) = body.split_first().map(|(kind, rest)| (*kind, rest)).ok_or(mismatch)?
    else {
        return Err(mismatch);
    };
    // A second section would be beyond the document's own length, which must fit exactly.
    let document = RawDocument::from_bytes(document).map_err(|_| mismatch)?;
    if document.iter().any(|element| element.is_err()) {
        return Err(mismatch);
    }
    Ok(Answer(document.to_owned()))
}

/// Whether the command was carried out.
fn read(answer: Answer) -> Result<Reply, Cause> {
    match answer.get("ok").and_then(number) {
        Some(1.0) => Ok(Reply::Done(answer)),
        Some(_) => Ok(Reply::Failed(answer.whole("code").unwrap_or_default())),
        None => Err(Cause::NOT_THE_PROTOCOL),
    }
}

/// Servers write whole numbers in all three types.
fn number(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Double(number) => Some(number),
        RawBsonRef::Int32(number) => Some(number.into()),
        RawBsonRef::Boolean(yes) => Some(u8::from(yes).into()),
        // Exact, since only small numbers mean anything here.
        RawBsonRef::Int64(number) => i32::try_from(number).ok().map(f64::from),
        _ => None,
    }
}

impl Answer {
    fn get(&self, name: &str) -> Option<RawBsonRef<'_>> {
        self.0.get(name).ok().flatten()
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Option<i32> {
        match self.get(name)? {
            RawBsonRef::Int32(number) => Some(number),
            RawBsonRef::Int64(number) => number.try_into().ok(),
            _ => None,
        }
    }

    /// A yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// Text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Bytes.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        Some(self.get(name)?.as_binary()?.bytes)
    }

    /// The texts of a list; at most `most`, what is no text left out.
    pub(super) fn texts(&self, name: &str, most: usize) -> Option<Vec<&str>> {
        let list = self.get(name)?.as_array()?;
        let values = list.into_iter().map_while(Result::ok).take(most);
        Some(values.filter_map(RawBsonRef::as_str).collect())
    }
}

#[cfg(test)]
mod tests;
