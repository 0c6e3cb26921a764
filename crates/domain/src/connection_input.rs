//! The connection as written: which form it names, and what that means for what is stored.

use crate::checks::{Checked, WrittenPassword, check, password, required, tls};
use crate::datastore::Datastore;
use crate::tls_minimum;
use crate::violation::Findings;
use crate::{
    ConnectionParts, ConnectionString, ConnectionTarget, DatabaseName, DatastoreFields, Field,
    Host, Member, Port, SealedConnection, SealedValue, System, TlsMode, Username, ViolationCode,
};

/// How the secret of a revised datastore comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretPlan {
    /// The stored secret stays; what surrounds it may have changed.
    Keep(SealedConnection),
    /// A secret was written and is to be sealed, even when it equals the stored one.
    Seal(ConnectionTarget),
}

/// The parts after their own checks.
struct Parts {
    host: Checked<Host>,
    port: Checked<Port>,
    username: Checked<Username>,
    password: Checked<WrittenPassword>,
    database: Checked<DatabaseName>,
    tls: Checked<TlsMode>,
}

impl Parts {
    fn check(fields: &DatastoreFields, system: Option<System>, findings: &mut Findings) -> Self {
        Self {
            host: check(&fields.server, Field::Server, findings, |t| t.as_str().try_into()),
            port: check(&fields.port, Field::Port, findings, |n| (*n).try_into()),
            username: check(&fields.username, Field::Username, findings, |t| t.as_str().try_into()),
            password: password(&fields.password, findings),
            // Without a known system the name is checked by the rules that all systems share.
            database: check(&fields.database, Field::Database, findings, |t| {
                DatabaseName::new(t, system.unwrap_or(System::Postgres))
            }),
            tls: tls(&fields.tls, findings),
        }
    }
}

/// Which form a write names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Parts,
    Uri,
    Neither,
}

fn named_form(fields: &DatastoreFields, findings: &mut Findings) -> Form {
    let parts = fields.server.names_something()
        || fields.port.names_something()
        || fields.username.names_something()
        || fields.password.names_something();
    match (parts, fields.connection_string.names_something()) {
        (true, true) => {
            findings.add(
                Field::ConnectionString,
                ViolationCode::Conflict,
                "Give either server, port, username and password, or connection_string, not both.",
            );
            Form::Neither
        }
        (true, false) => Form::Parts,
        (false, true) => Form::Uri,
        (false, false) => Form::Neither,
    }
}

/// `database` and `tls` say nothing beside a string, which has its own.
fn refuse_parts_options(fields: &DatastoreFields, findings: &mut Findings) {
    for (named, field) in [
        (fields.database.names_something(), Field::Database),
        (fields.tls.names_something(), Field::Tls),
    ] {
        if named && !findings.has(field) {
            let detail = "Belongs to server, port, username and password; \
                          a connection_string carries its own.";
            findings.add(field, ViolationCode::Conflict, detail);
        }
    }
}

fn parse_string(
    fields: &DatastoreFields,
    system: Option<System>,
    tls_minimum: TlsMode,
    findings: &mut Findings,
) -> Option<ConnectionString> {
    match &fields.connection_string {
        Member::Given(text) => {
            // Without a valid system only the rules that all systems share can be judged.
            let Some(system) = system else {
                if let Err(error) = ConnectionString::check_length(text) {
                    findings.add(Field::ConnectionString, error.code(), error.to_string());
                }
                return None;
            };
            match ConnectionString::parse(text.clone(), system) {
                Ok(string) => {
                    tls_minimum::demand_of_string(&string, tls_minimum, findings);
                    Some(string)
                }
                Err(error) => {
                    findings.add(Field::ConnectionString, error.code(), error.to_string());
                    None
                }
            }
        }
        Member::WrongType(expected) => {
            findings.add(Field::ConnectionString, ViolationCode::InvalidType, expected.detail());
            None
        }
        Member::Absent | Member::Null => None,
    }
}

pub(crate) const MASK_NOT_A_PASSWORD: &str =
    "Is the mask that stands for a stored password; give the password itself.";

/// The connection of a new datastore, which asks for `tls_minimum` at least.
pub(crate) fn new_connection(
    fields: &DatastoreFields,
    system: Option<System>,
    tls_minimum: TlsMode,
    findings: &mut Findings,
) -> Option<ConnectionTarget> {
    let parts = Parts::check(fields, system, findings);
    if matches!(parts.password, Checked::Valid(WrittenPassword::Mask)) {
        findings.add(Field::Password, ViolationCode::MaskedValue, MASK_NOT_A_PASSWORD);
    }
    let both = fields.connection_string.names_something();
    match named_form(fields, findings) {
        Form::Uri => {
            refuse_parts_options(fields, findings);
            parse_string(fields, system, tls_minimum, findings).map(ConnectionTarget::Uri)
        }
        Form::Parts => whole_parts(parts, tls_minimum, findings),
        Form::Neither if both => None,
        Form::Neither => {
            missing_connection(findings);
            None
        }
    }
}

/// Nothing names a connection: all four parts are missing.
fn missing_connection(findings: &mut Findings) {
    for field in [Field::Server, Field::Port, Field::Username, Field::Password] {
        if !findings.has(field) {
            let detail =
                "This field is required, unless connection_string names the connection instead.";
            findings.add(field, ViolationCode::Required, detail);
        }
    }
}

/// The mode after a write of parts, where it is one: what is absent keeps `base`.
fn mode(written: &Checked<TlsMode>, base: TlsMode) -> Option<TlsMode> {
    match written {
        Checked::Valid(mode) => Some(*mode),
        Checked::Absent => Some(base),
        Checked::Null => Some(TlsMode::default()),
        Checked::Bad => None,
    }
}

/// All four parts given anew, the password plain.
fn whole_parts(
    parts: Parts,
    tls_minimum: TlsMode,
    findings: &mut Findings,
) -> Option<ConnectionTarget> {
    let tls = mode(&parts.tls, TlsMode::default());
    tls_minimum::demand_of_parts(tls, tls_minimum, findings);
    let host = required(parts.host, None, Field::Server, findings);
    let port = required(parts.port, None, Field::Port, findings);
    let username = required(parts.username, None, Field::Username, findings);
    let password = required(parts.password, None, Field::Password, findings);
    let WrittenPassword::Plain(password) = password? else {
        return None;
    };
    Some(ConnectionTarget::Parts(ConnectionParts {
        host: host?,
        port: port?,
        username: username?,
        password,
        database: parts.database.valid(),
        tls: tls?,
    }))
}

/// The connection of a stored datastore after a write; `system` is the one after the write. What
/// is written or changed asks for `tls_minimum` at least; what stays as it is stored may be weaker.
pub(crate) fn revised_connection(
    fields: &DatastoreFields,
    stored: &Datastore,
    system: Option<System>,
    tls_minimum: TlsMode,
    findings: &mut Findings,
) -> Option<SecretPlan> {
    let moved_system = system.is_some_and(|s| s != stored.profile.classification.system());
    let parts = Parts::check(fields, system, findings);
    let both = fields.connection_string.names_something();
    match (named_form(fields, findings), &stored.connection) {
        (Form::Uri, connection) => {
            refuse_parts_options(fields, findings);
            let written = fields.connection_string.given();
            if let (SealedConnection::Uri { mask, .. }, Some(text)) = (connection, written)
                && text.expose() == mask
            {
                return keep_string(connection, moved_system, findings);
            }
            // The mask of something else: there is nothing stored that it could stand for.
            if let (Some(text), Some(system)) = (written, system)
                && ConnectionString::is_masked_form(text.expose(), system)
            {
                reentry(Field::ConnectionString, findings);
                return None;
            }
            parse_string(fields, system, tls_minimum, findings)
                .map(|string| SecretPlan::Seal(ConnectionTarget::Uri(string)))
        }
        (Form::Neither, _) if both => None,
        (Form::Neither, connection @ SealedConnection::Uri { .. }) => {
            refuse_parts_options(fields, findings);
            if fields.connection_string == Member::Null {
                missing_connection(findings);
                return None;
            }
            keep_string(connection, moved_system, findings)
        }
        (Form::Parts, SealedConnection::Uri { .. }) => {
            if matches!(parts.password, Checked::Valid(WrittenPassword::Mask)) {
                reentry(Field::Password, findings);
            }
            whole_parts(parts, tls_minimum, findings).map(SecretPlan::Seal)
        }
        (Form::Parts | Form::Neither, SealedConnection::Parts { .. }) => {
            revised_parts(parts, stored, system, moved_system, tls_minimum, findings)
        }
    }
}

fn reentry(field: Field, findings: &mut Findings) {
    let detail = match field {
        Field::ConnectionString => {
            "A stored connection_string is kept only as it was read and for the same system; give \
             it anew, with its secrets."
        }
        _ => {
            "The write changes where or for whom the stored password would be used, so the \
             password must be given anew."
        }
    };
    if !findings.has(field) {
        findings.add(field, ViolationCode::ReentryRequired, detail);
    }
}

fn keep_string(
    connection: &SealedConnection,
    moved_system: bool,
    findings: &mut Findings,
) -> Option<SecretPlan> {
    if moved_system {
        reentry(Field::ConnectionString, findings);
        return None;
    }
    Some(SecretPlan::Keep(connection.clone()))
}

/// The stored parts, as far as they carry on.
struct StoredParts<'a> {
    host: &'a Host,
    port: Port,
    username: &'a Username,
    password: &'a SealedValue,
    database: Option<&'a DatabaseName>,
    tls: TlsMode,
}

fn stored_parts(stored: &Datastore) -> Option<StoredParts<'_>> {
    match &stored.connection {
        SealedConnection::Parts { host, port, username, password, database, tls } => {
            let database = database.as_ref();
            Some(StoredParts { host, port: *port, username, password, database, tls: *tls })
        }
        SealedConnection::Uri { .. } => None,
    }
}

fn revised_parts(
    parts: Parts,
    stored: &Datastore,
    system: Option<System>,
    moved_system: bool,
    tls_minimum: TlsMode,
    findings: &mut Findings,
) -> Option<SecretPlan> {
    let base = stored_parts(stored)?;
    let written = mode(&parts.tls, base.tls);
    // A mode that is none weakens nothing; the finding on it stops the write.
    let tls = written.unwrap_or(base.tls);
    let plan = parts_plan(parts, tls, &base, system, moved_system, findings);
    // A bad name of a database is an attempt to change it.
    let stays = matches!(&plan, Some(SecretPlan::Keep(kept)) if *kept == stored.connection)
        && !findings.has(Field::Database);
    if !stays {
        tls_minimum::demand_of_parts(written, tls_minimum, findings);
    }
    plan
}

/// Keeps the password or seals the written one, with `tls` as the mode after the write.
fn parts_plan(
    parts: Parts,
    tls: TlsMode,
    base: &StoredParts<'_>,
    system: Option<System>,
    moved_system: bool,
    findings: &mut Findings,
) -> Option<SecretPlan> {
    let host = required(parts.host, Some(base.host.clone()), Field::Server, findings);
    let port = required(parts.port, Some(base.port), Field::Port, findings);
    let username = required(parts.username, Some(base.username.clone()), Field::Username, findings);
    let kept = Some(WrittenPassword::Mask);
    let password = required(parts.password, kept, Field::Password, findings);
    let database = match parts.database {
        Checked::Valid(name) => Some(name),
        Checked::Absent => kept_database(base.database, system, findings),
        Checked::Null | Checked::Bad => None,
    };
    let repointed = moved_system
        || host.as_ref().is_some_and(|host| !host.is_same_place(base.host))
        || port.is_some_and(|port| port != base.port)
        || username.as_ref().is_some_and(|username| username != base.username)
        || tls < base.tls;
    if repointed && matches!(password, Some(WrittenPassword::Mask)) {
        reentry(Field::Password, findings);
        return None;
    }
    let (host, port, username) = (host?, port?, username?);
    let password = match password? {
        WrittenPassword::Plain(password) => password,
        WrittenPassword::Mask => {
            let password = base.password.clone();
            let kept = SealedConnection::Parts { host, port, username, password, database, tls };
            return Some(SecretPlan::Keep(kept));
        }
    };
    let target = ConnectionParts { host, port, username, password, database, tls };
    Some(SecretPlan::Seal(ConnectionTarget::Parts(target)))
}

/// A stored database name must also suit the system after the write.
fn kept_database(
    stored: Option<&DatabaseName>,
    system: Option<System>,
    findings: &mut Findings,
) -> Option<DatabaseName> {
    let name = stored?;
    match DatabaseName::new(name.as_str(), system?) {
        Ok(name) => Some(name),
        Err(error) => {
            findings.add(Field::Database, error.code, error.detail);
            None
        }
    }
}
