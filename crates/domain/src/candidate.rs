//! A login that is tried before it is stored.

use crate::checks::{Checked, WrittenPassword, check, password};
use crate::connection_input::MASK_NOT_A_PASSWORD;
use crate::violation::Findings;
use crate::{
    ConnectSpec, Credentials, Field, Member, Password, Secret, Username, ViolationCode, Violations,
};

/// A login to try on a stored datastore in place of the stored one. It has a password of its own:
/// the stored one is for the stored user alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateLogin {
    username: Option<Username>,
    password: Password,
}

impl CandidateLogin {
    /// The login that an input names; `None` when it names none.
    ///
    /// # Errors
    ///
    /// [`Violations`], also for a user without a password, and for a mask as password.
    pub fn new(
        username: &Member<String>,
        secret: &Member<Secret>,
    ) -> Result<Option<Self>, Violations> {
        let mut findings = Findings::default();
        let username = check(username, Field::Username, &mut findings, |t| t.as_str().try_into());
        let names_user = matches!(username, Checked::Valid(_) | Checked::Bad);
        let password = match password(secret, &mut findings) {
            Checked::Valid(WrittenPassword::Plain(password)) => Some(password),
            Checked::Valid(WrittenPassword::Mask) => {
                findings.add(Field::Password, ViolationCode::MaskedValue, MASK_NOT_A_PASSWORD);
                None
            }
            Checked::Absent | Checked::Null if names_user => {
                let detail = "The stored password is for the stored user; give one with username.";
                findings.add(Field::Password, ViolationCode::ReentryRequired, detail);
                None
            }
            Checked::Absent | Checked::Null | Checked::Bad => None,
        };
        findings.finish()?;
        Ok(password.map(|password| Self { username: username.valid(), password }))
    }
}

impl ConnectSpec {
    /// The same target with another login; without a user in it, the user stays.
    #[must_use]
    pub fn with_login(self, login: CandidateLogin) -> Self {
        let stored = self.credentials;
        let (user, unused_password) = stored.map_or((None, None), |c| (c.username, c.password));
        let username = login.username.or(user);
        let credentials = Some(Credentials { username, password: Some(login.password) });
        Self { credentials, unused_password, ..self }
    }
}
