//! Bodies that tests start from.

use serde_json::{Value, json};

/// What readers see instead of a stored password.
pub const MASK: &str = "***encrypted***";

/// A password made of the characters that break careless handling of URLs.
pub const NASTY_PASSWORD: &str = "p@ss:w/rd%20#?";

/// The requirements' example, with a password to write.
#[must_use]
pub fn example() -> Value {
    json!({
        "name": "Primary PostgreSQL",
        "type": "sql",
        "system": "postgres",
        "description": "Main relational database for structured data with ACID compliance. \
                        Optimized for complex queries and data integrity.",
        "server": "db.company.com",
        "port": 5432,
        "username": "app_user",
        "password": NASTY_PASSWORD,
        "connection_string": null,
        "is_active": true,
        "max_connections": 100,
        "avg_response_time_ms": 15.2,
        "storage_capacity_gb": 1000
    })
}

/// The smallest datastore by parts.
#[must_use]
pub fn by_parts(name: &str) -> Value {
    json!({
        "name": name, "type": "sql", "system": "postgres", "description": "d",
        "server": "db.example", "port": 5432, "username": "app_user", "password": "first secret",
    })
}

/// The smallest datastore by connection string.
#[must_use]
pub fn by_string(name: &str, system: &str, string: &str) -> Value {
    let datastore_type = match system {
        "mongodb" => "document",
        "redis" => "keyvalue",
        "neo4j" => "graph",
        "cassandra" => "column",
        _ => "sql",
    };
    json!({
        "name": name, "type": datastore_type, "system": system, "description": "d",
        "connection_string": string,
    })
}

/// `body` with some members set.
#[must_use]
pub fn with(mut body: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members come as an object") };
    body.as_object_mut().expect("a body is an object").extend(members);
    body
}

/// `body` without some members.
#[must_use]
pub fn without(mut body: Value, members: &[&str]) -> Value {
    for member in members {
        body.as_object_mut().expect("a body is an object").remove(*member);
    }
    body
}
