//! Neo4j (Bolt 5.0 to 5.8, and 4.4).
//!
//! The step `authenticate` covers the greeting, which agrees on a version, and the login; `query`
//! one round trip. The server that was given is the only one ever spoken to, also for `neo4j://`:
//! nothing asks for a routing table, and addresses that a server names are not read.
//!
//! A server without authentication takes any password and says nothing about it. What tells is the
//! user that a transaction runs as, which is empty there. So after a login with a password the query
//! is for that user ([`OWNER`]), which opens the database as any other does; it goes out together with
//! the login, and is not looked at by the server when that fails. The other way to find
//! out, a second login without a password, would leave a failed login in the security log of every
//! server that is in order.

mod codec;
mod errors;
mod login;
mod packstream;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::session::Session;
use async_trait::async_trait;
use codec::{Message, Tag};
use datastore_domain::ConnectSpec;
use packstream::{Given, Value};

/// The smallest query: the right to open the database is all that it needs. The version comes with
/// the login, so nothing has to be called for it.
const QUERY: &str = "RETURN 1";

/// The user that this very transaction runs as; each user may see their own. What other
/// transactions do stays at the server.
const OWNER: &str = "SHOW TRANSACTIONS YIELD username, currentQuery \
    WHERE currentQuery STARTS WITH 'SHOW TRANSACTIONS YIELD username, currentQuery' \
    RETURN username LIMIT 1";

/// The database that every server has, that every user may open, and that knows no `RETURN`.
const SYSTEM: &str = "system";

/// One test of one server.
pub(crate) struct Neo4j<'a> {
    spec: &'a ConnectSpec,
    password_required: Option<bool>,
    /// Product and version from the login.
    server: Option<String>,
}

/// How a query went.
enum Outcome {
    /// The value, when there was exactly one, and the database that answered.
    Answered(Option<Value>, Option<String>),
    Failed(Cause),
}

impl<'a> Neo4j<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec) -> Self {
        Self { spec, password_required: None, server: None }
    }

    /// With one, [`OWNER`] goes out with the login.
    fn password(&self) -> Option<&'a str> {
        Some(self.spec.credentials.as_ref()?.password.as_ref()?.expose())
    }

    fn database(&self) -> Option<&'a str> {
        self.spec.database.as_ref().map(|name| name.as_str())
    }

    fn answer(&mut self, database_name: Option<String>) -> Answer {
        Answer { server_version: self.server.take(), database_name }
    }

    async fn smallest_query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        let in_system = self.database().is_some_and(|name| name.eq_ignore_ascii_case(SYSTEM));
        let query = if in_system { OWNER } else { QUERY };
        match (ask(session, query, self.database()).await?, in_system) {
            (Outcome::Answered(Some(Value::Integer(1)), name), false)
            | (Outcome::Answered(Some(Value::Text(_)), name), true) => Ok(self.answer(name)),
            (Outcome::Answered(..), _) => Err(Cause::WRONG_ANSWER),
            (Outcome::Failed(cause), _) => Err(cause),
        }
    }

    /// What the database says about the owner. `None` when it gives no answer to that, which need
    /// not be the fault of the database: the smallest query decides then.
    async fn owner(&mut self, session: &mut Session) -> Result<Option<Answer>, Cause> {
        match outcome(session).await? {
            Outcome::Answered(Some(Value::Text(user)), name) => {
                self.password_required = Some(!user.is_empty());
                Ok(Some(self.answer(name)))
            }
            Outcome::Answered(..) => Ok(None),
            Outcome::Failed(cause) => {
                // Why the query failed says more than how the server left after that.
                login::reset(session).await.map_err(|_| cause)?;
                if self.password_required.is_none() {
                    self.password_required = login::asks_for_passwords(session).await?;
                }
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Conversation for Neo4j<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::Direct
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        let version = login::greet(session).await?;
        self.authenticate(session, version).await
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        if self.password().is_some()
            && let Some(answer) = self.owner(session).await?
        {
            return Ok(answer);
        }
        self.smallest_query(session).await
    }

    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.smallest_query(session).await.map(drop)
    }

    fn goodbye(&self) -> &'static [u8] {
        codec::GOODBYE
    }
}

/// Runs `query` in `database`, or in the user's own.
async fn ask(session: &mut Session, query: &str, database: Option<&str>) -> Result<Outcome, Cause> {
    session.send(&question(query, database)).await?;
    outcome(session).await
}

/// The requests of a query.
fn question(query: &str, database: Option<&str>) -> Vec<u8> {
    // Reading, so that a member of a cluster does not hand the query on to the one that writes.
    let mut about = vec![("mode", Given::Text("r"))];
    about.extend(database.map(|name| ("db", Given::Text(name))));
    let run = [Given::Text(query), Given::Map(&[]), Given::Map(&about)];
    let pull = [Given::Map(&[("n", Given::Tiny(-1))])];
    [&codec::request(Tag::Run, &run)[..], &codec::request(Tag::Pull, &pull)].concat()
}

/// What becomes of a query. After [`Outcome::Failed`] the server ignores everything until a RESET.
async fn outcome(session: &mut Session) -> Result<Outcome, Cause> {
    match codec::next(session).await? {
        Message::Success(_) => rows(session).await,
        Message::Failure(cause) => match codec::next(session).await {
            Ok(Message::Ignored) => Ok(Outcome::Failed(cause)),
            Ok(Message::Success(_) | Message::Record(_) | Message::Failure(_)) => {
                Err(Cause::NOT_THE_PROTOCOL)
            }
            // A server without room says so and hangs up.
            Err(Cause::CLOSED) if cause == Cause::SERVER_FULL => Err(cause),
            Err(other) => Err(other),
        },
        Message::Record(_) | Message::Ignored => Err(Cause::NOT_THE_PROTOCOL),
    }
}

/// What follows when a query runs.
async fn rows(session: &mut Session) -> Result<Outcome, Cause> {
    let mut count = 0_usize;
    let mut only = None;
    loop {
        match codec::next(session).await? {
            Message::Record(mut values) => {
                count += 1;
                let last = values.pop();
                only = last.filter(|_| count == 1 && values.is_empty());
            }
            Message::Success(about) => {
                let database = about.text("db").map(str::to_owned);
                return Ok(Outcome::Answered(only, database));
            }
            Message::Failure(cause) => return Ok(Outcome::Failed(cause)),
            Message::Ignored => return Err(Cause::NOT_THE_PROTOCOL),
        }
    }
}
