//! Checks of single members, shared by creation and revision. Every finding is collected.

use crate::datastore::Profile;
use crate::violation::Findings;
use crate::{
    Classification, DatastoreFields, DatastoreType, Field, Member, PASSWORD_MASK, Password, Secret,
    System, TextError, TlsMode, ViolationCode,
};

/// One member after its own check.
pub(crate) enum Checked<T> {
    Absent,
    Null,
    Valid(T),
    /// The finding is recorded.
    Bad,
}

impl<T> Checked<T> {
    pub(crate) fn valid(self) -> Option<T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Absent | Self::Null | Self::Bad => None,
        }
    }
}

/// Checks one member by `parse`.
pub(crate) fn check<T, V>(
    member: &Member<T>,
    field: Field,
    findings: &mut Findings,
    parse: impl FnOnce(&T) -> Result<V, TextError>,
) -> Checked<V> {
    match member {
        Member::Absent => Checked::Absent,
        Member::Null => Checked::Null,
        Member::WrongType(expected) => {
            findings.add(field, ViolationCode::InvalidType, expected.detail());
            Checked::Bad
        }
        Member::Given(value) => match parse(value) {
            Ok(value) => Checked::Valid(value),
            Err(error) => {
                findings.add(field, error.code, error.detail);
                Checked::Bad
            }
        },
    }
}

/// A member that must end up with a value: what is absent keeps `base`, or is missing.
pub(crate) fn required<T>(
    checked: Checked<T>,
    base: Option<T>,
    field: Field,
    findings: &mut Findings,
) -> Option<T> {
    match checked {
        Checked::Valid(value) => Some(value),
        Checked::Bad => None,
        Checked::Absent if base.is_some() => base,
        Checked::Absent | Checked::Null => {
            findings.required(field);
            None
        }
    }
}

/// A member that may be null: what is absent keeps `base`.
fn optional<T>(checked: Checked<T>, base: Option<T>) -> Option<T> {
    match checked {
        Checked::Valid(value) => Some(value),
        Checked::Absent => base,
        Checked::Null | Checked::Bad => None,
    }
}

fn choice<T>(name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, TextError>
where
    T: Copy + std::str::FromStr,
{
    name.parse().map_err(|_| TextError {
        code: ViolationCode::UnknownChoice,
        detail: format!(
            "Must be one of {}.",
            all.iter().map(|choice| as_str(*choice)).collect::<Vec<_>>().join(", ")
        ),
    })
}

/// Type and system: each by itself, then the pair. The system is known without the type, unless
/// the two contradict each other.
fn classification(
    fields: &DatastoreFields,
    base: Option<Classification>,
    findings: &mut Findings,
) -> (Option<Classification>, Option<System>) {
    let datastore_type = check(&fields.r#type, Field::Type, findings, |name| {
        choice(name, &DatastoreType::ALL, DatastoreType::as_str)
    });
    let system = check(&fields.system, Field::System, findings, |name| {
        choice(name, &System::ALL, System::as_str)
    });
    let only_type_given = matches!(system, Checked::Absent);
    let datastore_type =
        required(datastore_type, base.map(Classification::datastore_type), Field::Type, findings);
    let system = required(system, base.map(Classification::system), Field::System, findings);
    let Some((datastore_type, system)) = datastore_type.zip(system) else {
        return (None, system);
    };
    let pair = Classification::new(datastore_type, system);
    if pair.is_none() {
        let field = if only_type_given { Field::Type } else { Field::System };
        let fitting: Vec<_> = System::ALL
            .into_iter()
            .filter(|s| s.datastore_type() == datastore_type)
            .map(System::as_str)
            .collect();
        let detail = format!(
            "System {system} is of type {}; type {datastore_type} takes {}.",
            system.datastore_type(),
            fitting.join(", ")
        );
        findings.add(field, ViolationCode::TypeMismatch, detail);
    }
    (pair, pair.map(Classification::system))
}

/// What the datastore is; what is absent keeps the value of `base`, when there is one.
///
/// Returns the profile when it is whole, and the system as far as it is known, which the
/// connection is checked by.
pub(crate) fn profile(
    fields: &DatastoreFields,
    base: Option<&Profile>,
    findings: &mut Findings,
) -> (Option<Profile>, Option<System>) {
    let name = check(&fields.name, Field::Name, findings, |t| t.as_str().try_into());
    let name = required(name, base.map(|b| b.name.clone()), Field::Name, findings);
    let (classification, system) = classification(fields, base.map(|b| b.classification), findings);
    let description =
        check(&fields.description, Field::Description, findings, |t| t.as_str().try_into());
    let description =
        required(description, base.map(|b| b.description.clone()), Field::Description, findings);
    let is_active = check(&fields.is_active, Field::IsActive, findings, |b| Ok(*b));
    let is_active = optional(is_active, base.map(|b| b.is_active)).unwrap_or(true);
    let max_connections =
        check(&fields.max_connections, Field::MaxConnections, findings, |n| (*n).try_into());
    let response_time =
        check(&fields.avg_response_time_ms, Field::AvgResponseTimeMs, findings, |n| {
            (*n).try_into()
        });
    let capacity =
        check(&fields.storage_capacity_gb, Field::StorageCapacityGb, findings, |n| (*n).try_into());
    let max_connections = optional(max_connections, base.and_then(|b| b.max_connections));
    let avg_response_time_ms = optional(response_time, base.and_then(|b| b.avg_response_time_ms));
    let storage_capacity_gb = optional(capacity, base.and_then(|b| b.storage_capacity_gb));
    let profile =
        name.zip(description).zip(classification).map(|((name, description), classification)| {
            Profile {
                name,
                classification,
                description,
                is_active,
                max_connections,
                avg_response_time_ms,
                storage_capacity_gb,
            }
        });
    (profile, system)
}

/// A password as written: the mask stands for what is stored.
pub(crate) enum WrittenPassword {
    Mask,
    Plain(Password),
}

pub(crate) fn password(
    member: &Member<Secret>,
    findings: &mut Findings,
) -> Checked<WrittenPassword> {
    check(member, Field::Password, findings, |secret| {
        if secret.expose() == PASSWORD_MASK {
            return Ok(WrittenPassword::Mask);
        }
        Password::try_from(secret.clone()).map(WrittenPassword::Plain)
    })
}

pub(crate) fn tls(member: &Member<String>, findings: &mut Findings) -> Checked<TlsMode> {
    check(member, Field::Tls, findings, |name| choice(name, &TlsMode::ALL, TlsMode::as_str))
}
