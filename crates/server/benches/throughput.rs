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

#![expect(clippy::print_stdout, reason = "the table is the point of this program")]

#[path = "throughput/load.rs"]
mod load;
#[path = "throughput/peers.rs"]
mod peers;
#[path = "throughput/setup.rs"]
mod setup;

use load::Measured;
use setup::World;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
const CLIENTS: usize = 32;

fn main() {
    let world = World::new();
    let api = world.serve_api();
    let same_lookups = world.serve_peer(api, peers::Work::Lookups);
    let none = world.serve_peer(api, peers::Work::None);
    println!("{CLIENTS} clients, {ROUNDS} rounds of {ROUND:?} each; medians\n");
    println!("| request | requests/s | p99 ms | peer | requests/s | p99 ms | ratio | goal |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, path) in [("detail", world.detail_path()), ("list of 50", world.list_path())] {
        let request = world.get(&path);
        let mut rounds: Vec<[Measured; 3]> = Vec::new();
        for _ in 0..ROUNDS {
            let measure = |address| load::run(address, CLIENTS, ROUND, |_| request.clone());
            rounds.push([measure(api), measure(same_lookups), measure(none)]);
        }
        report(name, "bare, same look-ups", &rounds, 1, "≥ 0.80");
        report(name, "bare, none", &rounds, 2, "near 0.50");
    }
    let mut rounds: Vec<[Measured; 2]> = Vec::new();
    for round in 0..ROUNDS {
        let create = |number| world.post(&format!("bench {round} {number}"));
        let api = load::run(api, CLIENTS, ROUND, create);
        rounds.push([api, world.insert_alone(CLIENTS, ROUND, round)]);
    }
    report("create", "storage alone", &rounds, 1, "≥ 0.70");
}

fn report<const N: usize>(
    name: &str,
    peer_name: &str,
    rounds: &[[Measured; N]],
    peer: usize,
    goal: &str,
) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let of = |get: &dyn Fn(&[Measured; N]) -> f64| median(rounds.iter().map(get).collect());
    let rate = of(&|round| round[0].per_second);
    let peer_rate = of(&|round| round[peer].per_second);
    let ratio = of(&|round| round[0].per_second / round[peer].per_second);
    let p99 = of(&|round| round[0].p99_ms);
    let peer_p99 = of(&|round| round[peer].p99_ms);
    println!(
        "| {name} | {rate:.0} | {p99:.2} | {peer_name} | {peer_rate:.0} | {peer_p99:.2} | \
         {ratio:.2} | {goal} |"
    );
}
