//! What a connection test found.

use crate::Timestamp;

/// The steps of a connection test, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Host name to addresses, and the network policy on them.
    Resolve,
    /// TCP connection.
    Connect,
    /// Encryption, when it was asked for.
    Tls,
    /// Login.
    Authenticate,
    /// The smallest query.
    Query,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Self; 5] =
        [Self::Resolve, Self::Connect, Self::Tls, Self::Authenticate, Self::Query];

    /// The name in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Authenticate => "authenticate",
            Self::Query => "query",
        }
    }

    /// Place in [`Step::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Why a connection test failed; stable, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the codes of the API, described in `message`")]
pub enum FailureCode {
    DnsFailed,
    BlockedByPolicy,
    ConnectionRefused,
    Unreachable,
    Timeout,
    TlsFailed,
    AuthenticationFailed,
    DatabaseNotFound,
    PermissionDenied,
    TooManyConnections,
    ProtocolMismatch,
    ServerClosed,
    AuthenticationUnsupported,
    QueryFailed,
}

impl FailureCode {
    /// All codes.
    pub const ALL: [Self; 14] = [
        Self::DnsFailed,
        Self::BlockedByPolicy,
        Self::ConnectionRefused,
        Self::Unreachable,
        Self::Timeout,
        Self::TlsFailed,
        Self::AuthenticationFailed,
        Self::DatabaseNotFound,
        Self::PermissionDenied,
        Self::TooManyConnections,
        Self::ProtocolMismatch,
        Self::ServerClosed,
        Self::AuthenticationUnsupported,
        Self::QueryFailed,
    ];

    /// The code in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DnsFailed => "dns_failed",
            Self::BlockedByPolicy => "blocked_by_policy",
            Self::ConnectionRefused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::TlsFailed => "tls_failed",
            Self::AuthenticationFailed => "authentication_failed",
            Self::DatabaseNotFound => "database_not_found",
            Self::PermissionDenied => "permission_denied",
            Self::TooManyConnections => "too_many_connections",
            Self::ProtocolMismatch => "protocol_mismatch",
            Self::ServerClosed => "server_closed",
            Self::AuthenticationUnsupported => "authentication_unsupported",
            Self::QueryFailed => "query_failed",
        }
    }
}

/// What is known of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// Outcome and duration in milliseconds; `None` when the step was not reached.
    pub outcome: Option<(bool, f64)>,
}

/// Where and why a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeFailure {
    /// The step that failed.
    pub step: Step,
    /// The reason.
    pub code: FailureCode,
    /// A sentence of our own: what failed and what to check; never text from the server.
    pub message: String,
}

/// What a successful test learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeDetails {
    /// Product and version as the system names itself, printable, at most 128 characters.
    pub server_version: Option<String>,
    /// Database, keyspace or index that was opened, printable, at most 128 characters.
    pub database_name: Option<String>,
    /// When the login was complete.
    pub connected_at: Timestamp,
}

/// Result of one connection test.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeReport {
    /// Details of a success, or the failure.
    pub result: Result<ProbeDetails, ProbeFailure>,
    /// From the first packet to the query's answer, or to the end of the step that failed, in
    /// milliseconds; `None` when not one packet left.
    pub response_time_ms: Option<f64>,
    /// All five steps in their order.
    pub steps: [StepReport; 5],
    /// Whether the session was encrypted; `None` when the step was not reached.
    pub tls_used: Option<bool>,
    /// Whether the server asked for the password; `None` when the step was not reached.
    pub password_required: Option<bool>,
    /// Whether the query went over a session that an earlier test had left open, so that nothing
    /// but the query was tried; the other steps took no time then.
    pub reused: bool,
}
