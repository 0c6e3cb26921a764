//! What a point read costs on the caller's thread and on a blocking thread: the figures behind
//! `Sqlite::read` in `src/sqlite.rs`.
//!
//! `cargo run --release -p datastore-persistence --example read_lanes`

use datastore_domain::{Action, DatastoreId};
use datastore_persistence::{DatabaseUrl, PoolSettings, Storage};
use datastore_ports::DatastoreRepository as _;
use datastore_testkit::{entry, new_datastore};
use std::error::Error;
use std::time::{Duration, Instant};

const DATASTORES: i64 = 1_000;
const TIME: Duration = Duration::from_secs(3);
const CALLERS: usize = 16;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let url = DatabaseUrl::sqlite(folder.path().join("registry.db"));
    let storage = Storage::open(&url, PoolSettings::default())?;
    storage.migrate().await?;
    for number in 0..DATASTORES {
        storage.insert(new_datastore(&format!("n{number}")), entry(Action::Create)).await?;
    }
    for round in 1..=3 {
        let caller = measure(&storage, false).await?;
        let blocking = measure(&storage, true).await?;
        print(round, caller, blocking);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the point of this program")]
fn print(round: u32, caller: u64, blocking: u64) {
    println!(
        "round {round}: {caller} reads/s on the caller's thread, {blocking} on blocking threads"
    );
}

/// Reads a second, with so many callers at a time.
async fn measure(storage: &Storage, handed_over: bool) -> Result<u64, Box<dyn Error>> {
    let mut callers = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for caller in 0..CALLERS as u64 {
        let storage = storage.clone();
        callers.spawn(async move {
            let mut reads = caller;
            while begun.elapsed() < TIME {
                let number = reads.cast_signed() % DATASTORES + 1;
                let id = DatastoreId::new(number).expect("positive");
                read(&storage, id, handed_over).await;
                reads += 1;
            }
            reads - caller
        });
    }
    let reads: u64 = callers.join_all().await.into_iter().sum();
    Ok(reads / begun.elapsed().as_secs().max(1))
}

async fn read(storage: &Storage, id: DatastoreId, handed_over: bool) {
    let found = if handed_over {
        let (storage, runtime) = (storage.clone(), tokio::runtime::Handle::current());
        let read = move || runtime.block_on(storage.find(id));
        tokio::task::spawn_blocking(read).await.expect("does not panic")
    } else {
        storage.find(id).await
    };
    assert!(found.expect("answers").is_some());
}
