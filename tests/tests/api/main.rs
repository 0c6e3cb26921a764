//! End-to-end tests over HTTP: the server's library on a free port, and nothing but what is seen on
//! the wire. Modules mirror the routes; what concerns all routes stands beside them.
//!
//! `postgres.rs` runs the same modules on PostgreSQL: a new one belongs into both lists.

mod access;
mod candidate_login;
mod catalogue;
mod create;
mod current_datasets;
mod cursors;
mod delete;
mod deleted;
mod details;
mod errors;
mod etag;
mod get;
mod history;
mod hosts;
mod injection;
mod list;
mod list_search;
mod openapi;
mod patch;
mod performance;
mod protocol;
mod races;
mod refused;
mod replace;
mod repointing;
mod reuse;
mod stored;
mod strict_json;
mod strings;
mod surface;
mod test_connection;
mod test_unsaved;
mod tls_minimum;
mod tokens;
mod validation;
mod verify;

#[test]
fn these_tests_are_about_sqlite() {
    assert_eq!(datastore_tests::TestServer::start().backend(), datastore_tests::Backend::Sqlite);
}
