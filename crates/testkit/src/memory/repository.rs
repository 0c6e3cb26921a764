//! The port of datastores.

use super::{MemoryStorage, State, next_number, page_of};
use async_trait::async_trait;
use datastore_domain::{
    Datastore, DatastoreId, HistoryEntry, ListFilter, ListQuery, Name, OrderKey, Ordering, Version,
    search_text,
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

    async fn list(&self, query: &ListQuery) -> Result<Page<Datastore>, RepositoryError> {
        let state = self.state()?;
        let living = state.datastores.iter().filter(|d| d.deleted_at.is_none());
        let mut rows: Vec<_> = living.filter(|d| matches(d, &query.filter)).cloned().collect();
        rows.sort_by(|a, b| compare(a, b, &query.ordering));
        Ok(page_of(rows, query.page))
    }

    async fn update(
        &self,
        changed: &Datastore,
        expected: Version,
        entry: HistoryEntry,
    ) -> Result<(), RepositoryError> {
        let mut state = self.state()?;
        let at = state.place(changed.id, expected)?;
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
        let at = state.place(deleted.id, expected)?;
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

    /// Where the living datastore stands, provided that it is at this version.
    fn place(&self, id: DatastoreId, expected: Version) -> Result<usize, RepositoryError> {
        let at = self
            .datastores
            .iter()
            .position(|d| d.id == id && d.deleted_at.is_none())
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
    (filter.types.is_empty() || filter.types.contains(&classification.datastore_type()))
        && (filter.systems.is_empty() || filter.systems.contains(&classification.system()))
        && filter.is_active.is_none_or(|is_active| is_active == profile.is_active)
        && filter.search.words().iter().all(|word| text.contains(word))
}

fn compare(a: &Datastore, b: &Datastore, ordering: &[Ordering]) -> cmp::Ordering {
    let mut result = cmp::Ordering::Equal;
    for Ordering { key, descending } in ordering {
        result = result.then_with(|| compare_by(a, b, *key, *descending));
    }
    let descending = ordering.last().is_some_and(|last| last.descending);
    result.then_with(|| directed(a.id.cmp(&b.id), descending))
}

fn compare_by(a: &Datastore, b: &Datastore, key: OrderKey, descending: bool) -> cmp::Ordering {
    let (left, right) = (&a.profile, &b.profile);
    let type_of = |d: &Datastore| d.profile.classification.datastore_type().as_str();
    match key {
        OrderKey::CreatedAt => directed(a.created_at.cmp(&b.created_at), descending),
        // UTF-8 sorts by code point.
        OrderKey::Name => directed(left.name.cmp(&right.name), descending),
        OrderKey::Type => directed(type_of(a).cmp(type_of(b)), descending),
        OrderKey::AvgResponseTimeMs => {
            match (left.avg_response_time_ms, right.avg_response_time_ms) {
                (Some(x), Some(y)) => directed(x.get().total_cmp(&y.get()), descending),
                // Absent figures come last in both directions.
                (x, y) => x.is_none().cmp(&y.is_none()),
            }
        }
    }
}

fn directed(ordering: cmp::Ordering, descending: bool) -> cmp::Ordering {
    if descending { ordering.reverse() } else { ordering }
}
