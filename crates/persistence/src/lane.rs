//! Bounded lanes for blocking work: a lane that is full answers at once and starves no other.

use crate::error::{Reason, unavailable};
use datastore_ports::{RepositoryError, StorageBusy};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

/// How long after its deadline work is awaited: it ends itself where it can, and says more.
const GRACE: Duration = Duration::from_millis(500);

/// Runs blocking work on tokio's blocking threads, `width` pieces at a time.
pub(crate) struct Lane {
    slots: Arc<Semaphore>,
    queue: Semaphore,
    patience: Duration,
}

impl Lane {
    /// A lane where up to `queue` callers wait, each for at most `patience`.
    pub(crate) fn new(width: usize, queue: usize, patience: Duration) -> Self {
        Self { slots: Arc::new(Semaphore::new(width)), queue: Semaphore::new(queue), patience }
    }

    /// Runs `work` to its end, also when the caller goes away meanwhile: a write that has begun is
    /// not cut off, and keeps its slot. The caller waits until `deadline`, and a little for work
    /// that heeds it too; then the answer is what `late` makes of it.
    pub(crate) async fn run<T, E>(
        &self,
        deadline: Instant,
        late: fn(Reason) -> RepositoryError,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let slot = self.slot(deadline).await?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        });
        match timeout_at((deadline + GRACE).into(), done).await {
            Ok(Ok(result)) => result,
            // The error of a panic quotes the panic, and that what was being worked on.
            Ok(Err(error)) if error.is_panic() => {
                Err(RepositoryError::Internal(Box::new(Reason("a query panicked"))).into())
            }
            Ok(Err(error)) => Err(unavailable(error).into()),
            Err(_) => Err(late(Reason("the database did not answer in time")).into()),
        }
    }

    async fn slot(
        &self,
        deadline: Instant,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, RepositoryError> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Ok(slot);
        }
        let _place = self.queue.try_acquire().map_err(|_| unavailable(StorageBusy))?;
        let until = deadline.min(Instant::now() + self.patience);
        match timeout_at(until.into(), self.slots.clone().acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(unavailable(StorageBusy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    type Outcome = Result<(), RepositoryError>;

    fn nothing() -> Outcome {
        Ok(())
    }

    async fn run(lane: &Lane, work: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
        lane.run(Instant::now() + Duration::from_secs(60), unavailable, work).await
    }

    /// Takes the lane's only slot; it is free again when the sender is dropped.
    async fn occupy(lane: &Arc<Lane>) -> (tokio::task::JoinHandle<Outcome>, mpsc::Sender<()>) {
        let (end, ended) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let lane = lane.clone();
        let work = tokio::spawn(async move {
            let work = move || {
                begin.send(()).expect("the test waits");
                let _ = ended.recv();
                nothing()
            };
            run(&lane, work).await
        });
        begun.await.expect("the work begins");
        (work, end)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t41_a_full_lane_answers_at_once_and_recovers() {
        let lane = Arc::new(Lane::new(1, 1, Duration::from_secs(60)));
        let (first, end) = occupy(&lane).await;
        let second = tokio::spawn({
            let lane = lane.clone();
            async move { run(&lane, nothing).await }
        });
        while lane.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let third = run(&lane, nothing).await;
        assert!(
            matches!(&third, Err(RepositoryError::Unavailable(why)) if why.is::<StorageBusy>()),
            "{third:?}"
        );
        drop(end);
        assert!(first.await.expect("joins").is_ok());
        assert!(second.await.expect("joins").is_ok());
        assert!(run(&lane, nothing).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waiting_ends() {
        let lane = Arc::new(Lane::new(1, 8, Duration::from_millis(20)));
        let (busy, end) = occupy(&lane).await;
        let waited = run(&lane, nothing).await;
        assert!(matches!(waited, Err(RepositoryError::Unavailable(_))), "{waited:?}");
        drop(end);
        assert!(busy.await.expect("joins").is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t41_nobody_waits_beyond_the_deadline_and_the_work_keeps_its_slot() {
        let lane = Arc::new(Lane::new(1, 8, Duration::from_secs(60)));
        let (end, ended) = mpsc::channel::<()>();
        let deadline = Instant::now() + Duration::from_millis(10);
        let work = move || {
            let _ = ended.recv();
            nothing()
        };
        let late = lane.run(deadline, crate::error::outcome_unknown, work).await;
        assert!(matches!(late, Err(RepositoryError::OutcomeUnknown(_))), "{late:?}");
        let deadline = Instant::now() + Duration::from_millis(10);
        let busy = lane.run(deadline, unavailable, nothing).await;
        assert!(matches!(busy, Err(RepositoryError::Unavailable(_))), "{busy:?}");
        drop(end);
        assert!(run(&lane, nothing).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t46_a_panic_is_an_error_and_gives_its_slot_back() {
        let lane = Lane::new(1, 8, Duration::from_secs(1));
        let work = || -> Outcome { panic!("on purpose") };
        let failed = run(&lane, work).await.expect_err("it panicked");
        assert!(matches!(failed, RepositoryError::Internal(_)), "{failed:?}");
        assert!(!format!("{failed:?}").contains("on purpose"), "{failed:?}");
        assert!(run(&lane, nothing).await.is_ok());
    }
}
