//! The rules without the service: `cargo run -p datastore-domain --example validate`.
//!
//! Whoever has a datastore to register can judge it before sending it anywhere. The domain crate
//! needs no runtime, no database and no clock.

use datastore_domain::{ConnectionTarget, DatastoreFields, Draft, Member, Secret, TlsMode};
use std::io::{self, Write};

pub(crate) fn main() -> io::Result<()> {
    report(&mut io::stdout().lock())
}

/// Judges one input that breaks rules and one that does not.
pub(crate) fn report(out: &mut impl Write) -> io::Result<()> {
    judge(&careless(), out)?;
    judge(&careful(), out)
}

/// Every member may be absent, null, given, or of the wrong JSON type; here most are absent.
fn careless() -> DatastoreFields {
    DatastoreFields {
        r#type: text("sql"),
        system: text("redis"),
        description: text("All orders since 2019."),
        server: text("db.example"),
        port: Member::Given(70_000.0),
        ..DatastoreFields::default()
    }
}

fn careful() -> DatastoreFields {
    let string = "postgresql://app:hunter2@db.example/orders?sslmode=verify-full";
    DatastoreFields {
        name: text("Orders"),
        r#type: text("sql"),
        system: text("postgres"),
        description: text("All orders since 2019."),
        // A secret prints as `***` and is wiped from memory when it is dropped.
        connection_string: Member::Given(Secret::new(string.to_owned())),
        ..DatastoreFields::default()
    }
}

fn text(text: &str) -> Member<String> {
    Member::Given(text.to_owned())
}

/// The draft is whole or everything wrong with the input is known: there is nothing in between.
fn judge(fields: &DatastoreFields, out: &mut impl Write) -> io::Result<()> {
    let draft = match Draft::new(fields, TlsMode::Disable) {
        Ok(draft) => draft,
        Err(violations) => {
            writeln!(out, "{violations}")?;
            for violation in violations.as_slice() {
                let code = violation.code.as_str();
                writeln!(out, "  {} ({code}): {}", violation.field, violation.detail)?;
            }
            return Ok(());
        }
    };
    match &draft.target {
        ConnectionTarget::Uri(string) => {
            writeln!(out, "{} at {}", draft.profile.name, string.mask())
        }
        ConnectionTarget::Parts(parts) => {
            writeln!(out, "{} at {}:{}", draft.profile.name, parts.host, parts.port)
        }
    }
}
