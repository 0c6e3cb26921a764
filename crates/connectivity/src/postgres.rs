//! PostgreSQL (protocol 3.0), and what speaks its protocol.
//!
//! The step `tls` covers the negotiation and the handshake; `authenticate` everything from the
//! startup message until the server is ready for a query, so a missing database is found there;
//! `query` one round trip for `SELECT 1` and the version.

mod codec;
mod errors;
mod login;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::scram::Hashing;
use crate::session::Session;
use crate::shown::blanked;
use crate::stream::GuardedStream;
use async_trait::async_trait;
use bytes::BytesMut;
use codec::Reply;
use datastore_domain::{ConnectSpec, SessionAttributes};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The smallest query and the version in one; `pg_catalog` leaves no room for functions that the
/// database put in front.
const QUERY: &str = "SELECT 1, pg_catalog.current_database(), pg_catalog.version()";

/// What a record may demand of the server: one column more, which must have a value, and the failure
/// when it has another. Servers that only speak the protocol may not know these functions, so they
/// are called when something is demanded.
struct Demand {
    column: &'static str,
    value: &'static str,
    otherwise: Cause,
}

impl From<SessionAttributes> for Demand {
    fn from(attributes: SessionAttributes) -> Self {
        const READ_ONLY: &str = "pg_catalog.current_setting('transaction_read_only')";
        const STANDBY: &str = "pg_catalog.pg_is_in_recovery()";
        let (column, value, otherwise) = match attributes {
            SessionAttributes::ReadWrite => (READ_ONLY, "off", Cause::TAKES_NO_WRITES),
            SessionAttributes::ReadOnly => (READ_ONLY, "on", Cause::TAKES_WRITES),
            SessionAttributes::Primary => (STANDBY, "f", Cause::IS_A_STANDBY),
            SessionAttributes::Standby => (STANDBY, "t", Cause::IS_NO_STANDBY),
        };
        Self { column, value, otherwise }
    }
}

/// The Terminate message.
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// User when the record names none.
const DEFAULT_USER: &str = "postgres";

/// One test of one server.
pub(crate) struct Postgres<'a> {
    spec: &'a ConnectSpec,
    hashing: &'a Hashing,
    password_required: Option<bool>,
}

impl<'a> Postgres<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec, hashing: &'a Hashing) -> Self {
        Self { spec, hashing, password_required: None }
    }

    fn user(&self) -> &'a str {
        let named = self.spec.credentials.as_ref().and_then(|c| c.username.as_ref());
        named.map_or(DEFAULT_USER, |user| user.as_str())
    }
}

#[async_trait]
impl Conversation for Postgres<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::InBand
    }

    async fn ask_for_tls(&mut self, stream: &mut GuardedStream) -> Result<bool, Cause> {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        let closed = |error: std::io::Error| crate::session::io_cause(&error);
        stream.write_all(&request).await.map_err(closed)?;
        // One byte and no more. What somebody in between sends along with it must not be taken
        // for something said inside TLS (CVE-2021-23222): left in the socket, it breaks the
        // handshake.
        match stream.read_u8().await.map_err(closed)? {
            b'S' => Ok(true),
            b'N' => Ok(false),
            // An error in clear text is nobody's word in particular, and not read (CVE-2024-10977).
            b'E' => Err(Cause::TLS_HANDSHAKE),
            _ => Err(Cause::NOT_THE_PROTOCOL),
        }
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.start_up(session).await?;
        loop {
            match codec::next(session).await? {
                // After the password was found to be right.
                Reply::Failed(errors::NOT_AUTHORIZED) if self.password_required == Some(true) => {
                    return Err(Cause::MAY_NOT_LOG_IN);
                }
                Reply::Failed(state) => return Err(errors::cause(state)),
                Reply::Message(Message::BackendKeyData(_)) => {}
                Reply::Message(Message::ReadyForQuery(_)) => return Ok(()),
                Reply::Message(_) => return Err(Cause::NOT_THE_PROTOCOL),
            }
        }
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        let demand = self.spec.session_attributes.map(Demand::from);
        let more = demand.as_ref().map(|demand| format!(", {}", demand.column));
        let query = format!("{QUERY}{}", more.unwrap_or_default());
        let mut message = BytesMut::new();
        frontend::query(&query, &mut message).map_err(|_| Cause::WRONG_ANSWER)?;
        session.send(&message).await?;
        let mut columns = None;
        let mut row = None;
        let mut complete = false;
        loop {
            match codec::next(session).await? {
                Reply::Failed(state) => return Err(errors::cause(state)),
                Reply::Message(Message::RowDescription(_)) if columns.is_none() => {
                    columns = Some(());
                }
                Reply::Message(Message::DataRow(body)) if columns.is_some() && row.is_none() => {
                    row = Some(codec::values(&body)?);
                }
                Reply::Message(Message::CommandComplete(_)) if !complete => complete = true,
                Reply::Message(Message::ReadyForQuery(_)) if complete => break,
                Reply::Message(
                    Message::RowDescription(_)
                    | Message::DataRow(_)
                    | Message::CommandComplete(_)
                    | Message::EmptyQueryResponse
                    | Message::ReadyForQuery(_),
                ) => return Err(Cause::WRONG_ANSWER),
                Reply::Message(_) => return Err(Cause::NOT_THE_PROTOCOL),
            }
        }
        read_answer(row, demand.as_ref(), &self.spec.secrets())
    }

    fn goodbye(&self) -> &'static [u8] {
        TERMINATE
    }
}

/// Takes `1`, database, version and what is demanded from the only row.
fn read_answer(
    mut row: Option<Vec<Option<String>>>,
    demand: Option<&Demand>,
    secrets: &[&str],
) -> Result<Answer, Cause> {
    let demanded = demand.map(|demand| (demand, row.as_mut().and_then(Vec::pop).flatten()));
    let row: [Option<String>; 3] =
        row.and_then(|row| row.try_into().ok()).ok_or(Cause::WRONG_ANSWER)?;
    let [one, database_name, version] = row;
    if one.as_deref() != Some("1") {
        return Err(Cause::WRONG_ANSWER);
    }
    match demanded {
        Some((demand, Some(found))) if found != demand.value => return Err(demand.otherwise),
        Some((_, None)) => return Err(Cause::WRONG_ANSWER),
        Some((_, Some(_))) | None => {}
    }
    Ok(Answer {
        server_version: version.map(|text| short_version(&blanked(&text, secrets)).to_owned()),
        database_name,
    })
}

/// Product and version from what `version()` says: up to the platform and the compiler, which
/// follow in brackets, after "on", or after a comma.
fn short_version(text: &str) -> &str {
    let end = [" (", " on ", ","].iter().filter_map(|mark| text.find(mark)).min();
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_to_product_and_number() {
        for (text, expected) in [
            (
                "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc",
                "PostgreSQL 15.18",
            ),
            ("PostgreSQL 14.2 on x86_64-pc-linux-gnu, compiled by gcc", "PostgreSQL 14.2"),
            (
                "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023)",
                "CockroachDB CCL v23.1.11",
            ),
            ("PostgreSQL 16beta1, compiled by us", "PostgreSQL 16beta1"),
            ("odd", "odd"),
            ("", ""),
        ] {
            assert_eq!(short_version(text), expected);
        }
    }

    #[test]
    fn only_one_row_that_begins_with_one_is_an_answer() {
        let row = |values: &[Option<&str>]| {
            Some(values.iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>())
        };
        let good = read_answer(
            row(&[Some("1"), Some("db"), Some("PostgreSQL 15.18 (x) on y")]),
            None,
            &[],
        );
        let answer = good.expect("an answer");
        assert_eq!(answer.database_name.as_deref(), Some("db"));
        assert_eq!(answer.server_version.as_deref(), Some("PostgreSQL 15.18"));
        assert!(read_answer(row(&[Some("1"), None, None]), None, &[]).is_ok());
        // Before it is cut: what is left of a secret would be none that could be found.
        for secret in ["hunter2, and more", "hunter2 (and more", "hunter2 on wheels"] {
            let repeated = read_answer(row(&[Some("1"), None, Some(secret)]), None, &[secret]);
            assert_eq!(repeated.expect("an answer").server_version.as_deref(), Some("***"));
        }
        for bad in [
            None,
            row(&[]),
            row(&[Some("1")]),
            row(&[Some("2"), Some("db"), Some("v")]),
            row(&[None, Some("db"), Some("v")]),
            row(&[Some("1"), Some("db"), Some("v"), Some("more")]),
        ] {
            assert_eq!(read_answer(bad, None, &[]), Err(Cause::WRONG_ANSWER));
        }
    }
}
