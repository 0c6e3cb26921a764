//! Answers on their way to clients, and how many bytes of them there are.

use crate::connection::Exchange;
use crate::problem::{Kind, Problem};
use crate::running::InHand;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::web::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Answers of up to this size always go out: nothing that has changed something is longer, and a
/// client must not be told 503 of a change that was made.
const ALWAYS: usize = 64 * 1024;

/// How much of an answer the framework gets at once, and copies.
const PIECE: usize = 64 * 1024;

/// Rows that pages are made of at the same time. They are read, and rendered, before the size of
/// an answer is known; a row takes up to 60 KB in either form.
const ROWS: u32 = 1000;

/// How long a page waits for its turn.
const TURN: Duration = Duration::from_secs(1);

/// The answers of all workers.
#[derive(Debug)]
pub(crate) struct Answers {
    unsent: Arc<AtomicUsize>,
    most_unsent: usize,
    rows: Semaphore,
}

impl Answers {
    pub(crate) fn new(most_unsent: usize) -> Self {
        Self { unsent: Arc::default(), most_unsent, rows: Semaphore::new(ROWS as usize) }
    }

    /// The turn of a page of `rows` to be made, until what is returned is dropped.
    pub(crate) async fn turn(&self, rows: u32) -> Result<SemaphorePermit<'_>, Problem> {
        let turn = self.rows.acquire_many(rows.min(ROWS));
        match actix_web::rt::time::timeout(TURN, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            // It is never closed.
            Ok(Err(_)) | Err(_) => {
                let detail = "Too many pages are being made; try again, or ask for smaller ones.";
                Err(Problem::new(Kind::Overloaded, detail))
            }
        }
    }

    /// Counts an answer in, unless there is no room for it.
    fn count(&self, bytes: usize, refusable: bool) -> Result<Unsent, Problem> {
        let unsent = Unsent { counter: self.unsent.clone(), bytes };
        let before = self.unsent.fetch_add(bytes, Ordering::Relaxed);
        if refusable && bytes > ALWAYS && before + bytes > self.most_unsent {
            let detail = "Too many large answers are on their way; try again.";
            return Err(Problem::new(Kind::Overloaded, detail));
        }
        Ok(unsent)
    }

    /// Prepares a body for the way to the client.
    ///
    /// # Errors
    ///
    /// When a read is answered at length while too much is on the way.
    pub(crate) fn admit(&self, method: &Method, body: BoxBody) -> Result<Outgoing, Problem> {
        let mut outgoing = Outgoing::from(body);
        outgoing.unsent = match &outgoing.body {
            // A text that others hold as well, such as a constant, takes no room of its own.
            Ok(bytes) if bytes.is_unique() && *method != Method::HEAD => {
                Some(self.count(bytes.len(), *method == Method::GET)?)
            }
            _ => None,
        };
        Ok(outgoing)
    }
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
struct Unsent {
    counter: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What ends with the request: its part of the connection's time, and its place among those in hand.
pub(crate) type Ending = (Option<Exchange>, Option<InHand>);

/// A body on its way, dropped when all of it is written.
pub(crate) struct Outgoing {
    size: BodySize,
    body: Result<Bytes, BoxBody>,
    unsent: Option<Unsent>,
    _ending: Option<Ending>,
}

impl From<BoxBody> for Outgoing {
    fn from(body: BoxBody) -> Self {
        let size = body.size();
        Self { size, body: body.try_into_bytes(), unsent: None, _ending: None }
    }
}

impl Outgoing {
    /// The end of this body is the end of the exchange.
    pub(crate) fn ending(self, ending: Ending) -> Self {
        Self { _ending: Some(ending), ..self }
    }
}

impl MessageBody for Outgoing {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match &mut self.get_mut().body {
            Ok(rest) if rest.is_empty() => Poll::Ready(None),
            Ok(rest) => Poll::Ready(Some(Ok(rest.split_to(rest.len().min(PIECE))))),
            Err(stream) => Pin::new(stream).poll_next(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn t32_pages_are_made_a_few_at_a_time() {
        let answers = Answers::new(usize::MAX);
        let first = answers.turn(500).await.expect("a turn");
        let _second = answers.turn(499).await.expect("a turn");
        let _third = answers.turn(1).await.expect("a turn");
        let refused = answers.turn(1).await.expect_err("too many rows");
        assert_eq!(refused.kind, Kind::Overloaded);
        drop(first);
        let _fourth = answers.turn(500).await.expect("a turn");
    }
}
