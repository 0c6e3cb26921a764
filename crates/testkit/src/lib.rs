//! In-memory adapters, contract suites and builders for tests of the registry.
//!
//! [`MemoryStorage`] keeps every promise of the storage ports, [`FixedClock`], [`SeededEntropy`]
//! and [`PlainCipher`] make tests repeatable. [`storage_contract!`] turns the contract suite into
//! one test per case for an implementation of the ports.
//!
//! [`snapshot`] tells whether a refused command left a folder as it was. [`PostgresServer`] is a PostgreSQL of a test's own, to be stopped, frozen and killed;
//! [`FaultyProxy`] stands before a server and cuts connections at the worst moment, [`NameServer`]
//! answers for the names of a test.

mod builders;
mod cipher;
mod clock;
pub mod contract;
mod entropy;
mod faulty_proxy;
mod live;
mod memory;
mod name_server;
mod port;
mod postgres_server;
mod snapshot;

pub use builders::{
    assignment, at, dataset, entry, new_datastore, new_datastore_by_string, page, profile,
    token_name,
};
pub use cipher::PlainCipher;
pub use clock::FixedClock;
pub use entropy::SeededEntropy;
pub use faulty_proxy::{Fault, FaultyProxy};
pub use live::live;
pub use memory::MemoryStorage;
pub use name_server::{DnsRecord, NameServer};
pub use postgres_server::PostgresServer;
pub use snapshot::{Entry, snapshot};
