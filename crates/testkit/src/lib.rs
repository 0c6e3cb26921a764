//! In-memory adapters, contract suites and builders for tests of the registry.
//!
//! [`MemoryStorage`] keeps every promise of the storage ports, [`FixedClock`], [`SeededEntropy`]
//! and [`PlainCipher`] make tests repeatable. [`storage_contract!`] turns the contract suite into
//! one test per case for an implementation of the ports.

mod builders;
mod cipher;
mod clock;
pub mod contract;
mod entropy;
mod memory;

pub use builders::{
    assignment, at, dataset, entry, new_datastore, new_datastore_by_string, page, profile,
    token_name,
};
pub use cipher::PlainCipher;
pub use clock::FixedClock;
pub use entropy::SeededEntropy;
pub use memory::MemoryStorage;
