//! What the codes of Neo4j mean for a test.

use crate::failure::Cause;

/// The cause behind a code, `Neo.CLASSIFICATION.CATEGORY.TITLE`, at whatever step it came
/// (<https://neo4j.com/docs/status-codes/current/errors/all-errors/>).
pub(super) fn cause(code: &str) -> Cause {
    match code {
        // Unknown user, wrong password, suspended user.
        "Neo.ClientError.Security.Unauthorized" => Cause::LOGIN_REJECTED,
        "Neo.ClientError.Security.AuthenticationRateLimit" => Cause::LOGIN_LOCKED,
        "Neo.ClientError.Security.CredentialsExpired" => Cause::PASSWORD_EXPIRED,
        "Neo.ClientError.Security.Forbidden" => Cause::FORBIDDEN,
        "Neo.ClientError.Database.DatabaseNotFound"
        | "Neo.ClientError.Database.HomeDatabaseNotFound" => Cause::NO_SUCH_DATABASE,
        // Each connection that asks for something has a thread and a transaction.
        "Neo.TransientError.Request.NoThreadsAvailable"
        | "Neo.TransientError.Transaction.MaximumTransactionLimitReached" => Cause::SERVER_FULL,
        // Stopped, starting, or moving between servers; the second word for it is that of 4.x.
        "Neo.TransientError.General.DatabaseUnavailable"
        | "Neo.TransientError.Database.DatabaseUnavailable" => Cause::NOT_READY,
        _ => Cause::SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped() {
        for (code, expected) in [
            ("Neo.ClientError.Security.Unauthorized", Cause::LOGIN_REJECTED),
            ("Neo.ClientError.Security.AuthenticationRateLimit", Cause::LOGIN_LOCKED),
            ("Neo.ClientError.Security.CredentialsExpired", Cause::PASSWORD_EXPIRED),
            ("Neo.ClientError.Security.Forbidden", Cause::FORBIDDEN),
            ("Neo.ClientError.Database.DatabaseNotFound", Cause::NO_SUCH_DATABASE),
            ("Neo.ClientError.Database.HomeDatabaseNotFound", Cause::NO_SUCH_DATABASE),
            ("Neo.TransientError.Request.NoThreadsAvailable", Cause::SERVER_FULL),
            ("Neo.TransientError.Transaction.MaximumTransactionLimitReached", Cause::SERVER_FULL),
            ("Neo.TransientError.General.DatabaseUnavailable", Cause::NOT_READY),
            ("Neo.TransientError.Database.DatabaseUnavailable", Cause::NOT_READY),
            ("Neo.DatabaseError.Database.UnableToStartDatabase", Cause::SERVER_ERROR),
            ("Neo.ClientError.Security.AuthProviderFailed", Cause::SERVER_ERROR),
            ("Neo.ClientError.Security.UnauthorizedX", Cause::SERVER_ERROR),
            ("neo.clienterror.security.unauthorized", Cause::SERVER_ERROR),
            ("", Cause::SERVER_ERROR),
        ] {
            assert_eq!(cause(code), expected, "{code}");
        }
    }
}
