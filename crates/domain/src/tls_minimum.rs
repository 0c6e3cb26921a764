//! The least of TLS that connections have to ask for, where the operator demands some.

use crate::violation::Findings;
use crate::{ConnectionString, Field, System, TlsMode, ViolationCode};

/// Demands that parts ask for `minimum` at least; `None` is a mode that is none, which is found
/// elsewhere.
pub(crate) fn demand_of_parts(mode: Option<TlsMode>, minimum: TlsMode, findings: &mut Findings) {
    if mode.is_some_and(|mode| mode < minimum) {
        let detail =
            format!("Must be `{minimum}` at least: the operator of this service demands it.");
        findings.add(Field::Tls, ViolationCode::TlsTooWeak, detail);
    }
}

/// Demands that a string asks for `minimum` at least.
pub(crate) fn demand_of_string(
    string: &ConnectionString,
    minimum: TlsMode,
    findings: &mut Findings,
) {
    let spec = string.connect_spec();
    if spec.tls < minimum {
        let detail = format!(
            "Asks for less TLS than `{minimum}`, which the operator of this service demands; {}.",
            how_to_ask(spec.system, minimum)
        );
        findings.add(Field::ConnectionString, ViolationCode::TlsTooWeak, detail);
    }
}

/// How a string of the system asks for `minimum`; never for less, which would be refused again.
fn how_to_ask(system: System, minimum: TlsMode) -> &'static str {
    let verified = minimum == TlsMode::VerifyFull;
    match system {
        System::Postgres if verified => "set sslmode to verify-full",
        System::Postgres => "set sslmode to require or verify-full",
        System::Mysql if verified => "set ssl-mode to VERIFY_IDENTITY",
        System::Mysql => "set ssl-mode to REQUIRED or VERIFY_IDENTITY",
        System::Mongodb => "set tls to true, or use a mongodb+srv string",
        System::Redis => "begin it with rediss://",
        System::Neo4j if verified => "begin it with neo4j+s:// or bolt+s://",
        System::Neo4j => "begin it with neo4j+s://, neo4j+ssc://, bolt+s:// or bolt+ssc://",
        System::Cassandra if verified => "set tls to verify_full",
        System::Cassandra => "set tls to require or verify_full",
    }
}
