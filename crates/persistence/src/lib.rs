//! Repositories of the registry on SQLite and PostgreSQL, by diesel over r2d2.
//!
//! [`Storage`] implements the storage ports. Queries are written once, in `queries/`, and
//! compiled for both connections (see `sqlite.rs` and `postgres.rs`); what differs between the two
//! are named functions in those two files. Diesel is synchronous, and nothing outside this crate
//! knows: the lanes of `lane.rs` decide which thread waits.

#![expect(clippy::duplicate_mod, reason = "`queries/` is compiled once for each database")]

mod assignments;
mod backup;
mod checks;
mod compared;
mod error;
mod fault;
mod history;
mod keyset;
mod lane;
mod migrations;
mod pages;
mod postgres;
mod repository;
mod rows;
mod schema;
mod sealed;
mod sqlite;
mod storage;
mod tokens;
mod transaction;
mod url;

pub use backup::{Backup, BackupError};
pub use error::{OpenError, SchemaError};
pub use migrations::SchemaState;
pub use storage::{PoolSettings, Storage};
pub use url::{DatabaseUrl, DatabaseUrlError};
