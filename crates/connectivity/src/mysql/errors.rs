//! What the error numbers of MySQL and MariaDB mean for a test.

use crate::failure::Cause;

/// The cause behind an error number, at whatever step it came. Up to 1999 both products have the
/// same numbers, beyond each its own
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>).
pub(super) fn cause(code: u16) -> Cause {
    match code {
        // ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR (the user is one of the
        // server's own machine).
        1045 | 1698 => Cause::LOGIN_REJECTED,
        // ER_BAD_DB_ERROR.
        1049 => Cause::NO_SUCH_DATABASE,
        // ER_DBACCESS_DENIED_ERROR.
        1044 => Cause::DATABASE_FORBIDDEN,
        // ER_HOST_NOT_PRIVILEGED, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
        // ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_PROCACCESS_DENIED_ERROR.
        1130 | 1142 | 1143 | 1227 | 1370 => Cause::FORBIDDEN,
        // ER_HOST_IS_BLOCKED.
        1129 => Cause::HOST_BLOCKED,
        // ER_MUST_CHANGE_PASSWORD, ER_MUST_CHANGE_PASSWORD_LOGIN.
        1820 | 1862 => Cause::PASSWORD_EXPIRED,
        // MySQL: ER_ACCOUNT_HAS_BEEN_LOCKED, ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_
        // PASSWORD_LOCK. MariaDB: ER_USER_IS_BLOCKED, ER_ACCOUNT_HAS_BEEN_LOCKED.
        3118 | 3955 | 4150 | 4151 => Cause::ACCOUNT_LOCKED,
        // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED.
        1040 | 1203 | 1226 => Cause::SERVER_FULL,
        // ER_NOT_SUPPORTED_AUTH_MODE, ER_SERVER_IS_IN_SECURE_AUTH_MODE: only the old password.
        1251 | 1275 => Cause::ONLY_OLD_PASSWORD,
        // ER_PLUGIN_IS_NOT_LOADED: the user's method is not there.
        1524 => Cause::MECHANISM_UNSUPPORTED,
        // MySQL: ER_SECURE_TRANSPORT_REQUIRED.
        3159 => Cause::TLS_DEMANDED,
        // ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_SERVER_OFFLINE_MODE.
        1053 | 1077 | 3032 => Cause::NOT_READY,
        // MariaDB: ER_CONNECTION_KILLED. MySQL: ER_SESSION_WAS_KILLED.
        1927 | 3169 => Cause::CLOSED,
        _ => Cause::SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_mapped() {
        for (codes, expected) in [
            (&[1045, 1698][..], Cause::LOGIN_REJECTED),
            (&[1049], Cause::NO_SUCH_DATABASE),
            (&[1044], Cause::DATABASE_FORBIDDEN),
            (&[1130, 1142, 1143, 1227, 1370], Cause::FORBIDDEN),
            (&[1129], Cause::HOST_BLOCKED),
            (&[1820, 1862], Cause::PASSWORD_EXPIRED),
            (&[3118, 3955, 4150, 4151], Cause::ACCOUNT_LOCKED),
            (&[1040, 1203, 1226], Cause::SERVER_FULL),
            (&[1251, 1275], Cause::ONLY_OLD_PASSWORD),
            (&[1524], Cause::MECHANISM_UNSUPPORTED),
            (&[3159], Cause::TLS_DEMANDED),
            (&[1053, 1077, 3032], Cause::NOT_READY),
            (&[1927, 3169], Cause::CLOSED),
            (&[0, 1043, 1064, 1317, 2059, u16::MAX], Cause::SERVER_ERROR),
        ] {
            for code in codes {
                assert_eq!(cause(*code), expected, "{code}");
            }
        }
    }
}
