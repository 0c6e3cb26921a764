//! `compose.yaml`, for people who have containers, names the versions and ports of the servers that
//! the tests start from packages.

use crate::check::check;
use datastore_testkit::live;
use datastore_tests::command;
use std::path::Path;

/// Image tags and published ports, by service.
fn services() -> Vec<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose.yaml");
    let text = std::fs::read_to_string(path).expect("it is there");
    let (_, services) = text.split_once("\nservices:\n").expect("services");
    let mut found: Vec<(String, String, String)> = Vec::new();
    for line in services.lines() {
        let (depth, line) = (line.len() - line.trim_start().len(), line.trim());
        if let (2, Some(name)) = (depth, line.strip_suffix(':')) {
            found.push((name.to_owned(), String::new(), String::new()));
        } else if let Some((_, tag)) = line.strip_prefix("image: ").and_then(|i| i.split_once(':'))
        {
            // `5.26-community` is 5.26.
            let version = tag.split('-').next().unwrap_or(tag);
            found.last_mut().expect("a service").1 = version.to_owned();
        } else if let Some(port) = line.strip_prefix("ports: [\"127.0.0.1:") {
            let (port, _) = port.split_once(':').expect("two ports");
            found.last_mut().expect("a service").2 = port.to_owned();
        }
    }
    found
}

#[test]
fn compose_names_the_versions_and_ports_of_the_test_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = [
        ("postgres", "TEST_POSTGRES_URL", Some("PostgreSQL")),
        ("mysql", "TEST_MYSQL_URL", Some("MySQL")),
        ("mariadb", "TEST_MARIADB_URL", Some("MariaDB")),
        // FerretDB stands in for it, which has versions of its own.
        ("mongodb", "TEST_MONGODB_URL", None),
        ("redis", "TEST_REDIS_URL", Some("Redis")),
        ("neo4j", "TEST_NEO4J_URL", Some("Neo4j")),
        ("cassandra", "TEST_CASSANDRA_URL", Some("Cassandra")),
    ];
    let services = services();
    let names: Vec<_> = services.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, expected.map(|(name, ..)| name));
    for ((name, version, port), (_, variable, product)) in services.into_iter().zip(expected) {
        let string = live(variable);
        assert!(string.contains(&format!(":{port}/")), "{name}: port {port}");
        let Some(product) = product else { continue };
        let checked = check(&string, command(&folder.path().join("data"), &["check", "-"]));
        assert_eq!(checked.code, 0, "{name}: {}", checked.stderr);
        let rows = checked.rows();
        let server = rows[0]["details"]["server_version"].as_str().expect("a version");
        let number = server.strip_prefix(&format!("{product} ")).expect(name.as_str());
        let rest = number.strip_prefix(version.as_str());
        let is_same = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        assert!(is_same, "{name}: compose.yaml has {version}, the tests run {server}");
    }
}
