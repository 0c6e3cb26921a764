//! MongoDB (OP_MSG, since version 3.6), and what speaks its protocol.
//!
//! The step `authenticate` covers `hello`, which tells the mechanisms and the replica set, and the
//! login; `query` covers the right to the database, `ping`, and the version by `buildInfo`.
//!
//! - MongoDB answers `ping` and `buildInfo` to anybody, so they show nothing about a login. A right
//!   is shown by asking for the collections of the database: whoever may do anything at all in it
//!   gets an answer. The names are filtered away, none is ever sent.
//! - A record without a login: that question decides, before anything else. An answer means that
//!   the server knows no access control, and `required` is false.
//! - A record with a login: SCRAM decides, in which each side proves to the other that it knows the
//!   password. A server without access control proves it as well, for the users that it has, and
//!   does not tell that it would have let us in without; so `required` is true. Asking beforehand
//!   would find out, and would put a refused command into the log of every well-kept server at
//!   every test. PLAIN proves nothing, so there it is asked: a server that answers to anybody is
//!   not sent the password.
//! - Databases come into being with their first write, so none is ever missing. The right to it is
//!   asked for when the record names one; without a name the commands go to `admin`, where
//!   everybody may send these.
//!
//! The members that `hello` names are not looked at. Any member will do, a secondary too.

mod codec;
mod errors;
mod login;

use crate::conversation::{Answer, Conversation, Upgrade};
use crate::failure::Cause;
use crate::scram::Hashing;
use crate::session::Session;
use crate::shown::blanked;
use async_trait::async_trait;
use bson::raw::RawDocumentBuf;
use bson::rawdoc;
use codec::Reply;
use datastore_domain::ConnectSpec;
use errors::During;

/// Where commands go when the record names no database.
const DEFAULT_DATABASE: &str = "admin";

/// One test of one server.
pub(crate) struct Mongodb<'a> {
    spec: &'a ConnectSpec,
    hashing: &'a Hashing,
    password_required: Option<bool>,
    /// Number of the last command.
    request: i32,
}

impl<'a> Mongodb<'a> {
    pub(crate) fn new(spec: &'a ConnectSpec, hashing: &'a Hashing) -> Self {
        Self { spec, hashing, password_required: None, request: 0 }
    }

    fn database(&self) -> &'a str {
        self.spec.database.as_ref().map_or(DEFAULT_DATABASE, |name| name.as_str())
    }

    /// Sends a command to `database` and waits for the answer.
    async fn run(
        &mut self,
        session: &mut Session,
        database: &str,
        command: RawDocumentBuf,
    ) -> Result<Reply, Cause> {
        self.request += 1;
        session.send(&codec::command(self.request, database, command)).await?;
        codec::answer(session, self.request).await
    }

    async fn ping(&mut self, session: &mut Session) -> Result<(), Cause> {
        match self.run(session, self.database(), rawdoc! { "ping": 1 }).await? {
            Reply::Done(_) => Ok(()),
            Reply::Failed(code) => Err(errors::cause(code, During::Query)),
        }
    }

    /// Asks for something that needs a right to the database, and changes nothing.
    async fn ask_for_collections(&mut self, session: &mut Session) -> Result<Reply, Cause> {
        let command = rawdoc! {
            "listCollections": 1,
            // No collection is called so: the answer stays small.
            "filter": { "name": "" },
            "nameOnly": true,
            // With a right to some collections only: those.
            "authorizedCollections": true,
            "$readPreference": { "mode": "primaryPreferred" },
        };
        self.run(session, self.database(), command).await
    }
}

#[async_trait]
impl Conversation for Mongodb<'_> {
    fn upgrade(&self) -> Upgrade {
        Upgrade::Direct
    }

    async fn log_in(&mut self, session: &mut Session) -> Result<(), Cause> {
        self.authenticate(session).await
    }

    fn password_required(&self) -> Option<bool> {
        self.password_required
    }

    async fn query(&mut self, session: &mut Session) -> Result<Answer, Cause> {
        // Without a login it was asked already.
        if self.spec.database.is_some()
            && self.password_required == Some(true)
            && let Reply::Failed(code) = self.ask_for_collections(session).await?
        {
            return Err(errors::cause(code, During::Query));
        }
        self.ping(session).await?;
        let server_version =
            match self.run(session, DEFAULT_DATABASE, rawdoc! { "buildInfo": 1 }).await? {
                Reply::Done(build) => version(&build, &self.spec.secrets()),
                // Without the right to it, the login is good all the same.
                Reply::Failed(_) => None,
            };
        Ok(Answer { server_version, database_name: Some(self.database().to_owned()) })
    }

    /// The question that needs a right where there is one to need; anybody is answered a ping.
    async fn query_again(&mut self, session: &mut Session) -> Result<(), Cause> {
        if self.spec.database.is_none() || self.spec.credentials.is_none() {
            return self.ping(session).await;
        }
        match self.ask_for_collections(session).await? {
            Reply::Done(_) => Ok(()),
            Reply::Failed(code) => Err(errors::cause(code, During::Query)),
        }
    }
}

/// Product and version. FerretDB names the version of MongoDB that it stands in for, and its own.
fn version(build: &codec::Answer, secrets: &[&str]) -> Option<String> {
    let text = |name| build.text(name).map(|text| blanked(text, secrets));
    if let Some(own) = text("ferretdbVersion") {
        return Some(format!("FerretDB {}", own.strip_prefix('v').unwrap_or(&own)));
    }
    Some(format!("MongoDB {}", text("version")?))
}
