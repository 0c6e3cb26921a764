//! The least of TLS that connections have to ask for, where the operator demands some.

use crate::connection_input::SecretPlan;
use crate::datastore::Datastore;
use crate::violation::Findings;
use crate::{ConnectionTarget, Field, SealedConnection, System, TlsMode, ViolationCode};

/// Demands that what is written asks for `minimum` at least.
pub(crate) fn demand(target: Option<&ConnectionTarget>, minimum: TlsMode, findings: &mut Findings) {
    match target {
        Some(ConnectionTarget::Parts(parts)) => demand_mode(parts.tls, minimum, findings),
        Some(ConnectionTarget::Uri(string)) => {
            let spec = string.connect_spec();
            if spec.tls < minimum {
                let detail = format!(
                    "Asks for less TLS than `{minimum}`, which the operator of this service demands; \
                     {}.",
                    how_to_ask(spec.system)
                );
                findings.add(Field::ConnectionString, ViolationCode::TlsTooWeak, detail);
            }
        }
        None => {}
    }
}

/// As [`demand`], of a change; what stays as it is stored may be weaker.
pub(crate) fn demand_of_change(
    stored: &Datastore,
    plan: Option<&SecretPlan>,
    minimum: TlsMode,
    findings: &mut Findings,
) {
    match plan {
        Some(SecretPlan::Seal(target)) => demand(Some(target), minimum, findings),
        Some(SecretPlan::Keep(kept @ SealedConnection::Parts { tls, .. }))
            if *kept != stored.connection =>
        {
            demand_mode(*tls, minimum, findings);
        }
        Some(SecretPlan::Keep(_)) | None => {}
    }
}

fn demand_mode(mode: TlsMode, minimum: TlsMode, findings: &mut Findings) {
    if mode < minimum {
        let detail =
            format!("Must be `{minimum}` at least: the operator of this service demands it.");
        findings.add(Field::Tls, ViolationCode::TlsTooWeak, detail);
    }
}

/// How the strings of a system ask for TLS.
fn how_to_ask(system: System) -> &'static str {
    match system {
        System::Postgres => "set sslmode to require or verify-full",
        System::Mysql => "set ssl-mode to REQUIRED or VERIFY_IDENTITY",
        System::Mongodb => "set tls to true, or use a mongodb+srv string",
        System::Redis => "begin it with rediss://",
        System::Neo4j => "begin it with neo4j+s:// or bolt+s://",
        System::Cassandra => "set tls to require or verify_full",
    }
}
