//! Redis (RESP 2), and what speaks its protocol.
//!
//! Redis never asks for a password; it refuses what comes without one. So the first command is a
//! PING without a login. It shows three things: that Redis is there at all (the password is sent to
//! nothing else), that there is room, and whether the default user gets in without a password.
//!
//! - A record without a login, or for the default user: when that PING is answered, the login is
//!   done and the password was not required. It is not sent: a server whose default user has no
//!   password accepts any (`nopass`), so sending it would prove nothing.
//! - A record for a named user: AUTH decides. Redis does not tell whether the user is `nopass`, so
//!   `required` is true whenever a password was sent and accepted. Without a password in the record
//!   an empty one is tried, which only such a user may log in with.

mod codec;
mod errors;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::session::Session;
use crate::shown::blanked;
use async_trait::async_trait;
use codec::Reply;
use datastore_domain::ConnectSpec;
use errors::{During, cause};
use zeroize::Zeroizing;

/// The user that a connection has before it logs in.
const DEFAULT_USER: &str = "default";

/// One test of one server.
pub(crate) struct Redis<'a> {
    spec: &'a ConnectSpec,
    password_required: Option<bool>,
    /// Whether the query went out with the login, which it then waits for at the server.
    asked: bool,
}

impl<'a> Redis<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec) -> Self {
        Self { spec, password_required: None, asked: false }
    }

    /// The user to log in as, unless it is the default one.
    fn named_user(&self) -> Option<&'a str> {
        let user = self.spec.credentials.as_ref()?.username.as_ref()?.as_str();
        (user != DEFAULT_USER).then_some(user)
    }

    fn password(&self) -> Option<&'a str> {
        Some(self.spec.credentials.as_ref()?.password.as_ref()?.expose())
    }

    /// The index to open, without leading zeros; 0 is where a connection begins.
    fn index(&self) -> String {
        let named = self.spec.database.as_ref().map_or("0", |index| index.as_str());
        named.parse::<u16>().map_or_else(|_| named.to_owned(), |index| index.to_string())
    }

    fn opens_another_index(&self) -> bool {
        self.index() != "0"
    }

    /// The query: SELECT where it takes one, PING, and INFO for the version.
    fn questions(&self) -> Vec<u8> {
        let mut commands = Vec::new();
        if self.opens_another_index() {
            commands.extend_from_slice(&codec::command(&["SELECT", &self.index()]));
        }
        commands.extend_from_slice(&codec::command(&["PING"]));
        commands.extend_from_slice(&codec::command(&["INFO", "server"]));
        commands
    }

    async fn authenticate(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.password_required = Some(true);
        let command = match (self.named_user(), self.password()) {
            (Some(user), password) => codec::command(&["AUTH", user, password.unwrap_or("")]),
            (None, Some(password)) => codec::command(&["AUTH", password]),
            (None, None) => return Err(Cause::PASSWORD_MISSING),
        };
        session.send(&Zeroizing::new([&command[..], &self.questions()].concat())).await?;
        self.asked = true;
        match codec::next(session).await? {
            Reply::Simple(text) if text == "OK" => {
                self.password_required = Some(self.password().is_some());
                Ok(())
            }
            Reply::Error(error) => match cause(&error, During::Login) {
                Cause::LOGIN_REJECTED if self.password().is_none() => Err(Cause::PASSWORD_MISSING),
                other => Err(other),
            },
            Reply::Simple(_) | Reply::Integer | Reply::Bulk(_) => Err(Cause::NOT_THE_PROTOCOL),
        }
    }
}

#[async_trait]
impl Conversation for Redis<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::Direct
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        session.send(&codec::command(&["PING"])).await?;
        let open = match codec::first(session).await? {
            Reply::Simple(text) if text == "PONG" => true,
            // Said to those who are let in: what they may do, and what nobody may, comes later.
            Reply::Error(error) if error.is("NOPERM") || error.is("MISCONF") => true,
            Reply::Error(error) if error.is("NOAUTH") || error.is_old_noauth() => false,
            Reply::Error(error) => return Err(cause(&error, During::Login)),
            Reply::Simple(_) | Reply::Integer | Reply::Bulk(_) => {
                return Err(Cause::NOT_THE_PROTOCOL);
            }
        };
        if open && self.named_user().is_none() {
            self.password_required = Some(false);
            return Ok(());
        }
        self.authenticate(session).await
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        if !self.asked {
            session.send(&self.questions()).await?;
        }
        if self.opens_another_index() {
            match codec::next(session).await? {
                Reply::Simple(text) if text == "OK" => {}
                Reply::Error(error) => return Err(cause(&error, During::Select)),
                Reply::Simple(_) | Reply::Integer | Reply::Bulk(_) => {
                    return Err(Cause::WRONG_ANSWER);
                }
            }
        }
        pong(session).await?;
        let server_version = match codec::next(session).await? {
            Reply::Bulk(Some(text)) => version(&blanked(&text, &self.spec.secrets())),
            // A user without the right to INFO is a good login all the same.
            Reply::Bulk(None) | Reply::Simple(_) | Reply::Error(_) | Reply::Integer => None,
        };
        // As the record writes it: that is no word of the server's.
        let named = self.spec.database.as_ref().map_or("0", |index| index.as_str());
        Ok(Answer { server_version, database_name: Some(named.to_owned()) })
    }

    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        session.send(&codec::command(&["PING"])).await?;
        pong(session).await
    }

    fn goodbye(&self) -> &'static [u8] {
        b"*1\r\n$4\r\nQUIT\r\n"
    }
}

/// Takes the answer to a PING.
async fn pong(session: &mut Session) -> Result<(), Cause> {
    match codec::next(session).await? {
        Reply::Simple(text) if text == "PONG" => Ok(()),
        Reply::Error(error) => Err(cause(&error, During::Query)),
        Reply::Simple(_) | Reply::Integer | Reply::Bulk(_) => Err(Cause::WRONG_ANSWER),
    }
}

/// Product and version from what INFO says: lines of `name:value`.
fn version(info: &str) -> Option<String> {
    let value = |name: &str| {
        info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
    };
    if let Some(version) = value("valkey_version") {
        return Some(format!("Valkey {version}"));
    }
    Some(format!("Redis {}", value("redis_version")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_info() {
        let check = |info: &str, expected: Option<&str>| {
            assert_eq!(version(info).as_deref(), expected, "{info:?}");
        };
        check("# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n", Some("Redis 7.0.15"));
        check(
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n",
            Some("Valkey 8.0.1"),
        );
        check("os:Linux\r\n", None);
        check("", None);
    }
}
