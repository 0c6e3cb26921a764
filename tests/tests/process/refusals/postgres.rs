//! T44 on PostgreSQL: what its operator has to do stands in the line.

use super::{Home, ended};
use datastore_testkit::PostgresServer;
use datastore_tests::command;

const URL: &str = "DATASTORE_API__DATABASE__URL";

const TABLES: &str = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace";

/// Both commands that make a database are refused, with each of `parts`.
fn refuse(home: &Home, url: &str, parts: &[&str]) {
    for arguments in [["serve"], ["migrate"]] {
        let mut command = command(&home.data(), &arguments);
        command.env(URL, url);
        let line = home.refuses(command, parts);
        assert!(!line.contains("hidden"), "{line}");
    }
}

#[test]
fn t44_a_postgresql_server_that_is_not_there() {
    let home = Home::used();
    let mut server = PostgresServer::start_with(&["fsync=off"]);
    let place = format!("127.0.0.1:{}", server.port());
    let url = server.url("postgres");
    server.stop();
    refuse(&home, &url, &[&place, "nobody listens there", "database.url"]);
    let unknown = "postgres://app:hidden@nowhere.invalid/registry";
    refuse(&home, unknown, &["nowhere.invalid", "has no address", "database.url"]);
    refuse(
        &home,
        "postgres://app:hidden@/registry?host=/nowhere",
        &["/nowhere/.s.PGSQL.5432", "nobody listens there"],
    );
    for (parameter, name) in
        [("sslmod=require", "`sslmod`"), ("connect_timeout=x", "`connect_timeout`")]
    {
        let url = format!("postgres://app:hidden@{place}/registry?{parameter}");
        refuse(&home, &url, &[name, "database.url"]);
    }
}

#[test]
fn t44_a_postgresql_server_that_does_not_let_us_in() {
    let home = Home::used();
    let server = PostgresServer::start_with(&["fsync=off"]);
    let at = format!("127.0.0.1:{}", server.port());
    server.execute(
        "postgres",
        "CREATE DATABASE registry;
         CREATE DATABASE closed;
         REVOKE CONNECT ON DATABASE closed FROM PUBLIC;
         CREATE ROLE app LOGIN PASSWORD 'hidden';
         CREATE ROLE many LOGIN PASSWORD 'hidden' CONNECTION LIMIT 0;
         CREATE ROLE lost LOGIN PASSWORD 'hidden';
         ALTER ROLE lost SET search_path = nowhere;",
    );
    for (login, database, parts) in [
        ("app:hidden2", "registry", [&at, "the user and the password"]),
        ("app:hidden", "nowhere", ["no such database", "CREATE DATABASE"]),
        ("app:hidden", "closed", ["lacks a right", "GRANT CONNECT"]),
        ("many:hidden", "registry", ["no connection left", "database.pool_size"]),
        ("app:hidden", "registry", ["lacks a right", "CREATE ON SCHEMA"]),
        ("lost:hidden", "registry", ["no schema", "search_path"]),
    ] {
        refuse(&home, &format!("postgres://{login}@{at}/{database}"), &parts);
    }
    assert_eq!(server.execute("registry", TABLES), "");
}

#[test]
fn t44_a_postgresql_database_that_is_not_for_us() {
    let home = Home::used();
    let server = PostgresServer::start_with(&["fsync=off"]);
    server.execute(
        "postgres",
        "CREATE DATABASE theirs;
         CREATE DATABASE extended;
         CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;",
    );
    server.execute(
        "theirs",
        "CREATE TABLE customers (name TEXT); INSERT INTO customers VALUES ('x')",
    );
    let theirs = ["tables of another program", "CREATE DATABASE", "database.url"];
    refuse(&home, &server.url("theirs"), &theirs);
    assert_eq!(server.execute("theirs", TABLES), "customers");
    refuse(&home, &server.url("latin"), &["UTF-8", "CREATE DATABASE", "ENCODING 'UTF8'"]);
    // What an extension brings along is nobody's tables.
    server.execute("extended", "CREATE EXTENSION pg_buffercache");
    let migrated = ended(command(&home.data(), &["migrate"]).env(URL, server.url("extended")));
    assert!(migrated.status.success(), "{migrated:?}");
}
