//! What the codes of PostgreSQL mean for a test.

use super::codec::SqlState;
use crate::failure::Cause;

/// invalid_authorization_specification: a user who is not known, no entry for them in pg_hba.conf, a
/// role without LOGIN; and a wrong password of methods that somebody else checks (LDAP, PAM).
pub(super) const NOT_AUTHORIZED: SqlState = *b"28000";

/// The cause behind an error code, at whatever step it came
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(super) fn cause(state: SqlState) -> Cause {
    match &state {
        // invalid_password.
        b"28P01" | &NOT_AUTHORIZED => Cause::LOGIN_REJECTED,
        // invalid_catalog_name.
        b"3D000" => Cause::NO_SUCH_DATABASE,
        // insufficient_privilege (no CONNECT right), and a database that accepts no connections.
        b"42501" | b"55000" => Cause::FORBIDDEN,
        // too_many_connections: of the server, the database or the role.
        b"53300" => Cause::SERVER_FULL,
        // cannot_connect_now: starting up, shutting down, in recovery.
        b"57P03" => Cause::NOT_READY,
        // admin_shutdown, crash_shutdown, database_dropped, idle_session_timeout: it hangs up.
        b"57P01" | b"57P02" | b"57P04" | b"57P05" => Cause::CLOSED,
        _ => Cause::SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped() {
        for (state, expected) in [
            (b"28P01", Cause::LOGIN_REJECTED),
            (b"28000", Cause::LOGIN_REJECTED),
            (b"3D000", Cause::NO_SUCH_DATABASE),
            (b"42501", Cause::FORBIDDEN),
            (b"53300", Cause::SERVER_FULL),
            (b"57P03", Cause::NOT_READY),
            (b"57P01", Cause::CLOSED),
            (b"XX000", Cause::SERVER_ERROR),
            (b"\xff\0\n\r\x1b", Cause::SERVER_ERROR),
        ] {
            assert_eq!(cause(*state), expected);
        }
    }
}
