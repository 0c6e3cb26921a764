//! What the codes of PostgreSQL mean for a test.

use crate::failure::Cause;

/// Code of an error (SQLSTATE): five characters, which say what went wrong.
pub(super) type SqlState = [u8; 5];

/// invalid_authorization_specification: a user who is not known, no entry for them in pg_hba.conf, a
/// role without LOGIN; and a wrong password of methods that somebody else checks (LDAP, PAM).
pub(super) const NOT_AUTHORIZED: SqlState = *b"28000";

/// protocol_violation: PostgreSQL's word for what no client of it should do, and PgBouncer's for
/// everything (1.18, of Debian 12).
pub(super) const PROTOCOL_VIOLATION: SqlState = *b"08P01";

/// The code that PostgreSQL would give for what PgBouncer says with [`PROTOCOL_VIOLATION`]; only its
/// text tells (`src/client.c`, `src/objects.c`). The text is not kept.
pub(super) fn of_pooler(text: &[u8]) -> Option<SqlState> {
    let is_missing =
        |text: &[u8]| text.starts_with(b"database \"") && text.ends_with(b"\" does not exist");
    Some(match text {
        b"SASL authentication failed" | b"password authentication failed" => *b"28P01",
        b"login rejected" | b"no authentication method found" | b"SSL required" => NOT_AUTHORIZED,
        text if text.starts_with(b"no such user") => *b"28P01",
        text if text.starts_with(b"no such database") || is_missing(text) => *b"3D000",
        text if text.starts_with(b"no more connections allowed")
            || text.starts_with(b"client connections exceeded") =>
        {
            *b"53300"
        }
        // Waited for a connection to the server, or gave up on having one.
        b"query_wait_timeout" | b"pgbouncer cannot connect to server" => *b"08006",
        text if text.starts_with(b"server login has been failing") => *b"08006",
        _ => return None,
    })
}

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
        // connection_failure: of a pooler, to the server.
        b"08006" => Cause::POOLER_ALONE,
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
    fn what_pgbouncer_says_is_told_apart() {
        for (text, expected) in [
            ("SASL authentication failed", Some(Cause::LOGIN_REJECTED)),
            ("password authentication failed", Some(Cause::LOGIN_REJECTED)),
            ("no such user: app_user", Some(Cause::LOGIN_REJECTED)),
            ("no such database: app_db", Some(Cause::NO_SUCH_DATABASE)),
            ("database \"app_db\" does not exist", Some(Cause::NO_SUCH_DATABASE)),
            ("no more connections allowed (max_client_conn)", Some(Cause::SERVER_FULL)),
            ("client connections exceeded (max_db_client_connections)", Some(Cause::SERVER_FULL)),
            ("query_wait_timeout", Some(Cause::POOLER_ALONE)),
            ("pgbouncer cannot connect to server", Some(Cause::POOLER_ALONE)),
            (
                "server login has been failing, try again later (server_login_retry)",
                Some(Cause::POOLER_ALONE),
            ),
            ("relation \"x\" does not exist", None),
            ("", None),
        ] {
            assert_eq!(of_pooler(text.as_bytes()).map(cause), expected, "{text}");
        }
    }

    #[test]
    fn codes_are_mapped() {
        for (state, expected) in [
            (b"28P01", Cause::LOGIN_REJECTED),
            (b"28000", Cause::LOGIN_REJECTED),
            (b"3D000", Cause::NO_SUCH_DATABASE),
            (b"42501", Cause::FORBIDDEN),
            (b"53300", Cause::SERVER_FULL),
            (b"08006", Cause::POOLER_ALONE),
            (b"08P01", Cause::SERVER_ERROR),
            (b"57P03", Cause::NOT_READY),
            (b"57P01", Cause::CLOSED),
            (b"XX000", Cause::SERVER_ERROR),
            (b"\xff\0\n\r\x1b", Cause::SERVER_ERROR),
        ] {
            assert_eq!(cause(*state), expected);
        }
    }
}
