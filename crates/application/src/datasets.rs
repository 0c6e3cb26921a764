//! Assign datasets to datastores, release and list them.

use crate::Error;
use crate::datastores::Located;
use crate::permission::{AssignDatasets, Granted, ReadDatastores};
use crate::registry::{Registry, entry};
use datastore_domain::{Action, Assignment, Change, DatasetId, DatasetName, PageRequest};
use datastore_ports::{AssignOutcome, Page};

/// A wish to assign a dataset.
#[derive(Clone, Debug)]
pub struct AssignRequest {
    /// The dataset.
    pub dataset: DatasetId,
    /// Its name, for people.
    pub name: Option<DatasetName>,
    /// Whether to take it away from the datastore that it lives in.
    pub move_here: bool,
}

impl Registry {
    /// Assigns a dataset to a datastore; doing so again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Inactive`], [`Error::AssignedElsewhere`],
    /// [`Error::Unavailable`].
    pub async fn assign(
        &self,
        granted: &Granted<AssignDatasets>,
        located: &Located,
        request: AssignRequest,
    ) -> Result<AssignOutcome, Error> {
        let id = located.id();
        let at = self.ports.clock.now();
        let change = Change::text("dataset_id", None, Some(request.dataset.as_str()));
        let entry = entry(granted, at, Action::Assign, Some((id, None)), vec![change]);
        let assigned_by = granted.caller().actor.name.clone();
        let assignment = Assignment {
            dataset: request.dataset,
            name: request.name,
            assigned_at: at,
            assigned_by,
        };
        Ok(self.ports.assignments.assign(id, assignment, request.move_here, entry).await?)
    }

    /// Ends the assignment of a dataset to a datastore.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when it is not assigned here, [`Error::Unavailable`].
    pub async fn release(
        &self,
        granted: &Granted<AssignDatasets>,
        located: &Located,
        dataset: &DatasetId,
    ) -> Result<(), Error> {
        let id = located.id();
        let at = self.ports.clock.now();
        let change = Change::text("dataset_id", Some(dataset.as_str()), None);
        let entry = entry(granted, at, Action::Release, Some((id, None)), vec![change]);
        Ok(self.ports.assignments.release(id, dataset, at, entry).await?)
    }

    /// The datasets that live in a datastore.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn current_datasets(
        &self,
        _granted: &Granted<ReadDatastores>,
        located: &Located,
        page: PageRequest,
    ) -> Result<Page<Assignment>, Error> {
        Ok(self.ports.assignments.current(located.id(), page).await?)
    }
}
