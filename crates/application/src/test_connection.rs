//! Test whether a datastore can be reached.

use crate::datastores::Located;
use crate::permission::{Caller, Granted, TestConnections};
use crate::registry::{Registry, entry_of};
use crate::shared::Same;
use crate::{Error, secrets};
use datastore_domain::{
    Action, CandidateLogin, Change, Check, ConnectSpec, Datastore, DatastoreFields, DatastoreId,
    Draft, Endpoint, FailureCode, HistoryEntry, ProbeReport,
};
use datastore_ports::{ConnectionTest, RepositoryError, SessionKey};
use std::time::Duration;

/// How long a test may take unless told otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// What is tested, as the audit calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tested {
    /// A datastore as it is stored.
    Saved,
    /// A stored datastore with another login.
    CandidateLogin,
    /// A datastore as it is not stored, or not yet.
    NotSaved,
}

/// A test that somebody asks for.
pub(crate) struct Order {
    pub(crate) caller: Caller,
    pub(crate) tested: Tested,
    pub(crate) datastore: Option<DatastoreId>,
    pub(crate) spec: ConnectSpec,
    pub(crate) deadline: Duration,
}

impl Order {
    fn test(&self, reuse: Option<SessionKey>) -> ConnectionTest {
        let token = self.caller.actor.token;
        ConnectionTest { spec: self.spec.clone(), deadline: self.deadline, token, reuse }
    }
}

impl Registry {
    /// Tests the connection of a datastore: by a fresh handshake, or with `reuse` over the session
    /// that an earlier such test left open, which shows that the server answers and not that the
    /// login is still good. The result is recorded for its performance, unless the network policy
    /// forbade the test, and in the audit.
    ///
    /// Callers who ask for the same test at the same time share one, which is recorded once for its
    /// performance, and for each of them in the audit.
    ///
    /// Every test runs to its end and is recorded even when the caller leaves.
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
        reuse: bool,
    ) -> Result<ProbeReport, Error> {
        let (Datastore { id, record, version, .. }, spec) = self.stored(located).await?;
        let same = Same { datastore: id, version, deadline, reuse };
        let reuse = reuse.then_some(SessionKey { record, version });
        let (caller, datastore) = (granted.caller().clone(), Some(id));
        let order = Order { caller, tested: Tested::Saved, datastore, spec, deadline };
        let registry = self.clone();
        to_its_end(async move {
            let test = registry.ports.tester.test(order.test(reuse));
            let (report, ran) = registry.shared.run(same, test).await?;
            // What a test found wrong is not told as right by a session from before.
            if report.result.is_err() {
                registry.ports.tester.forget(record);
            }
            if ran {
                registry.record(&order, &report).await?;
            } else {
                registry.record_in_audit(&order, &report).await?;
            }
            Ok(report)
        })
        .await
    }

    /// Tests a datastore with a login that is not stored, in place of the one that is: where it is
    /// reached stays as it is stored. Recorded in the audit alone.
    ///
    /// # Errors
    ///
    /// As [`Registry::test_connection`].
    pub async fn test_login(
        &self,
        granted: &Granted<TestConnections>,
        located: &Located,
        login: CandidateLogin,
        deadline: Duration,
    ) -> Result<ProbeReport, Error> {
        let (datastore, spec) = self.stored(located).await?;
        let (caller, datastore) = (granted.caller().clone(), Some(datastore.id));
        let spec = spec.with_login(login);
        self.run(Order { caller, tested: Tested::CandidateLogin, datastore, spec, deadline }).await
    }

    /// Tests a datastore that is not stored, from the members that would create it. Recorded in the
    /// audit alone.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]; otherwise as [`Registry::test_connection`].
    pub async fn test_unsaved(
        &self,
        granted: &Granted<TestConnections>,
        fields: &DatastoreFields,
        deadline: Duration,
    ) -> Result<ProbeReport, Error> {
        let spec = Draft::new(fields, self.tls_minimum)?.connect_spec();
        let caller = granted.caller().clone();
        self.run(Order { caller, tested: Tested::NotSaved, datastore: None, spec, deadline }).await
    }

    /// A datastore and how it is reached. What was located may be old by now, and its secret must
    /// not be used any more then.
    async fn stored(&self, located: &Located) -> Result<(Datastore, ConnectSpec), Error> {
        let datastore = self.find(located.id()).await?;
        let system = datastore.profile.classification.system();
        let cipher = &*self.ports.cipher;
        let target = secrets::open(cipher, datastore.record, system, &datastore.connection)?;
        let spec = target.connect_spec(system);
        Ok((datastore, spec))
    }

    /// Runs a test and records it.
    pub(crate) async fn run(&self, order: Order) -> Result<ProbeReport, Error> {
        let registry = self.clone();
        to_its_end(async move {
            let report = registry.ports.tester.test(order.test(None)).await?;
            registry.record(&order, &report).await?;
            Ok(report)
        })
        .await
    }

    async fn record(&self, order: &Order, report: &ProbeReport) -> Result<(), Error> {
        let failure = report.result.as_ref().err().map(|f| (f.step, f.code));
        // A test that was blocked says nothing about the datastore.
        let blocked = matches!(failure, Some((_, FailureCode::BlockedByPolicy)));
        let (Tested::Saved, Some(datastore), false) = (order.tested, order.datastore, blocked)
        else {
            return self.record_in_audit(order, report).await;
        };
        let entry = self.test_entry(order, report);
        let response_time_ms = report.response_time_ms;
        let check = Check { at: entry.at, failure, response_time_ms };
        self.ports.checks.record(datastore, check, entry).await.map_err(not_recorded)
    }

    async fn record_in_audit(&self, order: &Order, report: &ProbeReport) -> Result<(), Error> {
        let entry = self.test_entry(order, report);
        self.ports.history.record(entry).await.map_err(not_recorded)
    }

    fn test_entry(&self, order: &Order, report: &ProbeReport) -> HistoryEntry {
        let outcome = report.result.as_ref().err().map_or("success", |f| f.code.as_str());
        let datastore_id = order.datastore.map(DatastoreId::get);
        tracing::info!(datastore_id, outcome, "connection tested");
        let mut about = about(order.tested, &order.spec);
        about.push(Change::text("outcome", None, Some(outcome)));
        let subject = order.datastore.map(|id| (id, None));
        entry_of(&order.caller, self.ports.clock.now(), Action::ConnectionTest, subject, about)
    }
}

/// Nothing is changed that could be half done: at most the trace of the test is there twice when it
/// is run again.
fn not_recorded(error: RepositoryError) -> Error {
    match error {
        RepositoryError::OutcomeUnknown(cause) => Error::Unavailable(cause),
        other => other.into(),
    }
}

/// What was tested, where, and as whom.
fn about(tested: Tested, spec: &ConnectSpec) -> Vec<Change> {
    let what = match tested {
        Tested::Saved => "saved",
        Tested::CandidateLogin => "candidate_login",
        Tested::NotSaved => "not_saved",
    };
    let endpoints: Vec<_> = spec.endpoints.iter().map(Endpoint::to_string).collect();
    let username = spec.credentials.as_ref().and_then(|login| login.username.as_ref());
    let texts = [
        ("tested", Some(what)),
        ("target", Some(&*endpoints.join(","))),
        ("username", username.map(|username| username.as_str())),
    ];
    let named = texts.into_iter().filter(|(_, text)| text.is_some());
    named.map(|(member, text)| Change::text(member, None, text)).collect()
}

/// Runs `work` to its end, also when whoever waits for it leaves.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    // The error of a panic quotes the panic, and that what was being worked on.
    let cut_short = |_| Error::Internal("a connection test was cut short".into());
    tokio::spawn(work).await.map_err(cut_short)?
}
