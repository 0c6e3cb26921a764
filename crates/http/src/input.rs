//! Members of a request's body as the core takes them.

use crate::body::Members;
use crate::json::Json;
use crate::problem::{FieldError, Kind, Problem, violations};
use datastore_domain::{DatastoreFields, Expected, Member, Secret, Violations};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A datastore as written, with one of the two forms of a connection.
#[derive(ToSchema)]
#[schema(as = DatastoreInput)]
#[expect(dead_code, reason = "describes the input in the OpenAPI document; a test compares it")]
pub(crate) struct DatastoreInput {
    /// Unique among the datastores that are not deleted.
    #[schema(max_length = 255, example = "Primary PostgreSQL")]
    name: String,
    /// Kind of data model: `sql`, `document`, `keyvalue`, `graph` or `column`.
    #[schema(example = "sql")]
    r#type: String,
    /// Database product, one that belongs to the type.
    #[schema(example = "postgres")]
    system: String,
    /// Capabilities and use cases.
    #[schema(max_length = 10_000, example = "Main relational database.")]
    description: String,
    /// Host name or IP address.
    #[schema(max_length = 255, example = "db.company.com")]
    server: Option<String>,
    /// TCP port.
    #[schema(minimum = 1, maximum = 65535, example = 5432)]
    port: Option<u16>,
    /// Who logs in.
    #[schema(max_length = 255, example = "app_user")]
    username: Option<String>,
    /// Stored encrypted; `***encrypted***` keeps what is stored.
    #[schema(max_length = 1024, write_only)]
    password: Option<String>,
    /// Instead of server, port, username and password; the masked form keeps what is stored.
    #[schema(max_length = 4096)]
    connection_string: Option<String>,
    /// Whether it is available for matching; true unless told otherwise.
    is_active: Option<bool>,
    /// Greatest number of connections.
    #[schema(minimum = 1)]
    max_connections: Option<i32>,
    /// Average response time in milliseconds.
    #[schema(exclusive_minimum = 0)]
    avg_response_time_ms: Option<f64>,
    /// Storage capacity in gigabytes.
    #[schema(exclusive_minimum = 0)]
    storage_capacity_gb: Option<f64>,
    /// Database, keyspace or Redis index to open; with server, port, username and password only.
    #[schema(max_length = 255)]
    database: Option<String>,
    /// `disable`, `prefer` (default), `require` or `verify_full`; as `database`.
    tls: Option<String>,
    /// Ignored.
    id: Option<i64>,
    /// Ignored.
    created_at: Option<String>,
    /// Ignored.
    updated_at: Option<String>,
}

/// What a PATCH may name, in the OpenAPI document: the members of a [`DatastoreInput`], none of
/// which is needed.
pub(crate) struct DatastorePatch;

impl PartialSchema for DatastorePatch {
    fn schema() -> RefOr<Schema> {
        let mut schema = DatastoreInput::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description = Some("Members of a datastore to change.".to_owned());
        }
        schema
    }
}

impl ToSchema for DatastorePatch {}

/// Every member that a datastore's body may name.
const KNOWN: [&str; 18] = [
    "name",
    "type",
    "system",
    "description",
    "server",
    "port",
    "username",
    "password",
    "connection_string",
    "is_active",
    "max_connections",
    "avg_response_time_ms",
    "storage_capacity_gb",
    "database",
    "tls",
    "id",
    "created_at",
    "updated_at",
];

pub(crate) fn text(json: Option<Json>) -> Member<String> {
    match json {
        None => Member::Absent,
        Some(Json::Null) => Member::Null,
        Some(Json::Text(text)) => Member::Given(text.to_string()),
        Some(_) => Member::WrongType(Expected::Text),
    }
}

pub(crate) fn secret(json: Option<Json>) -> Member<Secret> {
    match json {
        None => Member::Absent,
        Some(Json::Null) => Member::Null,
        Some(Json::Text(mut text)) => Member::Given(Secret::new(std::mem::take(&mut *text))),
        Some(_) => Member::WrongType(Expected::Text),
    }
}

fn number(json: Option<Json>) -> Member<f64> {
    match json {
        None => Member::Absent,
        Some(Json::Null) => Member::Null,
        Some(Json::Number(number)) => Member::Given(number),
        Some(_) => Member::WrongType(Expected::Number),
    }
}

fn boolean(json: Option<Json>) -> Member<bool> {
    match json {
        None => Member::Absent,
        Some(Json::Null) => Member::Null,
        Some(Json::Bool(value)) => Member::Given(value),
        Some(_) => Member::WrongType(Expected::Bool),
    }
}

/// Members of a datastore, and what else the body named.
pub(crate) struct DatastoreBody {
    pub(crate) fields: DatastoreFields,
    unknown: Vec<FieldError>,
}

impl From<Members> for DatastoreBody {
    fn from(mut members: Members) -> Self {
        let fields = DatastoreFields {
            name: text(members.take("name")),
            r#type: text(members.take("type")),
            system: text(members.take("system")),
            description: text(members.take("description")),
            server: text(members.take("server")),
            port: number(members.take("port")),
            username: text(members.take("username")),
            password: secret(members.take("password")),
            connection_string: secret(members.take("connection_string")),
            is_active: boolean(members.take("is_active")),
            max_connections: number(members.take("max_connections")),
            avg_response_time_ms: number(members.take("avg_response_time_ms")),
            storage_capacity_gb: number(members.take("storage_capacity_gb")),
            database: text(members.take("database")),
            tls: text(members.take("tls")),
        };
        // Read-only members may be written back as they were read.
        for read_only in ["id", "created_at", "updated_at"] {
            members.take(read_only);
        }
        Self { fields, unknown: members.unknown(&KNOWN) }
    }
}

impl DatastoreBody {
    /// The fields, unless the body named something unknown: then `check` adds what is wrong with
    /// the known ones, so that one answer tells all.
    pub(crate) fn known(
        self,
        check: impl FnOnce(&DatastoreFields) -> Result<(), Violations>,
    ) -> Result<DatastoreFields, Problem> {
        if self.unknown.is_empty() {
            return Ok(self.fields);
        }
        let mut errors = check(&self.fields).err().as_ref().map(violations).unwrap_or_default();
        errors.extend(self.unknown);
        Err(Problem::with_errors(Kind::ValidationFailed, errors))
    }
}

/// A problem with members other than a datastore's.
pub(crate) fn refuse(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Problem::with_errors(Kind::ValidationFailed, errors))
    }
}

/// An optional member of another body, read by `parse`; what is wrong is added to `errors`.
pub(crate) fn optional<T>(
    members: &mut Members,
    name: &str,
    errors: &mut Vec<FieldError>,
    parse: impl FnOnce(Json) -> Result<T, (&'static str, String)>,
) -> Option<T> {
    match members.take(name) {
        None | Some(Json::Null) => None,
        Some(json) => parse(json)
            .map_err(|(code, detail)| errors.push(FieldError::member(name, code, detail)))
            .ok(),
    }
}

/// Reads `true` or `false`, for [`optional`].
pub(crate) fn flag(json: Json) -> Result<bool, (&'static str, String)> {
    match json {
        Json::Bool(flag) => Ok(flag),
        _ => Err(("invalid_type", "Must be true or false.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_input_is_the_input_that_is_read() {
        let schema = serde_json::to_value(DatastoreInput::schema()).expect("serialisable");
        let mut documented: Vec<_> =
            schema["properties"].as_object().expect("an object").keys().cloned().collect();
        documented.sort_unstable();
        let mut known = KNOWN.map(str::to_owned).to_vec();
        known.sort_unstable();
        assert_eq!(documented, known);
    }
}
