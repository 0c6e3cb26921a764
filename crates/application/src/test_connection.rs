//! Test whether a datastore can be reached.

use crate::datastores::Located;
use crate::permission::{Caller, Granted, TestConnections};
use crate::registry::{Registry, entry_of};
use crate::{Error, secrets};
use datastore_domain::{
    Action, Change, Check, ConnectSpec, DatastoreId, FailureCode, HistoryEntry, ProbeReport,
};
use datastore_ports::ConnectionTest;
use std::time::Duration;

impl Registry {
    /// Tests the connection of a datastore by a fresh handshake. The result is recorded for its
    /// performance, unless the network policy forbade the test, and in the audit.
    ///
    /// The test runs to its end and is recorded even when the caller leaves.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::ProbeCapacityExceeded`], [`Error::ProbeCancelled`];
    /// [`Error::Unavailable`] also when the test cannot be recorded, as no test goes without a
    /// trace; [`Error::Internal`] when the stored secret does not open. A test that ran and failed
    /// is no error; one that did not run is not recorded.
    pub async fn test_connection(
        &self,
        granted: &Granted<TestConnections>,
        located: &Located,
        deadline: Duration,
    ) -> Result<ProbeReport, Error> {
        // What was located may be old by now, and its secret must not be used any more then.
        let datastore = self.find(located.id()).await?;
        let target = secrets::open(&*self.ports.cipher, &datastore)?;
        let spec = target.connect_spec(datastore.profile.classification.system());
        let (registry, caller) = (self.clone(), granted.caller().clone());
        to_its_end(async move {
            let report = registry.probe(&caller, spec, deadline).await?;
            registry.record(&caller, datastore.id, &report).await?;
            Ok(report)
        })
        .await
    }

    async fn probe(
        &self,
        caller: &Caller,
        spec: ConnectSpec,
        deadline: Duration,
    ) -> Result<ProbeReport, Error> {
        let test = ConnectionTest { spec, deadline, token: caller.actor.token };
        Ok(self.ports.tester.test(test).await?)
    }

    /// Records the test of a datastore as it is stored.
    async fn record(
        &self,
        caller: &Caller,
        datastore: DatastoreId,
        report: &ProbeReport,
    ) -> Result<(), Error> {
        let entry = self.test_entry(caller, Some(datastore), report, Vec::new());
        let failure = report.result.as_ref().err().map(|f| (f.step, f.code));
        if let Some((_, FailureCode::BlockedByPolicy)) = failure {
            // It says nothing about the datastore.
            return Ok(self.ports.history.record(entry).await?);
        }
        let check = Check { at: entry.at, failure, response_time_ms: report.response_time_ms };
        Ok(self.ports.checks.record(datastore, check, entry).await?)
    }

    /// What the audit holds of a test: its outcome, and what else there is to say `about` it.
    fn test_entry(
        &self,
        caller: &Caller,
        datastore: Option<DatastoreId>,
        report: &ProbeReport,
        mut about: Vec<Change>,
    ) -> HistoryEntry {
        let outcome = report.result.as_ref().err().map_or("success", |f| f.code.as_str());
        let datastore_id = datastore.map(DatastoreId::get);
        tracing::info!(datastore_id, outcome, "connection tested");
        about.push(Change::text("outcome", None, Some(outcome)));
        let subject = datastore.map(|id| (id, None));
        entry_of(caller, self.ports.clock.now(), Action::ConnectionTest, subject, about)
    }
}

/// Runs `work` to its end, also when whoever waits for it leaves.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    // The error of a panic quotes the panic, and that what was being worked on.
    let cut_short = |_| Error::Internal("a connection test was cut short".into());
    tokio::spawn(work).await.map_err(cut_short)?
}
