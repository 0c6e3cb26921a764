//! The end-to-end tests of `main.rs` on PostgreSQL, each on a database of its own.

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
fn these_tests_are_about_postgresql() {
    let server = datastore_tests::TestServer::start();
    assert_eq!(server.backend(), datastore_tests::Backend::Postgres);
    let server = server.database().lines("SELECT version() AS value");
    assert!(server[0].starts_with("PostgreSQL "), "{server:?}");
}

#[test]
fn every_module_is_run_on_postgresql() {
    let modules = |source: &'static str| {
        source.lines().filter(|line| line.starts_with("mod ")).collect::<Vec<_>>()
    };
    assert_eq!(modules(include_str!("main.rs")), modules(include_str!("postgres.rs")));
}
