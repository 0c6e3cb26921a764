//! The port of assignments.

use super::{Lived, MemoryStorage, State, page_of};
use async_trait::async_trait;
use datastore_domain::{
    Action, Assignment, AssignmentPeriod, Change, DatasetId, DatasetName, DatastoreId,
    HistoryEntry, PageRequest, Timestamp,
};
use datastore_ports::{AssignOutcome, AssignmentError, DatasetAssignments, Page, RepositoryError};

#[async_trait]
impl DatasetAssignments for MemoryStorage {
    async fn assign(
        &self,
        datastore: DatastoreId,
        mut assignment: Assignment,
        move_here: bool,
        entry: HistoryEntry,
    ) -> Result<AssignOutcome, AssignmentError> {
        let mut state = self.state()?;
        let living = state.living(datastore).ok_or(AssignmentError::NoDatastore)?;
        let is_active = living.profile.is_active;
        let entry = HistoryEntry { datastore: Some(datastore), ..entry };
        let lives = state.lives(&assignment.dataset);
        if let Some(at) = lives.filter(|at| state.assignments[*at].datastore == datastore) {
            return Ok(AssignOutcome::AlreadyHere(state.rename(at, assignment, entry)));
        }
        if !is_active {
            return Err(AssignmentError::Inactive);
        }
        if let Some(at) = lives {
            let elsewhere = &mut state.assignments[at];
            if !move_here {
                return Err(AssignmentError::AssignedElsewhere { datastore: elsewhere.datastore });
            }
            elsewhere.released_at = Some(assignment.assigned_at);
            assignment.name = assignment.name.or_else(|| elsewhere.assignment.name.clone());
            let left = Change::text("dataset_id", Some(assignment.dataset.as_str()), None);
            let datastore = Some(elsewhere.datastore);
            let changes = vec![left];
            let left =
                HistoryEntry { action: Action::Release, datastore, changes, ..entry.clone() };
            state.history.push(left);
        }
        let lived = Lived { datastore, assignment: assignment.clone(), released_at: None };
        state.assignments.push(lived);
        state.history.push(entry);
        Ok(AssignOutcome::Assigned(assignment))
    }

    async fn release(
        &self,
        datastore: DatastoreId,
        dataset: &DatasetId,
        at: Timestamp,
        entry: HistoryEntry,
    ) -> Result<(), AssignmentError> {
        let mut state = self.state()?;
        state.living(datastore).ok_or(AssignmentError::NoDatastore)?;
        let here = state.lives(dataset).filter(|at| state.assignments[*at].datastore == datastore);
        let here = here.ok_or(AssignmentError::NotAssigned)?;
        state.assignments[here].released_at = Some(at);
        state.history.push(HistoryEntry { datastore: Some(datastore), ..entry });
        Ok(())
    }

    async fn current(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<Assignment>, RepositoryError> {
        let state = self.state()?;
        let here = state.current().filter(|lived| lived.datastore == datastore);
        let mut rows: Vec<_> = here.map(|lived| lived.assignment.clone()).collect();
        // Stable: ties stay in the order of assignment.
        rows.sort_by_key(|assignment| assignment.assigned_at);
        Ok(page_of(rows, page))
    }

    async fn history(
        &self,
        datastore: DatastoreId,
        page: PageRequest,
    ) -> Result<Page<AssignmentPeriod>, RepositoryError> {
        let state = self.state()?;
        let here = state.assignments.iter().filter(|lived| lived.datastore == datastore);
        let period = |lived: &Lived| AssignmentPeriod {
            assignment: lived.assignment.clone(),
            released_at: lived.released_at,
        };
        let mut rows: Vec<_> = here.map(period).collect();
        // Stable: ties stay in the order of assignment, until all of it is turned around.
        rows.sort_by_key(|period| period.assignment.assigned_at);
        rows.reverse();
        Ok(page_of(rows, page))
    }
}

impl State {
    /// Where the current assignment of a dataset stands.
    fn lives(&self, dataset: &DatasetId) -> Option<usize> {
        self.assignments
            .iter()
            .position(|lived| lived.released_at.is_none() && lived.assignment.dataset == *dataset)
    }

    /// Takes over a name that is given and differs.
    fn rename(&mut self, at: usize, wish: Assignment, entry: HistoryEntry) -> Assignment {
        let kept = &mut self.assignments[at].assignment;
        if wish.name.is_some() && wish.name != kept.name {
            let names = [&kept.name, &wish.name].map(|name| name.as_ref().map(DatasetName::as_str));
            let changes = Change::dataset_name(&kept.dataset, names[0], names[1]).to_vec();
            self.history.push(HistoryEntry { action: Action::DatasetRename, changes, ..entry });
            kept.name = wish.name;
        }
        kept.clone()
    }
}
