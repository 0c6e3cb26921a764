//! Connection tests beside the official drivers, in one run.
//!
//! Test and driver take turns, A B A B …, so that a machine that drifts drifts for both; what counts
//! are the ratios of the medians.
//!
//! - *fresh*: connect, log in, ask what the test asks (the smallest query, the version, the right to
//!   the database), close. A driver is opened for one connection and shut down each time. What it
//!   does besides by its nature counts: that of MongoDB watches the server over a connection of its
//!   own, that of Cassandra reads the topology over one.
//! - *reuse*: the test of a session that an earlier one left open, beside one round trip of the
//!   driver's smallest query on a connection that is open.
//!
//! The servers are those of `scripts/databases`, in plain text on both sides. Both sides must
//! succeed each time.

mod drivers;
mod ours;

use ours::Tester;
use std::time::{Duration, Instant};

/// Turns of each side; a login of Cassandra takes a tenth of a second by design.
const FRESH: usize = 40;
const AGAIN: usize = 400;

const GOAL_FRESH: f64 = 1.0;
const GOAL_REUSE: f64 = 1.5;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    println!("Medians of {FRESH} fresh tests and {AGAIN} reused ones, in milliseconds.\n");
    println!(
        "| server | driver | fresh | driver | ratio ≤ {GOAL_FRESH:.1} | reuse | round trip | ratio ≤ {GOAL_REUSE:.1} |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let tester = Tester::new()?;
    for server in &ours::SERVERS {
        let failed = |error: Failure| format!("{}: {error}", server.name);
        let fresh = fresh(&tester, server).await.map_err(failed)?;
        let again = again(&tester, server).await.map_err(failed)?;
        println!("| {} | {} | {} | {} |", server.name, server.driver, fresh.row(), again.row());
    }
    Ok(())
}

/// Times of both sides.
struct Pair {
    ours: Vec<Duration>,
    theirs: Vec<Duration>,
}

impl Pair {
    fn row(mut self) -> String {
        let [ours, theirs] = [&mut self.ours, &mut self.theirs].map(|times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e3
        });
        format!("{ours:.3} | {theirs:.3} | {:.2}", ours / theirs)
    }
}

async fn timed<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<Duration, Failure> {
    let begun = Instant::now();
    work.await?;
    Ok(begun.elapsed())
}

async fn fresh(tester: &Tester, server: &ours::Server) -> Result<Pair, Failure> {
    let spec = server.spec();
    let driver = async || {
        let mut open = drivers::open(server.driver, &spec).await?;
        open.ask_all().await?;
        open.close().await
    };
    // What is cold the first time is not what is compared.
    tester.fresh(&spec).await?;
    driver().await?;
    let mut pair = Pair { ours: Vec::new(), theirs: Vec::new() };
    for _ in 0..FRESH {
        pair.ours.push(timed(tester.fresh(&spec)).await?);
        pair.theirs.push(timed(driver()).await?);
    }
    Ok(pair)
}

async fn again(tester: &Tester, server: &ours::Server) -> Result<Pair, Failure> {
    let spec = server.spec();
    let mut open = drivers::open(server.driver, &spec).await?;
    tester.keep(server, &spec).await?;
    open.ask().await?;
    let mut pair = Pair { ours: Vec::new(), theirs: Vec::new() };
    for _ in 0..AGAIN {
        pair.ours.push(timed(tester.again(server, &spec)).await?);
        pair.theirs.push(timed(open.ask()).await?);
    }
    open.close().await?;
    Ok(pair)
}
