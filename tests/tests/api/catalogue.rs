//! `GET /api/v1/datastores/types/`

use datastore_tests::{DATASTORES, TestServer, by_string};
use serde_json::{Value, json};

fn types(server: &TestServer) -> Value {
    server.viewer.get(&format!("{DATASTORES}types/")).expect(200).json()
}

/// An entry as the requirements show it, without our additions.
fn as_required(entry: &Value) -> Value {
    let mut entry = entry.clone();
    for system in entry["systems"].as_array_mut().into_iter().flatten() {
        let system = system.as_object_mut().expect("an object");
        assert!(system.remove("default_port").is_some_and(|port| port.is_u64()));
        assert!(system.remove("connection_string_template").is_some_and(|t| t.is_string()));
    }
    entry
}

#[test]
fn sql_and_graph_are_those_of_the_requirements() {
    let server = TestServer::start();
    let types = types(&server);
    let sql = json!({
        "value": "sql",
        "label": "SQL Database",
        "systems": [
            {"value": "postgres", "label": "PostgreSQL"},
            {"value": "mysql", "label": "MySQL"}
        ],
        "characteristics": {
            "strengths": ["ACID compliance", "Complex queries", "Data integrity"],
            "limitations": ["Vertical scaling", "Schema rigidity"],
            "best_for": ["Structured data", "Financial systems", "CRM applications"]
        }
    });
    let graph = json!({
        "value": "graph",
        "label": "Graph Database",
        "systems": [{"value": "neo4j", "label": "Neo4J"}],
        "characteristics": {
            "strengths": ["Relationship traversal", "Connected data", "Pattern matching"],
            "limitations": ["Specialized queries", "Learning curve"],
            "best_for": ["Social networks", "Recommendation engines", "Fraud detection"]
        }
    });
    assert_eq!(as_required(&types["types"][0]), sql);
    assert_eq!(as_required(&types["types"][3]), graph);
    assert_eq!(types.as_object().map(|object| object.len()), Some(1));
}

#[test]
fn every_type_and_system_stands_in_its_order() {
    let server = TestServer::start();
    let types = types(&server);
    let rows = types["types"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let named: Vec<_> = rows.iter().map(|t| (text(&t["value"]), text(&t["label"]))).collect();
    let expected = [
        ("sql", "SQL Database"),
        ("document", "Document Store"),
        ("keyvalue", "Key-Value Store"),
        ("graph", "Graph Database"),
        ("column", "Column Store"),
    ];
    assert_eq!(named, expected.map(|(value, label)| (value.to_owned(), label.to_owned())));
    let systems = rows.iter().flat_map(|t| t["systems"].as_array().cloned().unwrap_or_default());
    let systems: Vec<_> =
        systems.map(|s| (text(&s["value"]), s["default_port"].as_u64())).collect();
    let expected = [
        ("postgres", 5432),
        ("mysql", 3306),
        ("mongodb", 27017),
        ("redis", 6379),
        ("neo4j", 7687),
        ("cassandra", 9042),
    ];
    assert_eq!(systems, expected.map(|(system, port)| (system.to_owned(), Some(port))));
    for row in rows {
        for list in ["strengths", "limitations", "best_for"] {
            let list = row["characteristics"][list].as_array().expect("a list");
            assert!(!list.is_empty() && list.iter().all(Value::is_string), "{row}");
        }
    }
}

#[test]
fn templates_are_strings_that_are_taken_when_filled_in() {
    let server = TestServer::start();
    for entry in types(&server)["types"].as_array().into_iter().flatten() {
        for system in entry["systems"].as_array().into_iter().flatten() {
            let (name, template) = (&system["value"], &system["connection_string_template"]);
            let (name, template) = (name.as_str().expect("text"), template.as_str().expect("text"));
            let filled = template
                .replace("{username}", "u")
                .replace("{password}", "secret")
                .replace("{server}", "h")
                .replace("{database}", "0");
            assert!(!filled.contains('{'), "{template}");
            let _ = server.editor.create(&by_string(name, name, &filled));
        }
    }
}

#[test]
fn the_catalogue_may_be_kept_for_an_hour() {
    let server = TestServer::start();
    let target = format!("{DATASTORES}types/");
    let answer = server.viewer.get(&target).expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, max-age=3600"));
    let tag = answer.header("etag").expect("an entity tag");
    assert!(tag.starts_with('"'), "{tag}");
    for client in [&server.viewer, &server.admin] {
        let known = client.request("GET", &target).header("If-None-Match", tag).send().expect(304);
        assert_eq!(known.header("etag"), Some(tag));
        assert_eq!(known.header("cache-control"), Some("private, max-age=3600"));
        assert!(known.body.is_empty());
    }
    let other = server.viewer.request("GET", &target).header("If-None-Match", "\"x\"").send();
    assert_eq!(other.expect(200).body, answer.body);
}
