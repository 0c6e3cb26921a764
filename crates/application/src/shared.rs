//! Tests of one datastore that run at the same time share one result.

use datastore_domain::{DatastoreId, ProbeReport, Version};
use datastore_ports::TestError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// What makes two tests the same. The version is part of it: what another one says of the
/// connection may be something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Same {
    pub(crate) datastore: DatastoreId,
    pub(crate) version: Version,
    pub(crate) deadline: Duration,
    pub(crate) reuse: bool,
}

type Running = Arc<OnceCell<ProbeReport>>;

/// The tests that run.
#[derive(Debug, Default)]
pub(crate) struct SharedTests(Mutex<HashMap<Same, Running>>);

impl SharedTests {
    /// The result of the same test that runs already, or that of `test`, which is run then and may
    /// be shared by others meanwhile; and whether it was run by this call. Whoever comes after its
    /// end runs another one.
    pub(crate) async fn run(
        &self,
        same: Same,
        test: impl Future<Output = Result<ProbeReport, TestError>> + Send,
    ) -> Result<(ProbeReport, bool), TestError> {
        let running = self.lock().entry(same).or_default().clone();
        let mut ran = false;
        let result = running
            .get_or_try_init(|| {
                ran = true;
                test
            })
            .await
            .cloned();
        let mut all = self.lock();
        if all.get(&same).is_some_and(|now| Arc::ptr_eq(now, &running)) {
            all.remove(&same);
        }
        Ok((result?, ran))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Same, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastore_domain::{ProbeDetails, Step, StepReport, Timestamp};
    use tokio::sync::oneshot;
    use tokio::task::{JoinHandle, yield_now};

    type Ended = Result<(ProbeReport, bool), TestError>;

    fn same(version: i64) -> Same {
        Same {
            datastore: DatastoreId::new(1).expect("positive"),
            version: Version::new(version).expect("positive"),
            deadline: Duration::from_secs(5),
            reuse: false,
        }
    }

    fn report(time: f64) -> ProbeReport {
        let connected_at = Timestamp::parse("2025-01-15T10:30:00Z").expect("a time");
        ProbeReport {
            result: Ok(ProbeDetails { server_version: None, database_name: None, connected_at }),
            response_time_ms: Some(time),
            steps: Step::ALL.map(|step| StepReport { step, outcome: None }),
            tls_used: None,
            password_required: None,
            reused: false,
        }
    }

    async fn ready(time: f64) -> Result<ProbeReport, TestError> {
        Ok(report(time))
    }

    /// Runs a test that ends when it is told how.
    fn start(
        shared: &Arc<SharedTests>,
        same: Same,
    ) -> (oneshot::Sender<Result<ProbeReport, TestError>>, JoinHandle<Ended>) {
        let (end, ended) = oneshot::channel();
        let shared = shared.clone();
        let run = async move { shared.run(same, async { ended.await.expect("told") }).await };
        (end, tokio::spawn(run))
    }

    #[tokio::test]
    async fn t47_who_comes_meanwhile_gets_the_result_of_the_same_version() {
        let shared = Arc::<SharedTests>::default();
        let (end, first) = start(&shared, same(1));
        yield_now().await;
        let (not_used, second) = start(&shared, same(1));
        yield_now().await;
        drop(not_used);
        // What is not the same runs by itself.
        let other = shared.run(same(2), ready(2.0)).await.expect("a result");
        assert_eq!(other, (report(2.0), true));
        end.send(Ok(report(1.0))).expect("it runs");
        assert_eq!(first.await.expect("ends").expect("a result"), (report(1.0), true));
        assert_eq!(second.await.expect("ends").expect("a result"), (report(1.0), false));
        let later = shared.run(same(1), ready(3.0)).await.expect("a result");
        assert_eq!(later, (report(3.0), true), "after its end a test is another one");
        assert!(shared.lock().is_empty());
    }

    #[tokio::test]
    async fn a_test_that_did_not_run_is_not_shared() {
        let shared = Arc::<SharedTests>::default();
        let (end, first) = start(&shared, same(1));
        yield_now().await;
        let (end_second, second) = start(&shared, same(1));
        end_second.send(Ok(report(2.0))).expect("it may run");
        yield_now().await;
        assert!(end.send(Err(TestError::CapacityExceeded)).is_ok());
        assert!(matches!(first.await.expect("ends"), Err(TestError::CapacityExceeded)));
        assert_eq!(second.await.expect("ends").expect("a result"), (report(2.0), true));
    }

    #[tokio::test]
    async fn one_that_is_cut_off_is_run_by_the_next() {
        let shared = Arc::<SharedTests>::default();
        let (_never, cut) = start(&shared, same(1));
        yield_now().await;
        let (end, second) = start(&shared, same(1));
        end.send(Ok(report(2.0))).expect("it may run");
        yield_now().await;
        cut.abort();
        assert_eq!(second.await.expect("ends").expect("a result"), (report(2.0), true));
    }
}
