//! A change of a stored datastore, checked whole against what is stored.

use crate::connection_input::{SecretPlan, revised_connection};
use crate::datastore::{Datastore, Profile};
use crate::history::{Change, HistoryValue};
use crate::violation::Findings;
use crate::{
    ConnectionTarget, DatastoreFields, Field, SealedConnection, TlsMode, Violations, checks,
};

/// What an absent member means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionMode {
    /// PUT: null, or the default.
    Replace,
    /// PATCH: unchanged.
    Merge,
}

/// A datastore as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// What it is.
    pub profile: Profile,
    /// How it is reached.
    pub connection: SecretPlan,
    /// What changes, for the history.
    pub changes: Vec<Change>,
}

impl Datastore {
    /// Checks a write against this datastore. `None` when it changes nothing.
    ///
    /// Masks written back keep what is stored, unless the write changes where or for whom the
    /// secret would be used: then it must be given anew. A connection that is written or changed has
    /// to ask for `tls_minimum` at least, as that of [`crate::Draft::new`].
    ///
    /// # Errors
    ///
    /// Every [`Violations`] at once, in the order of the fields.
    pub fn revise(
        &self,
        fields: DatastoreFields,
        mode: RevisionMode,
        tls_minimum: TlsMode,
    ) -> Result<Option<Revision>, Violations> {
        let mut findings = Findings::default();
        let (fields, base) = match mode {
            RevisionMode::Replace => (fields.absent_as_null(), None),
            RevisionMode::Merge => (fields, Some(&self.profile)),
        };
        let (profile, system) = checks::profile(&fields, base, &mut findings);
        let connection = revised_connection(&fields, self, system, tls_minimum, &mut findings);
        findings.finish()?;
        // Whatever is missing here was found above.
        let (profile, connection) =
            profile.zip(connection).expect("no findings, so the revision is whole");
        let unchanged = matches!(&connection, SecretPlan::Keep(kept) if *kept == self.connection);
        if unchanged && profile == self.profile {
            return Ok(None);
        }
        let mut changes = profile_changes(Some(&self.profile), &profile);
        changes.extend(match &connection {
            SecretPlan::Keep(kept) => sealed_changes(&self.connection, kept),
            SecretPlan::Seal(target) => target_changes(Some(&self.connection), target),
        });
        Ok(Some(Revision { profile, connection, changes: in_member_order(changes) }))
    }
}

impl DatastoreFields {
    fn absent_as_null(self) -> Self {
        Self {
            name: self.name.absent_as_null(),
            r#type: self.r#type.absent_as_null(),
            system: self.system.absent_as_null(),
            description: self.description.absent_as_null(),
            server: self.server.absent_as_null(),
            port: self.port.absent_as_null(),
            username: self.username.absent_as_null(),
            password: self.password.absent_as_null(),
            connection_string: self.connection_string.absent_as_null(),
            is_active: self.is_active.absent_as_null(),
            max_connections: self.max_connections.absent_as_null(),
            avg_response_time_ms: self.avg_response_time_ms.absent_as_null(),
            storage_capacity_gb: self.storage_capacity_gb.absent_as_null(),
            database: self.database.absent_as_null(),
            tls: self.tls.absent_as_null(),
        }
    }
}

fn text(text: &str) -> HistoryValue {
    HistoryValue::Text(text.to_owned())
}

fn number(number: Option<f64>) -> HistoryValue {
    number.map_or(HistoryValue::Null, HistoryValue::Number)
}

pub(crate) fn in_member_order(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| Field::ALL.iter().position(|f| f.name() == change.member));
    changes
}

pub(crate) fn profile_changes(from: Option<&Profile>, to: &Profile) -> Vec<Change> {
    let change = |field, value: fn(&Profile) -> HistoryValue| {
        Change::value(field, from.map_or(HistoryValue::Null, value), value(to))
    };
    [
        change(Field::Name, |p| text(p.name.as_str())),
        change(Field::Type, |p| text(p.classification.datastore_type().as_str())),
        change(Field::System, |p| text(p.classification.system().as_str())),
        change(Field::Description, |p| text(p.description.as_str())),
        change(Field::IsActive, |p| HistoryValue::Bool(p.is_active)),
        change(Field::MaxConnections, |p| number(p.max_connections.map(|n| f64::from(n.get())))),
        change(Field::AvgResponseTimeMs, |p| number(p.avg_response_time_ms.map(|n| n.get()))),
        change(Field::StorageCapacityGb, |p| number(p.storage_capacity_gb.map(|n| n.get()))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The members of a connection that are no secrets: server, port, username, database, tls.
#[derive(Default)]
struct OpenMembers([Option<HistoryValue>; 5]);

const OPEN_FIELDS: [Field; 5] =
    [Field::Server, Field::Port, Field::Username, Field::Database, Field::Tls];

impl From<&SealedConnection> for OpenMembers {
    fn from(connection: &SealedConnection) -> Self {
        match connection {
            SealedConnection::Uri { .. } => Self::default(),
            SealedConnection::Parts { host, port, username, database, tls, .. } => Self([
                Some(text(host.as_str())),
                Some(HistoryValue::Number(f64::from(port.get()))),
                Some(text(username.as_str())),
                database.as_ref().map(|d| text(d.as_str())),
                Some(text(tls.as_str())),
            ]),
        }
    }
}

impl From<&ConnectionTarget> for OpenMembers {
    fn from(target: &ConnectionTarget) -> Self {
        match target {
            ConnectionTarget::Uri(_) => Self::default(),
            ConnectionTarget::Parts(parts) => Self([
                Some(text(parts.host.as_str())),
                Some(HistoryValue::Number(f64::from(parts.port.get()))),
                Some(text(parts.username.as_str())),
                parts.database.as_ref().map(|d| text(d.as_str())),
                Some(text(parts.tls.as_str())),
            ]),
        }
    }
}

fn open_changes(from: OpenMembers, to: OpenMembers) -> impl Iterator<Item = Change> {
    let pairs = OPEN_FIELDS.into_iter().zip(from.0.into_iter().zip(to.0));
    pairs.filter_map(|(field, (from, to))| {
        let value = |v: Option<HistoryValue>| v.unwrap_or(HistoryValue::Null);
        Change::value(field, value(from), value(to))
    })
}

fn sealed_changes(from: &SealedConnection, to: &SealedConnection) -> Vec<Change> {
    open_changes(from.into(), to.into()).collect()
}

/// Changes of a connection whose secret was written; a form that is left behind is wiped, which
/// counts as a change of its secret.
pub(crate) fn target_changes(
    from: Option<&SealedConnection>,
    to: &ConnectionTarget,
) -> Vec<Change> {
    let was_parts = matches!(from, Some(SealedConnection::Parts { .. }));
    let was_uri = matches!(from, Some(SealedConnection::Uri { .. }));
    let is_parts = matches!(to, ConnectionTarget::Parts(_));
    let mut changes: Vec<_> =
        open_changes(from.map(OpenMembers::from).unwrap_or_default(), to.into()).collect();
    if was_parts || is_parts {
        changes.push(Change::secret(Field::Password));
    }
    if was_uri || !is_parts {
        changes.push(Change::secret(Field::ConnectionString));
    }
    changes
}
