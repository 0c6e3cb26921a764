//! Connection tests: the one guarded door to the network, and one module per database system.
//!
//! A test is a pipeline of five steps (`pipeline`). The `door` resolves, asks the [`EgressPolicy`]
//! and connects; `tls` encrypts; a `conversation` per system logs in and queries. All of it runs
//! under one deadline, on threads of its own, behind [`Probes`].
//!
//! Nothing else in the workspace opens a connection outwards (the storage pool to its own database
//! aside), and no text of a server leaves this crate but its version and the name of a database.

mod binding;
mod cassandra;
mod certificate;
mod cidr;
mod conversation;
mod door;
mod failure;
mod kept;
mod mongodb;
mod mysql;
mod neo4j;
mod pipeline;
mod places;
mod plain;
mod policy;
mod postgres;
mod progress;
mod redis;
mod scram;
mod session;
mod shown;
mod spelling;
mod stream;
mod tester;
#[cfg(test)]
mod tests;
mod tls;

pub use cidr::{Cidr, CidrError};
pub use policy::EgressPolicy;
pub use tester::{ProbeSettings, Probes, ProbesError};
pub use tls::{CaFileError, check_authorities};
