//! What is declared of a datastore, and what its connection tests observed.

use crate::Error;
use crate::datastores::Located;
use crate::permission::{Granted, ReadDatastores};
use crate::registry::Registry;
use datastore_domain::{Check, CheckSummary, DatastoreId, PageRequest, Profile, Status, Window};

/// Figures of one datastore over one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// The datastore.
    pub id: DatastoreId,
    /// State by the last check.
    pub status: Status,
    /// The window.
    pub window: Window,
    /// What its owner declares.
    pub declared: Profile,
    /// What was observed in the window.
    pub observed: CheckSummary,
    /// The last check ever.
    pub last_check: Option<Check>,
    /// Datasets that live in it.
    pub assigned_datasets: u64,
}

impl Registry {
    /// The performance of a datastore.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn performance(
        &self,
        _granted: &Granted<ReadDatastores>,
        located: Located,
        window: Window,
    ) -> Result<Performance, Error> {
        let datastore = located.into_datastore();
        let id = datastore.id;
        let from = self.ports.clock.now().plus_seconds(-window.seconds());
        let checks = self.ports.checks.since(id, from).await?;
        let last_check = match checks.last() {
            Some(check) => Some(*check),
            None => self.ports.checks.last(id).await?,
        };
        let status = match last_check {
            None => Status::Unknown,
            Some(Check { failure: None, .. }) => Status::Up,
            Some(_) => Status::Down,
        };
        let count_only = PageRequest { page: 1, size: 1 };
        let assigned = self.ports.assignments.current(id, count_only).await?;
        // A page by number always has a count.
        let assigned_datasets = assigned.count.unwrap_or_default();
        let observed = CheckSummary::of(&checks, window);
        let declared = datastore.profile;
        Ok(Performance { id, status, window, declared, observed, last_check, assigned_datasets })
    }
}
