//! The history, as the contract suite reads it.

use super::MemoryStorage;
use crate::contract::{HistoryLine, HistoryReader};
use async_trait::async_trait;
use datastore_domain::{Change, DatastoreId, FieldChange, HistoryValue};
use serde_json::{Value, json};

#[async_trait]
impl HistoryReader for MemoryStorage {
    async fn history(&self, datastore: Option<DatastoreId>) -> Vec<HistoryLine> {
        let mut entries = self.entries();
        entries.retain(|entry| datastore.is_none() || entry.datastore == datastore);
        entries
            .into_iter()
            .map(|entry| HistoryLine {
                at: entry.at,
                actor: entry.actor,
                action: entry.action,
                datastore: entry.datastore,
                version: entry.version,
                changes: changes(&entry.changes),
                request_id: entry.request_id,
            })
            .collect()
    }
}

fn changes(changes: &[Change]) -> String {
    let members: Vec<_> = changes
        .iter()
        .map(|change| format!("{}:{}", json!(change.member), written(&change.change)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn written(change: &FieldChange) -> String {
    match change {
        FieldChange::Secret => json!("changed").to_string(),
        FieldChange::Value { from, to } => {
            format!("{{\"from\":{},\"to\":{}}}", value(from), value(to))
        }
    }
}

fn value(value: &HistoryValue) -> Value {
    match value {
        HistoryValue::Null => Value::Null,
        HistoryValue::Bool(flag) => json!(flag),
        HistoryValue::Text(text) => json!(text),
        // Whole numbers print without a fraction.
        HistoryValue::Number(number) => {
            number.to_string().parse::<i64>().map_or(json!(number), |whole| json!(whole))
        }
    }
}
