//! Requests a second of the API against bare peers, in one run.
//!
//! Server and peers run one after the other on the same core, the client on another, in rounds
//! A B C, A B C, … so that a machine that drifts drifts for all. What counts are the ratios.
//!
//! - *same look-ups*: a bare actix handler that makes the two look-ups of the request (token, then
//!   datastore or page) through the same pool, and answers the same bytes, prepared beforehand.
//! - *none*: a bare actix handler that answers the same bytes.
//! - *storage alone*: the same rows, sealed beforehand, inserted by as many tasks as there are
//!   clients, through the same pool, without HTTP.
//!
//! All of it on SQLite and on PostgreSQL: the one of `scripts/databases`, which does not wait for
//! the disk, so that its `create` tells of the API's cost and not of a durable commit's.

#![expect(clippy::print_stdout, reason = "the table is the point of this program")]

#[path = "throughput/load.rs"]
mod load;
#[path = "throughput/peers.rs"]
mod peers;
#[path = "throughput/setup.rs"]
mod setup;

use load::Measured;
use setup::World;
use std::fmt;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
const CLIENTS: usize = 32;

fn main() {
    setup::log_to_nowhere();
    let [sqlite, postgres] = [World::sqlite(), World::postgres()].map(|world| measure(&world));
    println!(
        "{CLIENTS} clients, {ROUNDS} rounds of {ROUND:?} each; medians of requests/s (p99 in ms)\n"
    );
    println!("| request | peer | goal | SQLite | peer | ratio | PostgreSQL | peer | ratio |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (sqlite, postgres) in sqlite.iter().zip(&postgres) {
        let Comparison { request, peer, goal, .. } = sqlite;
        println!("| {request} | {peer} | {goal} | {sqlite} | {postgres} |");
    }
}

/// A request against a peer, as medians of the rounds.
struct Comparison {
    request: &'static str,
    peer: &'static str,
    goal: &'static str,
    api: Measured,
    other: Measured,
    ratio: f64,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {:.2}", self.api, self.other, self.ratio)
    }
}

fn measure(world: &World) -> Vec<Comparison> {
    let api = world.serve_api();
    let same_lookups = world.serve_peer(api, peers::Work::Lookups);
    let none = world.serve_peer(api, peers::Work::None);
    let mut found = Vec::new();
    for (name, path) in [("detail", world.detail_path()), ("list of 50", world.list_path())] {
        let request = world.get(&path);
        let mut rounds: Vec<[Measured; 3]> = Vec::new();
        for _ in 0..ROUNDS {
            let measure = |address| load::run(address, CLIENTS, ROUND, |_| request.clone());
            rounds.push([measure(api), measure(same_lookups), measure(none)]);
        }
        found.push(compare(name, "bare, same look-ups", &rounds, 1, "≥ 0.80"));
        found.push(compare(name, "bare, none", &rounds, 2, "near 0.50"));
    }
    let mut rounds: Vec<[Measured; 2]> = Vec::new();
    for round in 0..ROUNDS {
        let create = |number| world.post(&format!("bench {round} {number}"));
        let api = load::run(api, CLIENTS, ROUND, create);
        rounds.push([api, world.insert_alone(CLIENTS, ROUND, round)]);
    }
    found.push(compare("create", "storage alone", &rounds, 1, "≥ 0.70"));
    found
}

fn compare<const N: usize>(
    request: &'static str,
    peer: &'static str,
    rounds: &[[Measured; N]],
    at: usize,
    goal: &'static str,
) -> Comparison {
    let median = |get: &dyn Fn(&[Measured; N]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(get).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let medians = |at: usize| Measured {
        per_second: median(&|round| round[at].per_second),
        p99_ms: median(&|round| round[at].p99_ms),
    };
    let ratio = median(&|round| round[0].per_second / round[at].per_second);
    Comparison { request, peer, goal, api: medians(0), other: medians(at), ratio }
}
