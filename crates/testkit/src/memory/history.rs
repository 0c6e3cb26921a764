//! The history, as it would have been written down.

use super::{MemoryStorage, next_number, page_from, page_of};
use async_trait::async_trait;
use datastore_domain::{
    Action, Change, EntryId, FieldChange, HistoryEntry, HistoryFilter, HistoryValue, Paging,
    RecordedEntry,
};
use datastore_ports::{HistoryLog, Page, RepositoryError};
use serde_json::{Value, json};

#[async_trait]
impl HistoryLog for MemoryStorage {
    async fn entries(
        &self,
        filter: &HistoryFilter,
        paging: Paging<EntryId>,
    ) -> Result<Page<RecordedEntry>, RepositoryError> {
        let mut rows: Vec<_> = self.state()?.history.iter().enumerate().map(recorded).collect();
        rows.retain(|entry| matches(entry, filter));
        rows.reverse();
        Ok(match paging {
            Paging::Number(page) => page_of(rows, page),
            Paging::Cursor { size, from } => {
                let (side, anchor) = from.unzip();
                // Newest first: a greater number comes before.
                page_from(rows, size, side, |row| anchor.cmp(&Some(row.id)))
            }
        })
    }

    async fn record(&self, entry: HistoryEntry) -> Result<(), RepositoryError> {
        self.state()?.history.push(entry);
        Ok(())
    }
}

fn recorded((at, entry): (usize, &HistoryEntry)) -> RecordedEntry {
    RecordedEntry {
        id: EntryId(next_number(at)),
        at: entry.at,
        actor: entry.actor.clone(),
        action: entry.action.as_str().to_owned(),
        datastore: entry.datastore,
        version: entry.version,
        changes: changes(&entry.changes),
        request_id: entry.request_id.clone(),
    }
}

fn matches(entry: &RecordedEntry, filter: &HistoryFilter) -> bool {
    (filter.datastore.is_none() || filter.datastore == entry.datastore)
        && filter.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
        && filter.action.is_none_or(|action| action.as_str() == entry.action)
        && !(filter.without_tests && entry.action == Action::ConnectionTest.as_str())
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
