//! MySQL and MariaDB (protocol version 10), and what speaks their protocol.
//!
//! The server speaks first. The step `tls` covers its greeting, the request and the handshake;
//! without TLS the greeting belongs to `authenticate`, which ends with the server's word that the
//! login is good and the database open, so a missing one is found there; `query` is one round trip.
//!
//! Nothing that a server offers besides is taken up: no file of this machine (`LOCAL INFILE`), no
//! other server, no local socket, no compression.

mod codec;
mod errors;
mod login;
mod methods;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::session::{Session, io_cause};
use crate::shown::blanked;
use crate::stream::GuardedStream;
use async_trait::async_trait;
use bytes::Bytes;
use codec::{Greeting, Packet, QueryReply, RowReply, capability};
use datastore_domain::ConnectSpec;
use tokio::io::AsyncWriteExt;

/// The smallest query, the version and whom the server takes us for in one; a database cannot put
/// functions in front of these.
const QUERY: &[u8] = b"\x03SELECT 1, DATABASE(), VERSION(), CURRENT_USER()";

/// Enough for a session that has answered [`QUERY`] before.
const SMALLEST_QUERY: &[u8] = b"\x03SELECT 1";

/// Whom MySQL and MariaDB take everybody for when they are told to check no login
/// (`skip_grant_tables`): then they take any password, and do not say so.
const NOT_CHECKED: [&str; 2] = ["skip-grants user@skip-grants host", "@"];

/// The packet COM_QUIT.
const QUIT: &[u8] = b"\x01\0\0\0\x01";

/// One test of one server.
pub(crate) struct Mysql<'a> {
    spec: &'a ConnectSpec,
    /// Number of the next packet, whoever sends it.
    sequence: u8,
    /// Read already when TLS was asked for.
    greeting: Option<Greeting>,
    password_required: Option<bool>,
}

impl<'a> Mysql<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec) -> Self {
        Self { spec, sequence: 0, greeting: None, password_required: None }
    }

    fn password(&self) -> Option<&'a str> {
        Some(self.spec.credentials.as_ref()?.password.as_ref()?.expose())
    }

    /// Reads the server's first packet, which is an error when it lets nobody in.
    fn greeted(&mut self, packet: &Packet) -> Result<Greeting, Cause> {
        if let Some(code) = codec::error(&packet.payload) {
            return Err(errors::cause(code));
        }
        if packet.sequence != 0 {
            return Err(Cause::NOT_THE_PROTOCOL);
        }
        self.sequence = 1;
        codec::greeting(&packet.payload).ok_or(Cause::NOT_THE_PROTOCOL)
    }

    async fn send(&mut self, session: &mut Session, payload: &[u8]) -> Result<(), Cause> {
        let packet = codec::packet(self.sequence, payload);
        self.sequence = self.sequence.wrapping_add(1);
        session.send(&packet).await
    }

    async fn receive(&mut self, session: &mut Session) -> Result<Bytes, Cause> {
        let packet = codec::next(session).await?;
        if packet.sequence != self.sequence && !packet.is_error() {
            return Err(Cause::NOT_THE_PROTOCOL);
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(packet.payload)
    }

    /// Asks for one row of `N` columns.
    async fn ask<const N: usize>(
        &mut self,
        session: &mut Session,
        query: &[u8],
    ) -> Result<[Option<String>; N], Cause> {
        self.sequence = 0;
        self.send(session, query).await?;
        let payload = self.receive(session).await?;
        match codec::query_reply(&payload).ok_or(Cause::NOT_THE_PROTOCOL)? {
            QueryReply::Columns(count) if count == N as u64 => {}
            QueryReply::Columns(_) | QueryReply::Ok => return Err(Cause::WRONG_ANSWER),
            QueryReply::LocalFile => return Err(Cause::FILE_ASKED_FOR),
            QueryReply::Failed(code) => return Err(errors::cause(code)),
        }
        // The names of the columns, an end, the row, an end.
        for _ in 0..N {
            self.row(session).await?.ok_or(Cause::WRONG_ANSWER)?;
        }
        if self.row(session).await?.is_some() {
            return Err(Cause::WRONG_ANSWER);
        }
        let row = self.row(session).await?.ok_or(Cause::WRONG_ANSWER)?;
        if self.row(session).await?.is_some() {
            return Err(Cause::WRONG_ANSWER);
        }
        codec::values(&row).ok_or(Cause::WRONG_ANSWER)
    }

    /// The next part of an answer with rows: content, or `None` at the end.
    async fn row(&mut self, session: &mut Session) -> Result<Option<Bytes>, Cause> {
        match codec::row_reply(self.receive(session).await?).ok_or(Cause::NOT_THE_PROTOCOL)? {
            RowReply::Content(bytes) => Ok(Some(bytes)),
            RowReply::End => Ok(None),
            RowReply::Failed(code) => Err(errors::cause(code)),
        }
    }
}

#[async_trait]
impl Conversation for Mysql<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::InBand
    }

    async fn ask_for_tls(&mut self, stream: &mut GuardedStream) -> Result<bool, Cause> {
        let packet = codec::first(stream).await?;
        let greeting = self.greeted(&packet)?;
        let offered = greeting.has(capability::TLS);
        if offered {
            let request = codec::packet(self.sequence, &self.client_flags(&greeting, true));
            self.sequence += 1;
            stream.write_all(&request).await.map_err(|error| io_cause(&error))?;
        }
        self.greeting = Some(greeting);
        Ok(offered)
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        let greeting = match self.greeting.take() {
            Some(greeting) => greeting,
            None => self.greeted(&codec::next(session).await?)?,
        };
        let result = self.authenticate(session, &greeting).await;
        self.password_required = match result {
            // The database is opened after the login.
            Ok(()) | Err(Cause::NO_SUCH_DATABASE | Cause::DATABASE_FORBIDDEN) => {
                Some(self.password().is_some())
            }
            Err(
                Cause::LOGIN_REJECTED
                | Cause::LOGIN_REJECTED_UNENCRYPTED
                | Cause::PASSWORD_MISSING
                | Cause::CLEAR_TEXT_REFUSED
                | Cause::KEY_REFUSED,
            ) => Some(true),
            Err(_) => None,
        };
        result
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        let [one, database_name, text, user] = self.ask(session, QUERY).await?;
        if one.as_deref() != Some("1") {
            return Err(Cause::WRONG_ANSWER);
        }
        if user.is_some_and(|user| NOT_CHECKED.contains(&user.as_str())) {
            self.password_required = Some(false);
        }
        Ok(Answer {
            server_version: text.map(|text| version(&blanked(&text, &self.spec.secrets()))),
            database_name,
        })
    }

    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        match self.ask(session, SMALLEST_QUERY).await? {
            [Some(one)] if one == "1" => Ok(()),
            [_] => Err(Cause::WRONG_ANSWER),
        }
    }

    fn goodbye(&self) -> &'static [u8] {
        QUIT
    }
}

/// Product and version from what `VERSION()` says: `8.0.36`, `10.11.6-MariaDB-0+deb12u1`,
/// `8.0.11-TiDB-v7.5.0`.
fn version(text: &str) -> String {
    if let Some((number, _)) = text.split_once("-MariaDB") {
        return format!("MariaDB {number}");
    }
    if let Some((_, number)) = text.split_once("-TiDB-v") {
        return format!("TiDB {number}");
    }
    format!("MySQL {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_to_product_and_number() {
        for (text, expected) in [
            ("8.0.36", "MySQL 8.0.36"),
            ("5.7.44-log", "MySQL 5.7.44-log"),
            ("10.11.6-MariaDB-0+deb12u1", "MariaDB 10.11.6"),
            ("11.4.2-MariaDB", "MariaDB 11.4.2"),
            ("8.0.11-TiDB-v7.5.0", "TiDB 7.5.0"),
        ] {
            assert_eq!(version(text), expected);
        }
    }
}
