//! Inputs as JSON would give them, stored datastores, and how both are compared.

use datastore_domain::{
    Change, ConnectionTarget, Datastore, DatastoreFields, DatastoreId, Draft, Expected, Field,
    FieldChange, HistoryValue, Member, PASSWORD_MASK, RecordId, Revision, RevisionMode,
    SealedConnection, SealedValue, Secret, SecretPlan, System, Timestamp, TlsMode, Version,
    Violations,
};

/// A value of a JSON object, as far as members tell values apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List,
}

macro_rules! json_from {
    ($($source:ty => $variant:ident),+) => {$(
        impl From<$source> for Json {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

json_from!(bool => Bool, i32 => Number, f64 => Number, &str => Text, String => Text);

fn member<T>(json: Json, expected: Expected, read: fn(Json) -> Option<T>) -> Member<T> {
    match json {
        Json::Null => Member::Null,
        other => read(other).map_or(Member::WrongType(expected), Member::Given),
    }
}

fn string(json: Json) -> Option<String> {
    if let Json::Text(text) = json { Some(text) } else { None }
}

fn text(json: Json) -> Member<String> {
    member(json, Expected::Text, string)
}

fn secret(json: Json) -> Member<Secret> {
    member(json, Expected::Text, |json| string(json).map(Secret::new))
}

fn number(json: Json) -> Member<f64> {
    member(json, Expected::Number, |json| if let Json::Number(n) = json { Some(n) } else { None })
}

fn boolean(json: Json) -> Member<bool> {
    member(json, Expected::Bool, |json| if let Json::Bool(b) = json { Some(b) } else { None })
}

pub(crate) fn field(name: &str) -> Field {
    Field::ALL.into_iter().find(|f| f.name() == name).expect("the name of a field")
}

/// Names one member, as a client's JSON would.
pub(crate) fn set(fields: &mut DatastoreFields, name: &str, json: Json) {
    match field(name) {
        Field::Name => fields.name = text(json),
        Field::Type => fields.r#type = text(json),
        Field::System => fields.system = text(json),
        Field::Description => fields.description = text(json),
        Field::Server => fields.server = text(json),
        Field::Port => fields.port = number(json),
        Field::Username => fields.username = text(json),
        Field::Password => fields.password = secret(json),
        Field::ConnectionString => fields.connection_string = secret(json),
        Field::IsActive => fields.is_active = boolean(json),
        Field::MaxConnections => fields.max_connections = number(json),
        Field::AvgResponseTimeMs => fields.avg_response_time_ms = number(json),
        Field::StorageCapacityGb => fields.storage_capacity_gb = number(json),
        Field::Database => fields.database = text(json),
        Field::Tls => fields.tls = text(json),
    }
}

/// `json!(name: "n", port: 1)` is an input of these members; `json!(input; port: 1)` is `input`
/// with these replaced.
macro_rules! json {
    ($base:expr; $($name:ident: $value:expr),+ $(,)?) => {{
        let mut fields: datastore_domain::DatastoreFields = $base;
        $($crate::support::set(&mut fields, stringify!($name), $value.into());)+
        fields
    }};
    ($($name:ident: $value:expr),+ $(,)?) => {
        json!(datastore_domain::DatastoreFields::default(); $($name: $value),+)
    };
}

/// `base` with one member replaced.
pub(crate) fn with(mut base: DatastoreFields, name: &str, json: &Json) -> DatastoreFields {
    set(&mut base, name, json.clone());
    base
}

/// A password that occurs nowhere else.
pub(crate) const PASSWORD: &str = "c4n4ry p@ss:w/rd%20#?";
/// A valid string with the same password.
pub(crate) const STRING: &str =
    "postgres://app:c4n4ry%20p%40ss%3Aw%2Frd%2520%23%3F@db.example:5433/app?sslmode=require";
/// What readers see of [`STRING`].
pub(crate) const MASKED_STRING: &str = "postgres://app:***@db.example:5433/app?sslmode=***";

pub(crate) fn described(system: System) -> DatastoreFields {
    json!(
        name: "Primary", type: system.datastore_type().as_str(), system: system.as_str(),
        description: "Orders and customers.",
    )
}

/// A valid input by parts.
pub(crate) fn parts_of(system: System) -> DatastoreFields {
    json!(described(system);
        server: "db.example", port: 5432, username: "app", password: PASSWORD)
}

/// A valid input by parts, for PostgreSQL.
pub(crate) fn parts() -> DatastoreFields {
    parts_of(System::Postgres)
}

/// A valid input by connection string, for PostgreSQL.
pub(crate) fn by_string() -> DatastoreFields {
    json!(described(System::Postgres); connection_string: STRING)
}

/// `port out_of_range, tls conflict`
pub(crate) fn told(violations: &Violations) -> String {
    let each = violations.as_slice().iter().map(|v| format!("{} {}", v.field, v.code.as_str()));
    each.collect::<Vec<_>>().join(", ")
}

/// What is wrong with a new datastore: empty when nothing is.
pub(crate) fn refusal(fields: &DatastoreFields) -> String {
    Draft::new(fields, TlsMode::Disable).err().as_ref().map(told).unwrap_or_default()
}

/// What is wrong with a write: empty when nothing is.
pub(crate) fn refusal_of_write(
    stored: &Datastore,
    fields: &DatastoreFields,
    mode: RevisionMode,
) -> String {
    stored
        .revise(fields.clone(), mode, TlsMode::Disable)
        .err()
        .as_ref()
        .map(told)
        .unwrap_or_default()
}

/// Stands for the cipher: a number instead of a ciphertext, a new one each time.
fn seal(target: ConnectionTarget, nonce: u8) -> SealedConnection {
    match target {
        ConnectionTarget::Uri(string) => SealedConnection::Uri {
            sealed: SealedValue::new(vec![nonce]),
            mask: string.mask().to_owned(),
        },
        ConnectionTarget::Parts(parts) => SealedConnection::Parts {
            host: parts.host,
            port: parts.port,
            username: parts.username,
            password: SealedValue::new(vec![nonce]),
            database: parts.database,
            tls: parts.tls,
        },
    }
}

pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).expect("in range")
}

/// The datastore that a valid input makes.
pub(crate) fn stored(fields: &DatastoreFields) -> Datastore {
    let draft = Draft::new(fields, TlsMode::Disable)
        .unwrap_or_else(|violations| panic!("{}", told(&violations)));
    Datastore {
        id: DatastoreId::new(7).expect("positive"),
        record: RecordId::from_bytes([7; 16]),
        version: Version::FIRST,
        created_at: time(0),
        updated_at: time(0),
        deleted_at: None,
        profile: draft.profile,
        connection: seal(draft.target, 1),
    }
}

/// The datastore after a revision, its secret sealed anew when it was written.
pub(crate) fn after(stored: &Datastore, revision: Revision) -> Datastore {
    let connection = match revision.connection {
        SecretPlan::Keep(kept) => kept,
        SecretPlan::Seal(target) => seal(target, 2),
    };
    Datastore { profile: revision.profile, connection, ..stored.clone() }
}

/// The members as a reader with connection details sees them, in the order of the fields.
pub(crate) fn members(stored: &Datastore) -> Vec<(&'static str, Json)> {
    let mut shown: Vec<_> = Field::ALL.map(|f| (f.name(), Json::Null)).into();
    let mut show = |name: &str, json: Json| {
        let place = Field::ALL.iter().position(|f| f.name() == name).expect("a field");
        shown[place].1 = json;
    };
    let profile = &stored.profile;
    show("name", profile.name.as_str().into());
    show("type", profile.classification.datastore_type().as_str().into());
    show("system", profile.classification.system().as_str().into());
    show("description", profile.description.as_str().into());
    show("is_active", profile.is_active.into());
    let number = |n: Option<f64>| n.map_or(Json::Null, Json::Number);
    show("max_connections", number(profile.max_connections.map(|n| n.get().into())));
    show("avg_response_time_ms", number(profile.avg_response_time_ms.map(|n| n.get())));
    show("storage_capacity_gb", number(profile.storage_capacity_gb.map(|n| n.get())));
    match &stored.connection {
        SealedConnection::Uri { mask, .. } => show("connection_string", mask.as_str().into()),
        SealedConnection::Parts { host, port, username, password: _, database, tls } => {
            show("server", host.as_str().into());
            show("port", Json::Number(port.get().into()));
            show("username", username.as_str().into());
            show("password", PASSWORD_MASK.into());
            show("database", database.as_ref().map_or(Json::Null, |d| d.as_str().into()));
            show("tls", tls.as_str().into());
        }
    }
    shown
}

/// What a reader would write back.
pub(crate) fn as_read(stored: &Datastore) -> DatastoreFields {
    members(stored)
        .into_iter()
        .fold(DatastoreFields::default(), |fields, (name, json)| with(fields, name, &json))
}

fn printed(value: &HistoryValue) -> String {
    match value {
        HistoryValue::Null => "null".to_owned(),
        HistoryValue::Bool(value) => value.to_string(),
        HistoryValue::Number(value) => value.to_string(),
        HistoryValue::Text(value) => value.clone(),
    }
}

/// `port 5432 -> 5433; password changed`
pub(crate) fn recorded(changes: &[Change]) -> String {
    let each = changes.iter().map(|change| match &change.change {
        FieldChange::Secret => format!("{} changed", change.member),
        FieldChange::Value { from, to } => {
            format!("{} {} -> {}", change.member, printed(from), printed(to))
        }
    });
    each.collect::<Vec<_>>().join("; ")
}
