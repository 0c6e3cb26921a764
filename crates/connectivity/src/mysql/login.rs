//! Logging in: the answer to the greeting, and what the user's method asks for.

use super::codec::{self, Greeting, LoginReply, capability};
use super::methods::{self, Method};
use super::{Mysql, errors};
use crate::failure::Cause;
use crate::session::Session;
use bytes::Bytes;
use datastore_domain::TlsMode;
use zeroize::Zeroizing;

/// What a login of ours cannot do without.
const NEEDED: u32 = capability::PROTOCOL_41 | capability::SECURE_CONNECTION;

/// What `caching_sha2_password` says to a proof: known from an earlier login, or not.
const KNOWN: &[u8] = &[3];
const NOT_KNOWN: &[u8] = &[4];

/// Methods that a server may go through. In MariaDB a user may have several
/// (`IDENTIFIED VIA … OR …`), of which one has to find the password right.
const MOST_SWITCHES: usize = 8;

/// Asks for the server's public key.
const REQUEST_KEY: &[u8] = &[2];

impl Mysql<'_> {
    /// From the answer to the greeting to the server's word that the login is good.
    pub(super) async fn authenticate(
        &mut self,
        session: &mut Session,
        greeting: &Greeting,
    ) -> Result<(), Cause> {
        if !greeting.has(NEEDED) {
            return Err(Cause::ONLY_OLD_PASSWORD);
        }
        // The greeting does not know who comes. A method that proves the password without handing
        // it over is tried; when the user has another one, the server asks for that.
        let method = match greeting.method {
            Some(Method::Sha2) => Method::Sha2,
            _ => Method::Native,
        };
        let proof = self.proof(session, method, &greeting.nonce)?;
        let response = self.response(session, greeting, method, &proof);
        self.send(session, &response).await?;
        let mut reply = self.login_reply(session).await?;
        let (mut method, mut nonce) = (method, Bytes::copy_from_slice(&greeting.nonce));
        for _ in 0..MOST_SWITCHES {
            let LoginReply::Switch(next, challenge) = reply else { break };
            // A NUL may follow. A challenge that is too short would be one that somebody has hashed
            // all likely passwords with.
            if challenge.len() < next.nonce_length() {
                return Err(Cause::NOT_THE_PROTOCOL);
            }
            (method, nonce) = (next, challenge.slice(..next.nonce_length()));
            let proof = match (method, self.password()) {
                (Method::Sha2, None) => Zeroizing::new(vec![0]),
                _ => self.proof(session, method, &nonce)?,
            };
            self.send(session, &proof).await?;
            reply = self.login_reply(session).await?;
        }
        self.finish(session, method, &nonce, reply).await
    }

    /// What the method wants first. Without a password in the record, the proof of none.
    fn proof(
        &self,
        session: &Session,
        method: Method,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Cause> {
        match (method, self.password()) {
            (Method::Native | Method::Sha2, None) => Ok(Zeroizing::default()),
            (Method::Native, Some(password)) => Ok(methods::native(password, nonce)),
            (Method::Sha2, Some(password)) => Ok(methods::sha2(password, nonce)),
            (Method::Ed25519 | Method::Clear, None) => Err(Cause::PASSWORD_MISSING),
            (Method::Ed25519, Some(password)) => Ok(methods::ed25519(password, nonce)),
            (Method::Clear, Some(password)) if self.may_hand_over(session) => {
                Ok(methods::clear(password))
            }
            (Method::Clear, Some(_)) => Err(Cause::CLEAR_TEXT_REFUSED),
            (Method::Unsupported(cause), _) => Err(cause),
        }
    }

    /// Whoever strips TLS from a connection that prefers it would ask for the password next, or for
    /// it under a key of their own.
    fn may_hand_over(&self, session: &Session) -> bool {
        session.is_encrypted() || session.is_loopback() || self.spec.tls == TlsMode::Disable
    }

    /// How our answer to the greeting begins. A request for TLS is that and no more; since MariaDB
    /// reads what we can do from the request alone, both must say the same.
    pub(super) fn client_flags(&self, greeting: &Greeting, encrypted: bool) -> [u8; 32] {
        let mut capabilities = codec::CLIENT;
        for (capability, is_used) in [
            (capability::TLS, encrypted),
            (capability::CONNECT_WITH_DB, self.spec.database.is_some()),
            (capability::PLUGIN_AUTH, greeting.has(capability::PLUGIN_AUTH)),
        ] {
            if is_used {
                capabilities |= capability;
            }
        }
        codec::client_flags(capabilities)
    }

    /// The answer to the greeting: who comes, the proof, and what to open.
    fn response(
        &self,
        session: &Session,
        greeting: &Greeting,
        method: Method,
        proof: &[u8],
    ) -> Vec<u8> {
        let credentials = self.spec.credentials.as_ref();
        let user = credentials.and_then(|c| c.username.as_ref()).map_or("", |user| user.as_str());
        let database = self.spec.database.as_ref().map(|name| name.as_str());
        let named = greeting.has(capability::PLUGIN_AUTH).then_some(match method {
            Method::Sha2 => "caching_sha2_password",
            _ => "mysql_native_password",
        });
        let mut response = self.client_flags(greeting, session.is_encrypted()).to_vec();
        response.extend_from_slice(user.as_bytes());
        response.push(0);
        // At most 64 bytes.
        response.push(u8::try_from(proof.len()).unwrap_or(u8::MAX));
        response.extend_from_slice(proof);
        for text in [database, named].into_iter().flatten() {
            response.extend_from_slice(text.as_bytes());
            response.push(0);
        }
        response
    }

    async fn login_reply(&mut self, session: &mut Session) -> Result<LoginReply, Cause> {
        let payload = self.receive(session).await?;
        codec::login_reply(&payload).ok_or(Cause::NOT_THE_PROTOCOL)
    }

    /// From the server's judgement of the first proof to the end of the login.
    async fn finish(
        &mut self,
        session: &mut Session,
        method: Method,
        nonce: &[u8],
        reply: LoginReply,
    ) -> Result<(), Cause> {
        match reply {
            LoginReply::Ok => Ok(()),
            LoginReply::Failed(code) => Err(self.refused(session, code)),
            LoginReply::More(data) if method == Method::Sha2 && &data[..] == KNOWN => {
                self.expect_ok(session).await
            }
            LoginReply::More(data) if method == Method::Sha2 && &data[..] == NOT_KNOWN => {
                self.hand_over(session, nonce).await
            }
            LoginReply::More(_) | LoginReply::Switch(..) => Err(Cause::NOT_THE_PROTOCOL),
        }
    }

    /// The full login of `caching_sha2_password`: the server has only a hash that a proof cannot be
    /// compared with, so it gets the password itself, inside TLS or under its public key.
    async fn hand_over(&mut self, session: &mut Session, nonce: &[u8]) -> Result<(), Cause> {
        let Some(password) = self.password() else { return Err(Cause::PASSWORD_MISSING) };
        if session.is_encrypted() {
            self.send(session, &methods::clear(password)).await?;
            return self.expect_ok(session).await;
        }
        if !self.may_hand_over(session) {
            return Err(Cause::KEY_REFUSED);
        }
        self.send(session, REQUEST_KEY).await?;
        let key = match self.login_reply(session).await? {
            LoginReply::More(pem) => pem,
            LoginReply::Failed(code) => return Err(self.refused(session, code)),
            LoginReply::Ok | LoginReply::Switch(..) => return Err(Cause::NOT_THE_PROTOCOL),
        };
        self.send(session, &methods::sealed(password, nonce, &key)?).await?;
        self.expect_ok(session).await
    }

    async fn expect_ok(&mut self, session: &mut Session) -> Result<(), Cause> {
        match self.login_reply(session).await? {
            LoginReply::Ok => Ok(()),
            LoginReply::Failed(code) => Err(self.refused(session, code)),
            LoginReply::More(_) | LoginReply::Switch(..) => Err(Cause::NOT_THE_PROTOCOL),
        }
    }

    /// Why a login was refused. One code stands for a wrong password, for none, and for a user who
    /// must come over TLS.
    fn refused(&self, session: &Session, code: u16) -> Cause {
        match errors::cause(code) {
            Cause::LOGIN_REJECTED if self.password().is_none() => Cause::PASSWORD_MISSING,
            Cause::LOGIN_REJECTED if !session.is_encrypted() => Cause::LOGIN_REJECTED_UNENCRYPTED,
            cause => cause,
        }
    }
}

#[cfg(test)]
mod tests;
