//! Test connections before they are stored.

use crate::permission::Caller;
use crate::registry::Registry;
use crate::test_connection::{DEFAULT_DEADLINE, Order, Tested};
use crate::{Error, secrets};
use datastore_domain::{ConnectSpec, Datastore, DatastoreId, Revision, SecretPlan};

/// Which writes have the connection tested before they are stored. One that changes nothing never
/// has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// None.
    Never,
    /// Those that change how the datastore is reached.
    NewConnections,
    /// All.
    Always,
}

impl Registry {
    /// What has to be tested before the revision is stored.
    pub(crate) fn to_verify(
        &self,
        verify: Verify,
        current: &Datastore,
        revision: &Revision,
    ) -> Result<Option<ConnectSpec>, Error> {
        let is_same =
            matches!(&revision.connection, SecretPlan::Keep(k) if *k == current.connection);
        if verify == Verify::Never || (verify == Verify::NewConnections && is_same) {
            return Ok(None);
        }
        let system = revision.profile.classification.system();
        let spec = match &revision.connection {
            SecretPlan::Seal(target) => target.connect_spec(system),
            SecretPlan::Keep(kept) => {
                secrets::open(&*self.ports.cipher, current.record, system, kept)?
                    .connect_spec(system)
            }
        };
        Ok(Some(spec))
    }

    /// Tests what is to be stored.
    ///
    /// # Errors
    ///
    /// [`Error::ConnectionFailed`] with what the test found; otherwise as
    /// [`Registry::test_connection`].
    pub(crate) async fn verify(
        &self,
        caller: &Caller,
        datastore: Option<DatastoreId>,
        spec: ConnectSpec,
    ) -> Result<(), Error> {
        let (caller, tested, deadline) = (caller.clone(), Tested::NotSaved, DEFAULT_DEADLINE);
        let report = self.run(Order { caller, tested, datastore, spec, deadline }).await?;
        match report.result {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::ConnectionFailed(Box::new(report))),
        }
    }
}
