//! What the errors of Redis mean for a test.

use super::codec::ServerError;
use crate::failure::Cause;

/// What the command that failed was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum During {
    Login,
    Select,
    Query,
}

/// The cause behind an error. Most have a code as their first word; the older general `ERR` is told
/// apart by the words that its source has had since (`src/networking.c`, `src/acl.c`, `src/db.c`).
pub(super) fn cause(error: &ServerError, during: During) -> Cause {
    let has = |codes: &[&str]| codes.iter().any(|code| error.is(code));
    if has(&["WRONGPASS"]) || error.is_err_with("invalid password") {
        return Cause::LOGIN_REJECTED;
    }
    if has(&["NOAUTH"]) || error.is_old_noauth() {
        return Cause::PASSWORD_MISSING;
    }
    if has(&["NOPERM", "DENIED"]) {
        return Cause::FORBIDDEN;
    }
    if has(&["MISCONF"]) {
        return Cause::SNAPSHOT_FAILED;
    }
    if has(&["LOADING", "BUSY", "MASTERDOWN"]) {
        return Cause::NOT_READY;
    }
    if error.is_err_with("max number of clients reached")
        || error.is_err_with("max number of clients + cluster")
    {
        return Cause::SERVER_FULL;
    }
    match during {
        // Servers before version 6 have AUTH with a password alone.
        During::Login if error.is_err_with("wrong number of arguments") => {
            Cause::USER_NAMES_UNSUPPORTED
        }
        During::Select
            if error.is_err_with("DB index is out of range")
                || error.is_err_with("invalid DB index")
                || error.is_err_with("SELECT is not allowed in cluster mode") =>
        {
            Cause::NO_SUCH_DATABASE
        }
        During::Login | During::Select | During::Query => Cause::SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::super::codec::{Reply, take};
    use super::*;
    use bytes::BytesMut;

    fn check(line: &str, during: During, expected: Cause) {
        let reply = take(&mut BytesMut::from(format!("-{line}\r\n").as_bytes()));
        let Ok(Some(Reply::Error(error))) = reply else { panic!("not an error: {line}") };
        assert_eq!(cause(&error, during), expected, "{line}");
    }

    #[test]
    fn errors_are_mapped() {
        use During::{Login, Query, Select};
        check(
            "WRONGPASS invalid username-password pair or user is disabled.",
            Login,
            Cause::LOGIN_REJECTED,
        );
        check("ERR invalid password", Login, Cause::LOGIN_REJECTED);
        check("NOAUTH Authentication required.", Query, Cause::PASSWORD_MISSING);
        check("NOPERM this user has no permissions to run 'ping'", Query, Cause::FORBIDDEN);
        check("DENIED Redis is running in protected mode because", Login, Cause::FORBIDDEN);
        check("MISCONF Redis is configured to save RDB", Query, Cause::SNAPSHOT_FAILED);
        check("LOADING Redis is loading the dataset in memory", Login, Cause::NOT_READY);
        check("ERR max number of clients reached", Login, Cause::SERVER_FULL);
        check(
            "ERR wrong number of arguments for 'auth' command",
            Login,
            Cause::USER_NAMES_UNSUPPORTED,
        );
        check("ERR wrong number of arguments for 'auth' command", Query, Cause::SERVER_ERROR);
        check("ERR DB index is out of range", Select, Cause::NO_SUCH_DATABASE);
        check("ERR SELECT is not allowed in cluster mode", Select, Cause::NO_SUCH_DATABASE);
        check("ERR something", Query, Cause::SERVER_ERROR);
        check("WRONGPASSX", Login, Cause::SERVER_ERROR);
        check("", Login, Cause::SERVER_ERROR);
    }
}
