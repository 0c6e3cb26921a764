//! The port of datastores.

use super::{MemoryStorage, State, next_number, page_from, page_of};
use async_trait::async_trait;
use datastore_domain::{
    Anchor, Datastore, DatastoreId, HistoryEntry, KeyValue, ListFilter, ListQuery, Name, Ordering,
    Paging, Version, search_text,
};
use datastore_ports::{DatastoreRepository, NewDatastore, Page, RepositoryError};
use std::cmp;

#[async_trait]
impl DatastoreRepository for MemoryStorage {
    async fn insert(
        &self,
        new: NewDatastore,
        entry: HistoryEntry,
    ) -> Result<Datastore, RepositoryError> {
        let mut state = self.state()?;
        state.refuse_taken_name(&new.profile.name, None)?;
        let number = next_number(state.datastores.len());
        let datastore = Datastore {
            id: DatastoreId::new(number).expect("counts from 1"),
            record: new.record,
            version: Version::FIRST,
            created_at: new.at,
            updated_at: new.at,
            deleted_at: None,
            profile: new.profile,
            connection: new.connection,
        };
        state.datastores.push(datastore.clone());
        state.record(&datastore, entry);
        Ok(datastore)
    }

    async fn find(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError> {
        Ok(self.state()?.living(id).cloned())
    }

    async fn find_any(&self, id: DatastoreId) -> Result<Option<Datastore>, RepositoryError> {
        Ok(self.state()?.datastores.iter().find(|row| row.id == id).cloned())
    }

    async fn list(&self, query: &ListQuery) -> Result<Page<Datastore>, RepositoryError> {
        let state = self.state()?;
        let asked = state.datastores.iter().filter(|row| matches(row, &query.filter));
        let mut rows: Vec<_> = asked.cloned().collect();
        let ordering = &query.ordering;
        let place = |row: &Datastore| Anchor::of(row, ordering);
        rows.sort_by(|a, b| compare(&place(a), &place(b), ordering));
        Ok(match &query.paging {
            Paging::Number(page) => page_of(rows, *page),
            Paging::Cursor { size, from } => {
                let (side, anchor) = from.as_ref().map(|(side, anchor)| (*side, anchor)).unzip();
                page_from(rows, *size, side, |row| {
                    anchor.map_or(cmp::Ordering::Less, |it| compare(&place(row), it, ordering))
                })
            }
        })
    }

    async fn update(
        &self,
        changed: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        let at = state.place(changed.id, expected, false)?;
        state.refuse_taken_name(&changed.profile.name, Some(changed.id))?;
        state.datastores[at] = Datastore { deleted_at: None, ..changed.clone() };
        state.record(changed, entry);
        Ok(())
    }

    async fn delete(
        &self,
        deleted: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        let at = state.place(deleted.id, expected, false)?;
        let mut datasets: Vec<_> = state
            .current()
            .filter(|lived| lived.datastore == deleted.id)
            .map(|lived| lived.assignment.dataset.as_str().to_owned())
            .collect();
        if !datasets.is_empty() {
            let count = datasets.len() as u64;
            datasets.sort();
            datasets.truncate(10);
            return Err(RepositoryError::InUse { datasets, count });
        }
        let Some(deleted_at) = deleted.deleted_at else {
            return Err(RepositoryError::Internal("a deletion without its time".into()));
        };
        let row = &mut state.datastores[at];
        row.version = deleted.version;
        row.updated_at = deleted.updated_at;
        row.deleted_at = Some(deleted_at);
        state.record(deleted, entry);
        Ok(())
    }

    async fn restore(
        &self,
        restored: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        let at = state.place(restored.id, expected, true)?;
        if restored.deleted_at.is_some() {
            return Err(RepositoryError::Internal("restored, and still deleted".into()));
        }
        let name = state.datastores[at].profile.name.clone();
        state.refuse_taken_name(&name, None)?;
        let row = &mut state.datastores[at];
        row.version = restored.version;
        row.updated_at = restored.updated_at;
        row.deleted_at = None;
        state.record(restored, entry);
        Ok(())
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        self.state().map(|_| ())
    }
}

impl State {
    fn refuse_taken_name(
        &self,
        name: &Name,
        but: Option<DatastoreId>,
    ) -> Result<(), RepositoryError> {
        let taken = self
            .datastores
            .iter()
            .any(|d| d.deleted_at.is_none() && d.profile.name == *name && Some(d.id) != but);
        if taken { Err(RepositoryError::NameTaken) } else { Ok(()) }
    }

    /// Where the living, or the deleted, datastore stands, provided that it is at this version.
    fn place(
        &self,
        id: DatastoreId,
        expected: Version,
        deleted: bool,
    ) -> Result<usize, RepositoryError> {
        let at = self
            .datastores
            .iter()
            .position(|d| d.id == id && d.deleted_at.is_some() == deleted)
            .ok_or(RepositoryError::NotFound)?;
        if self.datastores[at].version != expected {
            return Err(RepositoryError::VersionConflict);
        }
        Ok(at)
    }

    fn record(&mut self, datastore: &Datastore, entry: HistoryEntry) {
        self.history.push(HistoryEntry {
            datastore: Some(datastore.id),
            version: Some(datastore.version),
            ..entry
        });
    }
}

fn matches(datastore: &Datastore, filter: &ListFilter) -> bool {
    let profile = &datastore.profile;
    let text = search_text(&profile.name, &profile.description);
    let classification = profile.classification;
    datastore.deleted_at.is_some() == filter.deleted
        && (filter.types.is_empty() || filter.types.contains(&classification.datastore_type()))
        && (filter.systems.is_empty() || filter.systems.contains(&classification.system()))
        && filter.is_active.is_none_or(|is_active| is_active == profile.is_active)
        && filter.search.words().iter().all(|word| text.contains(word))
}

fn compare(a: &Anchor, b: &Anchor, ordering: &[Ordering]) -> cmp::Ordering {
    let mut result = cmp::Ordering::Equal;
    for ((Ordering { descending, .. }, a), b) in ordering.iter().zip(&a.keys).zip(&b.keys) {
        result = result.then_with(|| compare_values(a, b, *descending));
    }
    let descending = ordering.last().is_some_and(|last| last.descending);
    result.then_with(|| directed(a.id.cmp(&b.id), descending))
}

fn compare_values(a: &KeyValue, b: &KeyValue, descending: bool) -> cmp::Ordering {
    match (a, b) {
        (KeyValue::Time(a), KeyValue::Time(b)) => directed(a.cmp(b), descending),
        // UTF-8 sorts by code point.
        (KeyValue::Text(a), KeyValue::Text(b)) => directed(a.cmp(b), descending),
        (KeyValue::Number(Some(a)), KeyValue::Number(Some(b))) => {
            directed(a.total_cmp(b), descending)
        }
        // Absent figures come last in both directions.
        (KeyValue::Number(a), KeyValue::Number(b)) => a.is_none().cmp(&b.is_none()),
        _ => unreachable!("an anchor has a value of the right kind for each key"),
    }
}

fn directed(ordering: cmp::Ordering, descending: bool) -> cmp::Ordering {
    if descending { ordering.reverse() } else { ordering }
}
