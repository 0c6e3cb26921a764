//! Commands to bytes and replies from bytes, bounded. Only what RESP 2 answers to our commands:
//! simple strings, errors, integers and bulk strings; anything else is another protocol.

use crate::failure::Cause;
use crate::session::Session;
use bytes::{Buf, BytesMut};
use zeroize::Zeroizing;

/// Longest line: a simple string, an error, or a length.
const MAX_LINE: usize = 4 * 1024;

/// Longest bulk string. The section `server` of INFO has less than 2 KiB.
const MAX_BULK: usize = 64 * 1024;

/// What the server answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`.
    Simple(String),
    /// `-CODE text`.
    Error(ServerError),
    /// `:1`; none of our commands is answered so, and the value is dropped.
    Integer,
    /// `$2`, or `$-1` for none.
    Bulk(Option<String>),
}

/// The line of an error: for telling what went wrong, never for showing.
#[derive(PartialEq, Eq)]
pub(super) struct ServerError(String);

impl std::fmt::Debug for ServerError {
    /// The text may repeat what we sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerError")
    }
}

impl ServerError {
    /// Whether the first word is `code`.
    pub(super) fn is(&self, code: &str) -> bool {
        self.0.split(' ').next() == Some(code)
    }

    /// Whether it is the general `ERR`, and its text begins with `text`.
    pub(super) fn is_err_with(&self, text: &str) -> bool {
        self.0.strip_prefix("ERR ").is_some_and(|rest| rest.starts_with(text))
    }

    /// The words of servers before 2.8 for "log in first".
    pub(super) fn is_old_noauth(&self) -> bool {
        self.is_err_with("operation not permitted")
    }
}

/// A command as an array of bulk strings: no word can end it or begin another one. Wiped on drop,
/// since one of them is the password.
pub(super) fn command(words: &[&str]) -> Zeroizing<Vec<u8>> {
    // The length is known beforehand, so that growing leaves no copy behind.
    let capacity = words.iter().map(|word| word.len() + 32).sum::<usize>() + 32;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The reply to the first command.
pub(super) async fn first(session: &mut Session) -> Result<Reply, Cause> {
    session.first(take).await
}

/// The next reply.
pub(super) async fn next(session: &mut Session) -> Result<Reply, Cause> {
    session.next(take).await
}

/// Takes a whole reply from the front of `buffer`; `None` when more bytes are needed.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Reply>, Cause> {
    let Some(kind) = buffer.first().copied() else { return Ok(None) };
    if !matches!(kind, b'+' | b'-' | b':' | b'$') {
        return Err(Cause::NOT_THE_PROTOCOL);
    }
    let Some(end) = line_end(buffer)? else { return Ok(None) };
    let line = &buffer[1..end];
    let after = end + 2;
    let (reply, length) = match kind {
        b'+' => (Reply::Simple(text(line)), after),
        b'-' => (Reply::Error(ServerError(text(line))), after),
        b':' => (Reply::Integer, after),
        _ => match bulk_length(line)? {
            None => (Reply::Bulk(None), after),
            Some(length) => {
                let whole = after + length + 2;
                if buffer.len() < whole {
                    return Ok(None);
                }
                if &buffer[after + length..whole] != b"\r\n" {
                    return Err(Cause::NOT_THE_PROTOCOL);
                }
                (Reply::Bulk(Some(text(&buffer[after..after + length]))), whole)
            }
        },
    };
    buffer.advance(length);
    Ok(Some(reply))
}

/// Where the first line ends; `None` when it is not whole yet.
fn line_end(buffer: &[u8]) -> Result<Option<usize>, Cause> {
    let seen = &buffer[..buffer.len().min(MAX_LINE)];
    match seen.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(Some(end)),
        None if seen.len() == MAX_LINE => Err(Cause::NOT_THE_PROTOCOL),
        None => Ok(None),
    }
}

fn bulk_length(line: &[u8]) -> Result<Option<usize>, Cause> {
    if line == b"-1" {
        return Ok(None);
    }
    let digits = std::str::from_utf8(line).ok().filter(|l| l.bytes().all(|b| b.is_ascii_digit()));
    let length = digits.and_then(|d| d.parse().ok()).filter(|length| *length <= MAX_BULK);
    length.map(Some).ok_or(Cause::NOT_THE_PROTOCOL)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<Option<Reply>, Cause>) {
        assert_eq!(
            take(&mut BytesMut::from(bytes)),
            expected,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[test]
    fn t09_no_word_of_a_command_ends_it() {
        let bytes = command(&["AUTH", "a\r\nFLUSHALL\r\n", "ä"]);
        assert_eq!(
            &bytes[..],
            "*3\r\n$4\r\nAUTH\r\n$13\r\na\r\nFLUSHALL\r\n\r\n$2\r\nä\r\n".as_bytes()
        );
    }

    #[test]
    fn replies_are_read() {
        check(b"+PONG\r\n", Ok(Some(Reply::Simple("PONG".to_owned()))));
        check(b":1\r\n", Ok(Some(Reply::Integer)));
        check(b"$-1\r\n", Ok(Some(Reply::Bulk(None))));
        check(b"$0\r\n\r\n", Ok(Some(Reply::Bulk(Some(String::new())))));
        check(b"$4\r\na\r\nb\r\n", Ok(Some(Reply::Bulk(Some("a\r\nb".to_owned())))));
        check(b"-NOAUTH x\r\n", Ok(Some(Reply::Error(ServerError("NOAUTH x".to_owned())))));
        check(b"", Ok(None));
        check(b"+PONG\r", Ok(None));
        check(b"$4\r\nab", Ok(None));
    }

    #[test]
    fn t10_lengths_and_lines_are_bounded() {
        for bytes in [
            &b"$4294967295\r\n"[..],
            b"$99999999999999999999999\r\n",
            b"$65537\r\n",
            b"$-2\r\n",
            b"$+1\r\n",
            b"$\xff\r\n",
            b"$2\r\nabcd",
            b"*1\r\n",
            b"%1\r\n",
            b"HTTP/1.1",
            b"\x15\x03\x01",
        ] {
            check(bytes, Err(Cause::NOT_THE_PROTOCOL));
        }
        // An empty length is no length.
        check(b"$\r\n", Err(Cause::NOT_THE_PROTOCOL));
        check(&[b'+'; MAX_LINE], Err(Cause::NOT_THE_PROTOCOL));
        check(&[b'+'; MAX_LINE - 1], Ok(None));
    }

    #[test]
    fn replies_arrive_byte_by_byte() {
        let mut buffer = BytesMut::new();
        let mut taken = 0;
        for byte in b"+PONG\r\n$2\r\nab\r\n" {
            buffer.extend_from_slice(&[*byte]);
            taken += usize::from(take(&mut buffer).expect("valid so far").is_some());
        }
        assert_eq!((taken, buffer.len()), (2, 0));
    }

    #[test]
    fn t17_the_text_of_an_error_is_not_printed() {
        assert_eq!(format!("{:?}", ServerError("ERR hunter2".to_owned())), "ServerError");
    }

    proptest::proptest! {
        #[test]
        fn t10_no_bytes_make_it_panic(
            bytes in proptest::collection::vec(
                proptest::sample::select(&b"-+:$*0123456789a\r\n\r\n\xff\0"[..]), 0..40,
            )
        ) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = take(&mut buffer) {}
        }
    }
}
