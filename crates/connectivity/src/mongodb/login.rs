//! Greeting and logging in.

use super::codec::{self, Answer, Reply};
use super::errors::{COMMAND_NOT_FOUND, During, UNAUTHORIZED, cause};
use super::{DEFAULT_DATABASE, Mongodb};
use crate::failure::Cause;
use crate::plain;
use crate::scram::{Binding, Exchange, Hash};
use crate::session::Session;
use bson::raw::{RawBinaryRef, RawDocumentBuf};
use bson::spec::BinarySubtype;
use bson::{cstr, rawdoc};
use datastore_domain::Password;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Version of the protocol since which servers speak OP_MSG: MongoDB 3.6.
const OLDEST_WIRE_VERSION: i32 = 6;

/// Version of the protocol since which servers list the mechanisms of a user: MongoDB 4.0.
const LISTS_MECHANISMS: i32 = 7;

/// Mechanisms that a server may list; real ones list two or three.
const MAX_MECHANISMS: usize = 16;

/// How a password is shown to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mechanism {
    Scram(Hash),
    /// The password as it is, for servers that have somebody else check it (LDAP).
    Plain,
}

/// Who logs in.
struct Login<'a> {
    user: &'a str,
    password: &'a Password,
    /// Database that knows the user.
    source: &'a str,
}

impl Mechanism {
    const SCRAM_SHA_1: Self = Self::Scram(Hash::Sha1);
    const SCRAM_SHA_256: Self = Self::Scram(Hash::Sha256);

    fn name(self) -> &'static str {
        match self {
            Self::SCRAM_SHA_1 => "SCRAM-SHA-1",
            Self::SCRAM_SHA_256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }

    /// The one that the record insists on, or the best that the server offers to the user. A server
    /// that says nothing about the user, or knows none, is taken for an old one ("Authentication"
    /// specification, "Defaults").
    fn choose(insisted: Option<&str>, offered: Option<&[&str]>) -> Result<Self, Cause> {
        let ours = [Self::SCRAM_SHA_256, Self::SCRAM_SHA_1];
        if let Some(name) = insisted {
            let known = ours.into_iter().chain([Self::Plain]).find(|one| one.name() == name);
            return known.ok_or(Cause::MECHANISM_UNSUPPORTED);
        }
        let Some(offered) = offered else { return Ok(Self::SCRAM_SHA_1) };
        let best = ours.into_iter().find(|mechanism| offered.contains(&mechanism.name()));
        best.ok_or_else(|| unsupported(offered))
    }
}

/// Why nothing of what is offered will do. PLAIN is never chosen by the server's word.
fn unsupported(offered: &[&str]) -> Cause {
    let known = [
        (Mechanism::Plain.name(), Cause::ONLY_PLAIN),
        ("MONGODB-X509", Cause::ONLY_X509),
        ("GSSAPI", Cause::ONLY_KERBEROS),
        ("MONGODB-AWS", Cause::ONLY_AWS),
        ("MONGODB-OIDC", Cause::ONLY_OIDC),
    ];
    let named = known.into_iter().find(|(name, _)| offered.contains(name));
    named.map_or(Cause::MECHANISM_UNSUPPORTED, |(_, cause)| cause)
}

impl<'a> Mongodb<'a> {
    /// From the greeting to the server's word that the login is good.
    pub(super) async fn authenticate(&mut self, session: &mut Session) -> Result<(), Cause> {
        let login = self.login()?;
        let hello = self.greet(session, login.as_ref()).await?;
        self.check_hello(&hello)?;
        let Some(login) = login else { return self.look_around(session).await };
        let offered = hello.texts("saslSupportedMechs", MAX_MECHANISMS);
        let insisted = self.spec.auth_mechanism.as_deref();
        let mechanism = Mechanism::choose(insisted, offered.as_deref())?;
        let Mechanism::Scram(hash) = mechanism else { return self.plain(session, &login).await };
        self.password_required = Some(true);
        match (self.scram(session, hash, &login).await, offered) {
            // Servers before 4.4 call it a wrong login when the user has no such mechanism.
            (Err(Cause::LOGIN_REJECTED_BY_SOURCE), Some(offered))
                if !offered.contains(&mechanism.name()) =>
            {
                Err(Cause::MECHANISM_NOT_OFFERED)
            }
            // It says nothing about a user that it does not know. Newer ones, which would list the
            // mechanisms of one that they do, refuse our guess when it is switched off.
            (Err(Cause::MECHANISM_NOT_OFFERED), None)
                if insisted.is_none()
                    && hello.whole("maxWireVersion") >= Some(LISTS_MECHANISMS) =>
            {
                Err(Cause::LOGIN_REJECTED_BY_SOURCE)
            }
            (result, _) => result,
        }
    }

    fn login(&self) -> Result<Option<Login<'a>>, Cause> {
        let spec = self.spec;
        let Some(credentials) = &spec.credentials else { return Ok(None) };
        let (Some(user), Some(password)) = (&credentials.username, &credentials.password) else {
            return Err(Cause::PASSWORD_MISSING);
        };
        let source = match (&spec.auth_source, &spec.database) {
            (Some(source), _) => source.as_str(),
            // Left open by the string for what the TXT record says, which was nothing.
            (None, Some(database)) if spec.discover_by_srv => database.as_str(),
            (None, _) if spec.auth_mechanism.as_deref() == Some("PLAIN") => "$external",
            (None, _) => DEFAULT_DATABASE,
        };
        Ok(Some(Login { user: user.as_str(), password, source }))
    }

    /// Says hello, by its old name where the new one is not known (before 4.4.2).
    async fn greet(
        &mut self,
        session: &mut Session,
        login: Option<&Login<'_>>,
    ) -> Result<Answer, Cause> {
        let hello = |mut document: RawDocumentBuf| {
            document.append(cstr!("helloOk"), true);
            if let Some(Login { user, source, .. }) = login {
                document.append(cstr!("saslSupportedMechs"), format!("{source}.{user}").as_str());
            }
            let client = rawdoc! {
                "application": { "name": "datastore-api" },
                "driver": { "name": "datastore-api", "version": env!("CARGO_PKG_VERSION") },
                "os": { "type": std::env::consts::OS },
            };
            document.append(cstr!("client"), client);
            document
        };
        let mut reply = self.run(session, DEFAULT_DATABASE, hello(rawdoc! { "hello": 1 })).await?;
        if let Reply::Failed(COMMAND_NOT_FOUND) = reply {
            let older = hello(rawdoc! { "isMaster": 1 });
            reply = self.run(session, DEFAULT_DATABASE, older).await?;
        }
        match reply {
            Reply::Done(answer) => Ok(answer),
            Reply::Failed(code) => Err(cause(code, During::Login)),
        }
    }

    /// Before the password is used: whether this is MongoDB, knows users, and is of the set that is
    /// meant.
    fn check_hello(&self, hello: &Answer) -> Result<(), Cause> {
        let is_primary = hello.flag("isWritablePrimary").or_else(|| hello.flag("ismaster"));
        let is_primary = is_primary.ok_or(Cause::NOT_THE_PROTOCOL)?;
        let newest = hello.whole("maxWireVersion").ok_or(Cause::NOT_THE_PROTOCOL)?;
        if newest < OLDEST_WIRE_VERSION {
            return Err(Cause::SERVER_TOO_OLD);
        }
        // An arbiter, or a member before its first copy: it knows no users, and would call the
        // right password a wrong one.
        if !is_primary && hello.flag("secondary") != Some(true) {
            return Err(Cause::NO_DATA_HERE);
        }
        match &self.spec.replica_set {
            Some(set) if hello.text("setName") != Some(set) => Err(Cause::OTHER_REPLICA_SET),
            Some(_) | None => Ok(()),
        }
    }

    /// Without a login: whether the server lets anybody in.
    async fn look_around(&mut self, session: &mut Session) -> Result<(), Cause> {
        match self.ask_for_collections(session).await? {
            Reply::Done(_) => {
                self.password_required = Some(false);
                Ok(())
            }
            Reply::Failed(UNAUTHORIZED) => {
                self.password_required = Some(true);
                Err(Cause::PASSWORD_MISSING)
            }
            Reply::Failed(code) => Err(cause(code, During::Login)),
        }
    }

    async fn scram(
        &mut self,
        session: &mut Session,
        hash: Hash,
        login: &Login<'_>,
    ) -> Result<(), Cause> {
        let exchange = Exchange::new(hash, Binding::Unsupported, login.user)?;
        let first = exchange.first_message();
        let start = sasl_start(Mechanism::Scram(hash), first.as_bytes());
        let step = self.sasl(session, login.source, start).await?;
        if step.done {
            // Let in, or told so, before anything was proven.
            return Err(Cause::SERVER_UNPROVEN);
        }
        let challenge = exchange.challenge(&step.payload)?;
        let salted = match hash {
            Hash::Sha1 => self.hashing.salt(&digest(login), &challenge).await?,
            Hash::Sha256 => self.hashing.salt(login.password.expose(), &challenge).await?,
        };
        let (proof, server_proof) = exchange.prove(&challenge, &salted);
        let next = sasl_continue(step.conversation, proof.as_bytes());
        let mut step = self.sasl(session, login.source, next).await?;
        server_proof.check(&step.payload)?;
        // Servers before 4.4 do not skip the empty last exchange.
        if !step.done {
            let next = sasl_continue(step.conversation, b"");
            step = self.sasl(session, login.source, next).await?;
        }
        if step.done { Ok(()) } else { Err(Cause::NOT_THE_PROTOCOL) }
    }

    /// Hands the password over, inside TLS, to a server that asks for it.
    async fn plain(&mut self, session: &mut Session, login: &Login<'_>) -> Result<(), Cause> {
        if !session.is_encrypted() {
            return Err(Cause::CLEAR_TEXT_REFUSED);
        }
        if let Reply::Done(_) = self.ask_for_collections(session).await? {
            self.password_required = Some(false);
            return Ok(());
        }
        self.password_required = Some(true);
        let payload = plain::message(login.user, login.password.expose());
        let step = self.sasl(session, login.source, sasl_start(Mechanism::Plain, &payload)).await?;
        if step.done { Ok(()) } else { Err(Cause::NOT_THE_PROTOCOL) }
    }

    async fn sasl(
        &mut self,
        session: &mut Session,
        source: &str,
        command: RawDocumentBuf,
    ) -> Result<Step, Cause> {
        match self.run(session, source, command).await? {
            Reply::Done(answer) => Step::read(&answer),
            Reply::Failed(code) => Err(cause(code, During::Login)),
        }
    }
}

/// The server's side of an exchange.
struct Step {
    conversation: i32,
    done: bool,
    payload: Vec<u8>,
}

impl Step {
    fn read(answer: &Answer) -> Result<Self, Cause> {
        let read = || {
            Some(Self {
                conversation: answer.whole("conversationId")?,
                done: answer.flag("done")?,
                payload: answer.bytes("payload")?.to_vec(),
            })
        };
        read().ok_or(Cause::NOT_THE_PROTOCOL)
    }
}

fn sasl_start(mechanism: Mechanism, payload: &[u8]) -> RawDocumentBuf {
    let mut document = codec::roomy(payload.len());
    document.append(cstr!("saslStart"), 1);
    document.append(cstr!("mechanism"), mechanism.name());
    document.append(cstr!("payload"), binary(payload));
    document.append(cstr!("autoAuthorize"), 1);
    document.append(cstr!("options"), rawdoc! { "skipEmptyExchange": true });
    document
}

fn sasl_continue(conversation: i32, payload: &[u8]) -> RawDocumentBuf {
    let mut document = rawdoc! { "saslContinue": 1, "conversationId": conversation };
    document.append(cstr!("payload"), binary(payload));
    document
}

fn binary(bytes: &[u8]) -> RawBinaryRef<'_> {
    RawBinaryRef { subtype: BinarySubtype::Generic, bytes }
}

/// What SCRAM-SHA-1 takes for the password: MongoDB kept that of the mechanism before it, MD5 of
/// user and password in hexadecimal.
fn digest(login: &Login<'_>) -> Zeroizing<String> {
    let mut md5 = Md5::new();
    for part in [login.user, ":mongo:", login.password.expose()] {
        md5.update(part);
    }
    let mut text = Zeroizing::new(String::with_capacity(32));
    for byte in Zeroizing::new(<[u8; 16]>::from(md5.finalize())).iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_mechanism_of_ours_is_chosen() {
        let check = |insisted: Option<&str>, offered: Option<&[&str]>, expected: Result<_, _>| {
            assert_eq!(Mechanism::choose(insisted, offered), expected, "{insisted:?} {offered:?}");
        };
        let both = &["SCRAM-SHA-1", "SCRAM-SHA-256"][..];
        check(None, Some(both), Ok(Mechanism::SCRAM_SHA_256));
        check(None, Some(&["SCRAM-SHA-1", "PLAIN"]), Ok(Mechanism::SCRAM_SHA_1));
        check(None, None, Ok(Mechanism::SCRAM_SHA_1));
        check(Some("SCRAM-SHA-1"), Some(both), Ok(Mechanism::SCRAM_SHA_1));
        check(Some("PLAIN"), None, Ok(Mechanism::Plain));
        check(Some("MONGODB-AWS"), None, Err(Cause::MECHANISM_UNSUPPORTED));
        for (offered, cause) in [
            ("PLAIN", Cause::ONLY_PLAIN),
            ("MONGODB-X509", Cause::ONLY_X509),
            ("GSSAPI", Cause::ONLY_KERBEROS),
            ("MONGODB-AWS", Cause::ONLY_AWS),
            ("MONGODB-OIDC", Cause::ONLY_OIDC),
            ("scram-sha-256", Cause::MECHANISM_UNSUPPORTED),
        ] {
            check(None, Some(&[offered]), Err(cause));
        }
        check(None, Some(&[]), Err(Cause::MECHANISM_UNSUPPORTED));
    }
}
