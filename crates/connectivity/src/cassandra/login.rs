//! The start of the protocol, and the login.

use super::Cassandra;
use super::codec::{self, Answer};
use crate::failure::Cause;
use crate::session::Session;

/// Classes of servers that log users in by a name and a password in one message, by what comes
/// after the package.
const BY_PASSWORD: [&str; 9] = [
    // Cassandra's own.
    "PasswordAuthenticator",
    "MutualTlsWithPasswordFallbackAuthenticator",
    // ScyllaDB.
    TRANSITIONAL,
    "SaslauthdAuthenticator",
    "CertificateOrPasswordAuthenticator",
    // Services and extensions.
    "HelenusAuthenticator",
    "AivenAuthenticator",
    "InstaclustrPasswordAuthenticator",
    "AuditPasswordAuthenticator",
];

/// Of ScyllaDB, for the time in which passwords are introduced: whoever gives a wrong one is let in
/// as nobody in particular, and not told (`auth/transitional.cc`).
const TRANSITIONAL: &str = "TransitionalAuthenticator";

impl Cassandra<'_> {
    /// From the first message to the server's word that the login is good.
    pub(super) async fn authenticate(&mut self, session: &mut Session) -> Result<(), Cause> {
        session.send(&codec::startup()).await?;
        let class = match session.first(codec::take).await? {
            Answer::Ready => {
                self.password_required = Some(false);
                return Ok(());
            }
            Answer::Authenticate(class) => class,
            Answer::Error(error) => return Err(error.cause()),
            Answer::AuthChallenge | Answer::AuthSuccess | Answer::Result(_) => {
                return Err(Cause::NOT_THE_PROTOCOL);
            }
        };
        let class = class.rsplit('.').next().unwrap_or_default();
        by_password(class)?;
        self.password_required = Some(class != TRANSITIONAL);
        let credentials = self.spec.credentials.as_ref();
        let user = credentials.and_then(|c| c.username.as_ref());
        let password = credentials.and_then(|c| c.password.as_ref());
        let (Some(user), Some(password)) = (user, password) else {
            return Err(Cause::PASSWORD_MISSING);
        };
        session.send(&codec::login(user.as_str(), password.expose())).await?;
        match codec::next(session).await? {
            Answer::AuthSuccess => Ok(()),
            Answer::AuthChallenge => Err(Cause::MECHANISM_UNSUPPORTED),
            Answer::Error(error) => Err(error.cause()),
            Answer::Ready | Answer::Authenticate(_) | Answer::Result(_) => {
                Err(Cause::NOT_THE_PROTOCOL)
            }
        }
    }
}

/// Whether users of `class`, without its package, log in by a password; the password goes to no
/// other.
fn by_password(class: &str) -> Result<(), Cause> {
    match class {
        name if BY_PASSWORD.contains(&name) => Ok(()),
        "DseAuthenticator" => Err(Cause::ONLY_DSE),
        "MutualTlsAuthenticator" => Err(Cause::ONLY_CLIENT_CERTIFICATE),
        _ => Err(Cause::MECHANISM_UNSUPPORTED),
    }
}
