//! What happened, as admins read it.

use super::Time;
use crate::problem::Problem;
use datastore_domain::{Action, RecordedEntry};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The name of an [`Action`], in the OpenAPI document.
pub(crate) struct ActionName;

impl PartialSchema for ActionName {
    fn schema() -> RefOr<Schema> {
        let names = Action::ALL.map(Action::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for ActionName {
    fn name() -> Cow<'static, str> {
        "Action".into()
    }
}

/// An entry of the history.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryEntry)]
pub(crate) struct EntryOutput {
    id: i64,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    at: Time,
    /// Name of the token that acted, or of the command.
    actor: String,
    /// What was done; more kinds may come.
    #[schema(value_type = ActionName)]
    action: String,
    /// Null for tokens, and for what is not saved.
    #[schema(required)]
    datastore_id: Option<i64>,
    /// Version of the datastore after it; null where no version counts.
    #[schema(required)]
    version: Option<i64>,
    /// By member: `{"from": …, "to": …}`, or `"changed"` for a secret.
    #[schema(value_type = Object)]
    changes: Box<RawValue>,
    /// The request that caused it; null for commands.
    #[schema(required)]
    request_id: Option<String>,
}

impl TryFrom<RecordedEntry> for EntryOutput {
    type Error = Problem;

    fn try_from(entry: RecordedEntry) -> Result<Self, Problem> {
        let id = entry.id.0;
        let damaged = |_| Problem::internal(format!("row {id} of history is not JSON").into());
        Ok(Self {
            id,
            at: Time(entry.at),
            actor: entry.actor.to_string(),
            action: entry.action,
            datastore_id: entry.datastore.map(|id| id.get()),
            version: entry.version.map(|version| version.get()),
            changes: RawValue::from_string(entry.changes).map_err(damaged)?,
            request_id: entry.request_id.map(|id| id.as_str().to_owned()),
        })
    }
}

/// A page of history entries.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct EntryPage {
    /// Rows on all pages; absent when paged by cursor.
    #[schema(nullable = false)]
    count: Option<u64>,
    /// Absolute URL of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
    /// Absolute URL of the previous page; null on the first.
    #[schema(required)]
    previous: Option<String>,
    /// The rows of this page, newest first.
    results: Vec<EntryOutput>,
}
