//! The requests in hand, for the log of a stop that cuts them.

use datastore_domain::RequestId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The requests in hand, of all workers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<Vec<Worker>>>);

/// Those of one worker, whose lock nobody else waits for until the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worker(Arc<Mutex<Requests>>);

#[derive(Debug, Default)]
struct Requests {
    ids: HashMap<u64, RequestId>,
    next: u64,
}

/// A request that is in hand until this is dropped: when its answer is written, or it was cut.
#[derive(Debug)]
pub(crate) struct InHand {
    worker: Worker,
    number: u64,
}

impl Running {
    /// The place of another worker.
    pub(crate) fn of_worker(&self) -> Worker {
        let worker = Worker::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker.clone());
        worker
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> Vec<String> {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = |worker: &Worker| {
            let requests = worker.0.lock().unwrap_or_else(PoisonError::into_inner);
            requests.ids.values().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
        };
        workers.iter().flat_map(ids).collect()
    }
}

impl Worker {
    /// A request is in hand.
    pub(crate) fn begin(&self, id: RequestId) -> InHand {
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = requests.next;
        requests.next += 1;
        requests.ids.insert(number, id);
        InHand { worker: self.clone(), number }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let mut requests = self.worker.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.ids.remove(&self.number);
    }
}
