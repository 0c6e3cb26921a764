//! The storage on real databases: SQLite in temporary folders, PostgreSQL on the test server.

mod commit;
mod disk;
mod frozen;
mod postgres;
mod schema;
mod sealed;
mod sqlite;
mod support;
mod tls;
mod tokens;
mod transactions;
mod walks;
