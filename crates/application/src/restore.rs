//! Bring deleted datastores back.

use crate::Error;
use crate::datastores::{ROUNDS, check_expectation};
use crate::history::LocatedAny;
use crate::permission::{Granted, RestoreDatastores};
use crate::registry::{Registry, entry};
use crate::view::DatastoreView;
use datastore_domain::{Action, Version};
use datastore_ports::RepositoryError;

impl Registry {
    /// Brings a deleted datastore back as it was; one that lives stays as it is.
    ///
    /// `expected` holds the versions that the caller allows to be restored, or to live already;
    /// `None` allows any.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`], [`Error::NameTaken`] when another datastore has the name meanwhile, [`Error::NotFound`],
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn restore(
        &self,
        granted: &Granted<RestoreDatastores>,
        located: LocatedAny,
        expected: Option<&[Version]>,
    ) -> Result<DatastoreView, Error> {
        let id = located.id();
        let details = granted.sees_connection_details();
        let _turn = self.turns.of(id).await?;
        for _ in 0..ROUNDS {
            let current = self.find_any(id).await?;
            check_expectation(&current, expected)?;
            let Ok(restored) = current.restore(self.ports.clock.now()) else {
                return Ok(DatastoreView::new(current, details));
            };
            let subject = Some((id, Some(restored.version)));
            let entry = entry(granted, restored.updated_at, Action::Restore, subject, Vec::new());
            match self.ports.datastores.restore(&restored, current.version, entry).await {
                Ok(()) => return Ok(DatastoreView::new(restored, details)),
                // Somebody else restored it meanwhile, and may have changed it since.
                Err(RepositoryError::VersionConflict | RepositoryError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RepositoryError::VersionConflict.into())
    }
}
