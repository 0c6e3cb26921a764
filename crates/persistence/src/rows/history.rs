//! Rows of `history`.

use super::Origin;
use crate::schema::history;
use datastore_domain::{
    Action, Assignment, Change, DatasetId, DatasetName, DatastoreId, EntryId, FieldChange,
    HistoryEntry, HistoryValue, RecordedEntry, RequestId, TokenName, Version,
};
use datastore_ports::RepositoryError;
use diesel::prelude::{Insertable, Queryable, Selectable};

/// An entry as read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = history)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct HistoryRow {
    id: i64,
    at: i64,
    actor: String,
    action: String,
    datastore_id: Option<i64>,
    version: Option<i64>,
    changes: String,
    request_id: Option<String>,
}

/// An entry as written; owned, so that it is made before the transaction begins.
#[derive(Clone, Insertable)]
#[diesel(table_name = history)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewHistory {
    at: i64,
    actor: String,
    action: &'static str,
    datastore_id: Option<i64>,
    version: Option<i64>,
    changes: String,
    request_id: Option<String>,
}

impl NewHistory {
    pub(crate) fn new(entry: &HistoryEntry) -> Self {
        Self {
            at: entry.at.as_micros(),
            actor: entry.actor.as_str().to_owned(),
            action: entry.action.as_str(),
            datastore_id: entry.datastore.map(DatastoreId::get),
            version: entry.version.map(Version::get),
            changes: changes_json(&entry.changes),
            request_id: entry.request_id.as_ref().map(|id| id.as_str().to_owned()),
        }
    }

    /// The counterpart of an assignment, for the datastore that the dataset leaves.
    pub(crate) fn of_leaving(&self, datastore: i64, dataset: &DatasetId) -> Self {
        let left = Change::text("dataset_id", Some(dataset.as_str()), None);
        Self {
            action: Action::Release.as_str(),
            datastore_id: Some(datastore),
            version: None,
            changes: changes_json(&[left]),
            ..self.clone()
        }
    }

    /// The counterpart of an assignment, for a dataset that is here and gets another name.
    pub(crate) fn of_renaming(&self, kept: &Assignment, name: &DatasetName) -> Self {
        let from = kept.name.as_ref().map(DatasetName::as_str);
        let renamed = Change::dataset_name(&kept.dataset, from, Some(name.as_str()));
        Self {
            action: Action::DatasetRename.as_str(),
            changes: changes_json(&renamed),
            ..self.clone()
        }
    }

    /// The entry as one of this datastore, at this version of it.
    pub(crate) fn of(self, datastore: i64, version: Option<Version>) -> Self {
        let version = version.map(Version::get).or(self.version);
        Self { datastore_id: Some(datastore), version, ..self }
    }
}

/// `{"port":{"from":5432,"to":5433},"password":"changed"}`, in the order of the changes.
fn changes_json(changes: &[Change]) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let members: Vec<_> = changes
        .iter()
        .map(|change| {
            let value = match &change.change {
                FieldChange::Secret => text("changed"),
                FieldChange::Value { from, to } => {
                    format!("{{\"from\":{},\"to\":{}}}", json(from), json(to))
                }
            };
            format!("{}:{value}", text(change.member))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Whole numbers without a fraction, as the API answers them.
fn json(value: &HistoryValue) -> serde_json::Value {
    /// Up to here every whole number is exact in `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        HistoryValue::Null => serde_json::Value::Null,
        HistoryValue::Bool(flag) => (*flag).into(),
        HistoryValue::Text(text) => text.as_str().into(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
        HistoryValue::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
            (*number as i64).into()
        }
        HistoryValue::Number(number) => (*number).into(),
    }
}

impl TryFrom<HistoryRow> for RecordedEntry {
    type Error = RepositoryError;

    fn try_from(row: HistoryRow) -> Result<Self, RepositoryError> {
        let origin = Origin { table: "history", id: row.id };
        let datastore =
            row.datastore_id.map(|id| DatastoreId::new(id).ok_or(origin.corrupt("datastore_id")));
        let version = row.version.map(|n| Version::new(n).ok_or(origin.corrupt("version")));
        let request_id =
            row.request_id.map(|id| RequestId::new(&id).ok_or(origin.corrupt("request_id")));
        serde_json::from_str::<serde_json::Map<_, _>>(&row.changes)
            .map_err(|_| origin.corrupt("changes"))?;
        Ok(Self {
            id: EntryId(row.id),
            at: origin.time("at", row.at)?,
            actor: origin.parse("actor", TokenName::try_from(row.actor.as_str()))?,
            action: row.action,
            datastore: datastore.transpose()?,
            version: version.transpose()?,
            changes: row.changes,
            request_id: request_id.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_json_in_member_order() {
        let value = |member, from, to| Change { member, change: FieldChange::Value { from, to } };
        let changes = [
            value("port", HistoryValue::Number(5432.0), HistoryValue::Number(5433.0)),
            Change { member: "password", change: FieldChange::Secret },
            value("name", HistoryValue::Null, HistoryValue::Text("a \"b\"\n".to_owned())),
            value("is_active", HistoryValue::Bool(true), HistoryValue::Bool(false)),
            value("storage_capacity_gb", HistoryValue::Number(0.5), HistoryValue::Number(1e300)),
        ];
        assert_eq!(
            changes_json(&changes),
            concat!(
                r#"{"port":{"from":5432,"to":5433},"password":"changed","#,
                r#""name":{"from":null,"to":"a \"b\"\n"},"is_active":{"from":true,"to":false},"#,
                r#""storage_capacity_gb":{"from":0.5,"to":1e+300}}"#
            )
        );
        assert_eq!(changes_json(&[]), "{}");
    }
}
