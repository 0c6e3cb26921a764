//! Test whether a datastore can be reached.

use crate::datastores::Located;
use crate::permission::{Granted, TestConnections};
use crate::registry::Registry;
use crate::{Error, secrets};
use datastore_domain::{Check, FailureCode, ProbeReport};
use std::time::Duration;

impl Registry {
    /// Tests the connection of a datastore by a fresh handshake and records the result, unless the
    /// network policy forbade the test.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::ProbeCapacityExceeded`], [`Error::ProbeCancelled`],
    /// [`Error::Unavailable`], [`Error::Internal`] when the stored secret does not open. A test that
    /// ran and failed is no error; one that was cancelled is not recorded.
    pub async fn test_connection(
        &self,
        _granted: &Granted<TestConnections>,
        located: &Located,
        deadline: Duration,
    ) -> Result<ProbeReport, Error> {
        // What was located may be old by now, and its secret must not be used any more then.
        let datastore = self.find(located.id()).await?;
        let target = secrets::open(&*self.ports.cipher, &datastore)?;
        let spec = target.connect_spec(datastore.profile.classification.system());
        let report = self.ports.tester.test(spec, deadline).await?;
        let failure = report.result.as_ref().err().map(|f| (f.step, f.code));
        let outcome = failure.map_or("success", |(_, code)| code.as_str());
        tracing::info!(datastore_id = datastore.id.get(), outcome, "connection tested");
        if !matches!(failure, Some((_, FailureCode::BlockedByPolicy))) {
            let at = self.ports.clock.now();
            let check = Check { at, failure, response_time_ms: report.response_time_ms };
            self.ports.checks.record(datastore.id, check).await?;
        }
        Ok(report)
    }
}
