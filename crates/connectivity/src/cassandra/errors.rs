//! What the codes of Cassandra mean for a test.

use crate::failure::Cause;

/// An error of the server: its code, and what its text was looked at for. The text itself is not
/// kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerError {
    code: i32,
    login: LoginError,
}

/// The one code for errors of a login stands for three things; only the text tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoginError {
    /// Or anything that is not known.
    Rejected,
    /// The password was right, and the role is not one to log in with.
    NoLogin,
    /// Where roles are kept does not answer: nothing was compared.
    NotCompared,
}

/// Words of texts that say that nothing was compared: of Cassandra since 4.0 and before
/// (`PasswordAuthenticator`), and of ScyllaDB (`auth/password_authenticator.cc`), which pass on what
/// reading their own tables ended with.
const NOT_COMPARED: [&str; 7] = [
    "Unable to perform authentication",
    "Error during authentication of user",
    "Cannot achieve consistency level",
    "UnavailableException",
    "TimeoutException",
    "Operation timed out",
    "Could not verify password",
];

impl ServerError {
    pub(super) fn new(code: i32, text: &str) -> Self {
        let login = if text.ends_with("is not permitted to log in") {
            LoginError::NoLogin
        } else if NOT_COMPARED.iter().any(|words| text.contains(words)) {
            LoginError::NotCompared
        } else {
            LoginError::Rejected
        };
        Self { code, login }
    }

    /// The cause behind it, at whatever step it came
    /// (section 9 of <https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v4.spec>).
    pub(super) fn cause(self) -> Cause {
        match (self.code, self.login) {
            // Bad credentials.
            (0x0100, LoginError::Rejected) => Cause::LOGIN_REJECTED,
            (0x0100, LoginError::NoLogin) => Cause::FORBIDDEN,
            // Is_bootstrapping.
            (0x0100, LoginError::NotCompared) | (0x1002, _) => Cause::NOT_READY,
            // Unauthorized.
            (0x2100, _) => Cause::FORBIDDEN,
            // Overloaded, which is also said to those above a limit of connections.
            (0x1001, _) => Cause::SERVER_FULL,
            _ => Cause::SERVER_ERROR,
        }
    }

    /// The cause when a keyspace was to be opened: `Invalid` is what a missing one is called.
    pub(super) fn cause_of_use(self) -> Cause {
        match self.code {
            0x2200 => Cause::NO_SUCH_DATABASE,
            _ => self.cause(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped() {
        for (code, expected) in [
            (0x0100, Cause::LOGIN_REJECTED),
            (0x1001, Cause::SERVER_FULL),
            (0x1002, Cause::NOT_READY),
            (0x2100, Cause::FORBIDDEN),
            (0x0000, Cause::SERVER_ERROR),
            (0x000a, Cause::SERVER_ERROR),
            (0x2000, Cause::SERVER_ERROR),
            (0x2200, Cause::SERVER_ERROR),
            (-1, Cause::SERVER_ERROR),
        ] {
            assert_eq!(ServerError::new(code, "").cause(), expected, "{code:#x}");
        }
        assert_eq!(ServerError::new(0x2200, "").cause_of_use(), Cause::NO_SUCH_DATABASE);
        assert_eq!(ServerError::new(0x2100, "").cause_of_use(), Cause::FORBIDDEN);
    }

    #[test]
    fn what_one_code_stands_for_is_told_apart() {
        for (text, expected) in [
            ("Provided username x and/or password are incorrect", Cause::LOGIN_REJECTED),
            ("x is not permitted to log in", Cause::FORBIDDEN),
            ("Username and/or password are incorrect", Cause::LOGIN_REJECTED),
            ("Unable to perform authentication: no replica", Cause::NOT_READY),
            (
                "Error during authentication of user x : org.apache.cassandra.exceptions.\
                 UnavailableException: Cannot achieve consistency level QUORUM",
                Cause::NOT_READY,
            ),
            (
                "Cannot achieve consistency level for cl QUORUM. Requires 2, alive 1",
                Cause::NOT_READY,
            ),
            ("Could not verify password", Cause::NOT_READY),
            (
                "org.apache.cassandra.exceptions.ReadTimeoutException: Operation timed out - \
                 received only 0 responses.",
                Cause::NOT_READY,
            ),
            ("something else", Cause::LOGIN_REJECTED),
        ] {
            assert_eq!(ServerError::new(0x0100, text).cause(), expected, "{text}");
            assert_eq!(ServerError::new(0x0000, text).cause(), Cause::SERVER_ERROR, "{text}");
        }
    }
}
