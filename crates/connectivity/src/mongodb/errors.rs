//! What the codes of MongoDB mean for a test.

use crate::failure::Cause;

/// The command requires a login, or the user has not the right to it.
pub(super) const UNAUTHORIZED: i32 = 13;

/// The server knows no such command.
pub(super) const COMMAND_NOT_FOUND: i32 = 59;

/// What the command that failed was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum During {
    Login,
    Query,
}

/// The cause behind an error code (`src/mongo/base/error_codes.yml` of the server).
pub(super) fn cause(code: i32, during: During) -> Cause {
    match (code, during) {
        // UserNotFound, AuthenticationFailed; AtlasError is what Atlas answers to a wrong login.
        (11 | 18, _) | (8000, During::Login) => Cause::LOGIN_REJECTED_BY_SOURCE,
        // Unauthorized, AuthenticationRestrictionUnmet (may not log in from here); AtlasError is
        // also what Atlas answers to a command that it does not allow.
        (UNAUTHORIZED | 214, _) | (8000, During::Query) => Cause::FORBIDDEN,
        // MechanismUnavailable; BadValue is what servers before 4.4 say of a mechanism.
        (334, _) | (2, During::Login) => Cause::MECHANISM_NOT_OFFERED,
        // InvalidNamespace: no database can have this name.
        (73, During::Query) => Cause::NO_SUCH_DATABASE,
        // ShutdownInProgress, NotYetInitialized, PrimarySteppedDown, ElectionInProgress,
        // LegacyNotPrimary, NotWritablePrimary, InterruptedAtShutdown,
        // InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary.
        (91 | 94 | 189 | 216 | 10058 | 10107 | 11600 | 11602 | 13435 | 13436, _) => {
            Cause::NOT_READY
        }
        // HostUnreachable, HostNotFound, NetworkTimeout, FailedToSatisfyReadPreference,
        // NetworkInterfaceExceededTimeLimit, SocketException: a router whose shards are away.
        (6 | 7 | 89 | 133 | 202 | 9001, _) => Cause::MEMBERS_UNREACHABLE,
        // MaxTimeMSExpired, ExceededTimeLimit and all else.
        _ => Cause::SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped() {
        use During::{Login, Query};
        for (code, during, expected) in [
            (18, Login, Cause::LOGIN_REJECTED_BY_SOURCE),
            (11, Login, Cause::LOGIN_REJECTED_BY_SOURCE),
            (8000, Login, Cause::LOGIN_REJECTED_BY_SOURCE),
            (8000, Query, Cause::FORBIDDEN),
            (214, Login, Cause::FORBIDDEN),
            (13, Login, Cause::FORBIDDEN),
            (13, Query, Cause::FORBIDDEN),
            (334, Login, Cause::MECHANISM_NOT_OFFERED),
            (2, Login, Cause::MECHANISM_NOT_OFFERED),
            (2, Query, Cause::SERVER_ERROR),
            (73, Query, Cause::NO_SUCH_DATABASE),
            (91, Query, Cause::NOT_READY),
            (10107, Query, Cause::NOT_READY),
            (11600, Login, Cause::NOT_READY),
            (13435, Query, Cause::NOT_READY),
            (202, Query, Cause::MEMBERS_UNREACHABLE),
            (50, Query, Cause::SERVER_ERROR),
            (0, Login, Cause::SERVER_ERROR),
            (i32::MIN, Query, Cause::SERVER_ERROR),
        ] {
            assert_eq!(cause(code, during), expected, "{code} {during:?}");
        }
    }
}
