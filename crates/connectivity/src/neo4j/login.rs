//! Greeting and login.

use super::codec::{self, GREETING, Message, Tag, Version};
use super::packstream::{Given, Map, Value};
use super::{Neo4j, OWNER, Outcome, SYSTEM, ask, question};
use crate::failure::Cause;
use crate::session::Session;
use crate::shown::blanked;
use zeroize::Zeroizing;

/// How we introduce ourselves.
const AGENT: &str = concat!("datastore-api/", env!("CARGO_PKG_VERSION"));

/// User when the record names none.
const DEFAULT_USER: &str = "neo4j";

/// Agrees on a version. Nothing of the record is sent before it is known that this is Bolt.
pub(super) async fn greet(session: &mut Session) -> Result<Version, Cause> {
    session.send(&GREETING).await?;
    session.first(Version::take).await
}

impl Neo4j<'_> {
    /// From HELLO to the server's word that the login is good.
    pub(super) async fn authenticate(
        &mut self,
        session: &mut Session,
        version: Version,
    ) -> Result<(), Cause> {
        let credentials = self.spec.credentials.as_ref();
        let user = credentials.and_then(|c| c.username.as_ref()).map(|user| user.as_str());
        let password = self.password();
        let login = match password {
            Some(password) => vec![
                ("scheme", Given::Text("basic")),
                ("principal", Given::Text(user.unwrap_or(DEFAULT_USER))),
                ("credentials", Given::Text(password)),
            ],
            // The login of servers without authentication; the others refuse it.
            None => vec![("scheme", Given::Text("none"))],
        };
        let answer = self.introduce(session, version, &login).await;
        let about = match answer {
            Ok(about) => about,
            Err(cause) => {
                if matches!(cause, Cause::LOGIN_REJECTED | Cause::LOGIN_LOCKED) {
                    self.password_required = Some(true);
                }
                let missing = cause == Cause::LOGIN_REJECTED && password.is_none();
                return Err(if missing { Cause::PASSWORD_MISSING } else { cause });
            }
        };
        self.password_required = match password {
            None => Some(false),
            // The right password, and good for nothing but changing it.
            Some(_) if about.is_true("credentials_expired") => Some(true),
            // The query will tell.
            Some(_) => None,
        };
        Ok(())
    }

    /// HELLO and the login, which are one message or two, and after a password the question for the
    /// owner, all at a time; the server's word about the login.
    async fn introduce(
        &mut self,
        session: &mut Session,
        version: Version,
        login: &[(&str, Given<'_>)],
    ) -> Result<Map, Cause> {
        let product = [("product", Given::Text(AGENT))];
        let mut hello = vec![("user_agent", Given::Text(AGENT))];
        if version.has_bolt_agent() {
            hello.push(("bolt_agent", Given::Map(&product)));
        }
        if !version.has_log_on() {
            hello.extend_from_slice(login);
        }
        let hello = codec::request(Tag::Hello, &[Given::Map(&hello)]);
        let log_on = version.has_log_on().then(|| codec::request(Tag::LogOn, &[Given::Map(login)]));
        let log_on = log_on.unwrap_or_default();
        let query = self.password().map(|_| question(OWNER, self.database())).unwrap_or_default();
        session.send(&Zeroizing::new([&hello[..], &log_on, &query].concat())).await?;
        let about = success(session).await?;
        self.server = server(&about, &self.spec.secrets());
        if version.has_log_on() { success(session).await } else { Ok(about) }
    }
}

/// Whether the server asks for passwords at all, as its database [`SYSTEM`] tells; `None` when that
/// cannot be found out.
pub(super) async fn asks_for_passwords(session: &mut Session) -> Result<Option<bool>, Cause> {
    match ask(session, OWNER, Some(SYSTEM)).await? {
        Outcome::Answered(Some(Value::Text(user)), _) => Ok(Some(!user.is_empty())),
        Outcome::Answered(..) => Ok(None),
        Outcome::Failed(_) => reset(session).await.map(|()| None),
    }
}

/// Has the server look at requests again, after one that failed.
pub(super) async fn reset(session: &mut Session) -> Result<(), Cause> {
    session.send(&codec::request(Tag::Reset, &[])).await?;
    success(session).await.map(drop)
}

/// The answer to a request that is answered by one message.
async fn success(session: &mut Session) -> Result<Map, Cause> {
    match codec::next(session).await? {
        Message::Success(about) => Ok(about),
        Message::Failure(cause) => Err(cause),
        Message::Record(_) | Message::Ignored => Err(Cause::NOT_THE_PROTOCOL),
    }
}

/// Product and version as the server names itself: `Neo4j/5.26.0`.
fn server(about: &Map, secrets: &[&str]) -> Option<String> {
    about.text("server").map(|name| blanked(name, secrets).replacen('/', " ", 1))
}
