//! Shared parts of the end-to-end tests: servers to talk to, a client that hides nothing, and
//! counterparts for connection tests.

mod backend;
pub mod canary;
mod client;
mod database;
mod fake;
mod fixtures;
mod installation;
mod live;
mod postgres;
mod process;
mod server;

pub use backend::Backend;
pub use client::{Client, DATASTORES, KeepAlive, Request, Response, connect, path_of};
pub use database::Database;
pub use fake::{CLOSED, FakeServer};
pub use fixtures::{MASK, NASTY_PASSWORD, by_parts, by_string, example, with, without};
pub use installation::Installation;
pub use live::{LivePostgres, live_postgres};
pub use process::{Process, as_user, binary, command, token, under, with_resolver};
pub use server::{ROLES, TestServer, Token};
