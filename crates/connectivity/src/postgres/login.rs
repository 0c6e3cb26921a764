//! Logging in: the startup message and the authentication that the server asks for.

use super::codec::{self, Reply};
use super::{Postgres, errors};
use crate::binding;
use crate::failure::Cause;
use crate::scram::{Binding, Exchange, Hash};
use crate::session::Session;
use bytes::BytesMut;
use datastore_domain::{ChannelBinding, Password, TlsMode};
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use zeroize::Zeroize;

const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// Since PostgreSQL 18.
const OAUTH: &str = "OAUTHBEARER";

/// Mechanisms that a server may list; real ones list three at most.
const MAX_MECHANISMS: usize = 16;

impl<'a> Postgres<'a> {
    /// From the startup message to the server's word that the login is good.
    pub(super) async fn start_up(&mut self, session: &mut Session) -> Result<(), Cause> {
        session.send(&self.startup_message()?).await?;
        match codec::next(session).await? {
            // Before it asked for anything: the password is not what was wrong.
            Reply::Failed(errors::NOT_AUTHORIZED) => Err(Cause::NOT_ADMITTED),
            Reply::Failed(state) => Err(errors::cause(state)),
            // Any other way in would go past what the record insists on.
            Reply::Message(message)
                if self.spec.channel_binding == ChannelBinding::Require
                    && !matches!(message, Message::AuthenticationSasl(_)) =>
            {
                Err(Cause::CHANNEL_UNBOUND)
            }
            Reply::Message(Message::AuthenticationOk) => {
                self.password_required = Some(false);
                Ok(())
            }
            Reply::Message(Message::AuthenticationCleartextPassword) => {
                let password = self.asked_for_password()?;
                if !self.may_send_clear_text(session) {
                    return Err(Cause::CLEAR_TEXT_REFUSED);
                }
                send_password(session, password.expose().as_bytes()).await?;
                expect_ok(session).await
            }
            Reply::Message(Message::AuthenticationMd5Password(body)) => {
                let password = self.asked_for_password()?.expose().as_bytes();
                let mut hash = md5_hash(self.user().as_bytes(), password, body.salt());
                let sent = send_password(session, hash.as_bytes()).await;
                hash.zeroize();
                sent?;
                expect_ok(session).await
            }
            Reply::Message(Message::AuthenticationSasl(body)) => self.scram(session, &body).await,
            Reply::Message(Message::AuthenticationGss | Message::AuthenticationKerberosV5) => {
                Err(Cause::ONLY_KERBEROS)
            }
            Reply::Message(Message::AuthenticationSspi) => Err(Cause::ONLY_WINDOWS),
            Reply::Message(Message::AuthenticationScmCredential) => {
                Err(Cause::MECHANISM_UNSUPPORTED)
            }
            Reply::Message(_) => Err(Cause::NOT_THE_PROTOCOL),
        }
    }

    fn startup_message(&self) -> Result<BytesMut, Cause> {
        let mut parameters = vec![
            ("user", self.user()),
            ("application_name", "datastore-api"),
            ("client_encoding", "UTF8"),
        ];
        // Without it the server opens the database that is named like the user.
        if let Some(database) = &self.spec.database {
            parameters.push(("database", database.as_str()));
        }
        let mut message = BytesMut::new();
        // Fails on NUL only, which no user and no database name holds.
        frontend::startup_message(parameters, &mut message).map_err(|_| Cause::LOGIN_REJECTED)?;
        Ok(message)
    }

    /// Notes that the server wants a password, and looks for it.
    fn asked_for_password(&mut self) -> Result<&'a Password, Cause> {
        self.password_required = Some(true);
        let credentials = self.spec.credentials.as_ref();
        credentials.and_then(|c| c.password.as_ref()).ok_or(Cause::PASSWORD_MISSING)
    }

    /// Whoever strips TLS from a connection that prefers it would ask for the password next.
    fn may_send_clear_text(&self, session: &Session) -> bool {
        session.is_encrypted() || session.is_loopback() || self.spec.tls == TlsMode::Disable
    }

    async fn scram(
        &mut self,
        session: &mut Session,
        body: &AuthenticationSaslBody,
    ) -> Result<(), Cause> {
        let offered: Vec<&str> = body
            .mechanisms()
            .take(MAX_MECHANISMS)
            .collect()
            .map_err(|_| Cause::NOT_THE_PROTOCOL)?;
        let (mechanism, binding) = choose(&offered, session, self.spec.channel_binding)?;
        let hashing = self.hashing;
        let password = self.asked_for_password()?;
        let exchange = Exchange::new(Hash::Sha256, binding, "")?;
        let mut message = BytesMut::new();
        frontend::sasl_initial_response(
            mechanism,
            exchange.first_message().as_bytes(),
            &mut message,
        )
        .map_err(|_| Cause::NOT_THE_PROTOCOL)?;
        session.send(&message).await?;

        let challenge = match codec::next(session).await? {
            Reply::Failed(state) => return Err(errors::cause(state)),
            Reply::Message(Message::AuthenticationSaslContinue(body)) => {
                exchange.challenge(body.data())?
            }
            Reply::Message(_) => return Err(Cause::NOT_THE_PROTOCOL),
        };
        let salted = hashing.salt(password.expose(), &challenge).await?;
        let (text, server_proof) = exchange.prove(&challenge, &salted);
        let mut message = BytesMut::new();
        frontend::sasl_response(text.as_bytes(), &mut message)
            .map_err(|_| Cause::NOT_THE_PROTOCOL)?;
        session.send(&message).await?;

        // A server that skips its own proof is not let through: "ok" here is a mismatch.
        match codec::next(session).await? {
            // Of a wrong password it says something else.
            Reply::Failed(errors::NOT_AUTHORIZED) if mechanism == SCRAM_PLUS => {
                return Err(Cause::CHANNEL_CUT);
            }
            Reply::Failed(state) => return Err(errors::cause(state)),
            Reply::Message(Message::AuthenticationSaslFinal(body)) => {
                server_proof.check(body.data())?;
            }
            Reply::Message(_) => return Err(Cause::NOT_THE_PROTOCOL),
        }
        expect_ok(session).await
    }
}

/// The best mechanism that both sides know, and what to say about the channel.
fn choose(
    offered: &[&str],
    session: &Session,
    wanted: ChannelBinding,
) -> Result<(&'static str, Binding), Cause> {
    let end_point = match wanted {
        ChannelBinding::Disable => None,
        ChannelBinding::Prefer | ChannelBinding::Require => {
            session.certificate().and_then(binding::end_point)
        }
    };
    match end_point {
        Some(hash) if offered.contains(&SCRAM_PLUS) => Ok((SCRAM_PLUS, Binding::EndPoint(hash))),
        _ if wanted == ChannelBinding::Require => Err(Cause::CHANNEL_UNBOUND),
        _ if !offered.contains(&SCRAM) => Err(unsupported(offered)),
        Some(_) => Ok((SCRAM, Binding::NotOffered)),
        None => Ok((SCRAM, Binding::Unsupported)),
    }
}

/// Why nothing of what is offered will do.
fn unsupported(offered: &[&str]) -> Cause {
    let known = [(OAUTH, Cause::ONLY_OAUTH), (SCRAM_PLUS, Cause::ONLY_BOUND_SCRAM)];
    let named = known.into_iter().find(|(name, _)| offered.contains(name));
    named.map_or(Cause::MECHANISM_UNSUPPORTED, |(_, cause)| cause)
}

async fn send_password(session: &mut Session, password: &[u8]) -> Result<(), Cause> {
    // Large enough from the start, so that growing leaves no copy behind.
    let mut message = BytesMut::with_capacity(password.len() + 16);
    frontend::password_message(password, &mut message).map_err(|_| Cause::LOGIN_REJECTED)?;
    let sent = session.send(&message).await;
    message.as_mut().zeroize();
    sent
}

async fn expect_ok(session: &mut Session) -> Result<(), Cause> {
    match codec::next(session).await? {
        Reply::Failed(state) => Err(errors::cause(state)),
        Reply::Message(Message::AuthenticationOk) => Ok(()),
        // Also a second question: one login per test.
        Reply::Message(_) => Err(Cause::NOT_THE_PROTOCOL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scram::Hashing;
    use crate::tests::{PASSWORD, PLACES, contains, session, spec};
    use datastore_domain::System;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn t08_clear_text_goes_where_nobody_reads_along_or_the_record_says_so() {
        const ASK_AND_ACCEPT: &[u8] = b"R\0\0\0\x08\0\0\0\x03R\0\0\0\x08\0\0\0\0";
        let hashing = Hashing::new(1);
        for (peer, tls, allowed) in PLACES {
            let spec = spec(System::Postgres, tls);
            let (mut session, mut far) = session(peer).await;
            far.write_all(ASK_AND_ACCEPT).await.expect("sent");
            let result = Postgres::new(&spec, &hashing).start_up(&mut session).await;
            let expected = if allowed { Ok(()) } else { Err(Cause::CLEAR_TEXT_REFUSED) };
            assert_eq!(result, expected, "{peer} {tls}");
            drop(session);
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).await.expect("closed");
            let got_it = contains(&heard, PASSWORD.as_bytes());
            assert_eq!(got_it, allowed, "{peer} {tls}");
        }
    }

    #[tokio::test]
    async fn without_tls_there_is_no_binding() {
        let (session, _far) = session("10.0.0.1").await;
        for (offered, wanted, expected) in [
            (&[SCRAM][..], ChannelBinding::Prefer, Ok((SCRAM, Binding::Unsupported))),
            (&[SCRAM_PLUS, SCRAM], ChannelBinding::Prefer, Ok((SCRAM, Binding::Unsupported))),
            (&[SCRAM_PLUS, SCRAM], ChannelBinding::Disable, Ok((SCRAM, Binding::Unsupported))),
            (&[SCRAM_PLUS, SCRAM], ChannelBinding::Require, Err(Cause::CHANNEL_UNBOUND)),
            (&[SCRAM_PLUS], ChannelBinding::Prefer, Err(Cause::ONLY_BOUND_SCRAM)),
        ] {
            assert_eq!(choose(offered, &session, wanted), expected, "{offered:?} {wanted:?}");
        }
    }
}
