//! The types and systems that clients can choose from, and what they are good for.

use crate::{DatastoreType, System};

/// A system as shown to clients.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntry {
    /// The system.
    pub system: System,
    /// Its name as people write it.
    pub label: &'static str,
    /// What a connection string looks like.
    pub connection_string_template: &'static str,
}

/// A type as shown to clients.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the members are those of the API's answer")]
pub struct TypeEntry {
    pub datastore_type: DatastoreType,
    pub label: &'static str,
    pub systems: &'static [SystemEntry],
    pub strengths: &'static [&'static str],
    pub limitations: &'static [&'static str],
    pub best_for: &'static [&'static str],
}

/// All types in the order shown.
pub const CATALOGUE: [TypeEntry; 5] = [
    TypeEntry {
        datastore_type: DatastoreType::Sql,
        label: "SQL Database",
        systems: &[
            SystemEntry {
                system: System::Postgres,
                label: "PostgreSQL",
                connection_string_template: "postgresql://{username}:{password}@{server}:5432/{database}?sslmode=verify-full",
            },
            SystemEntry {
                system: System::Mysql,
                label: "MySQL",
                connection_string_template: "mysql://{username}:{password}@{server}:3306/{database}?ssl-mode=VERIFY_IDENTITY",
            },
        ],
        strengths: &["ACID compliance", "Complex queries", "Data integrity"],
        limitations: &["Vertical scaling", "Schema rigidity"],
        best_for: &["Structured data", "Financial systems", "CRM applications"],
    },
    TypeEntry {
        datastore_type: DatastoreType::Document,
        label: "Document Store",
        systems: &[SystemEntry {
            system: System::Mongodb,
            label: "MongoDB",
            connection_string_template: "mongodb://{username}:{password}@{server}:27017/{database}?authSource=admin&tls=true",
        }],
        strengths: &["Flexible schemas", "Semi-structured data", "Rapid development"],
        limitations: &["Limited complex queries", "Eventual consistency"],
        best_for: &["Semi-structured data", "Flexible schemas", "Rapid development"],
    },
    TypeEntry {
        datastore_type: DatastoreType::KeyValue,
        label: "Key-Value Store",
        systems: &[SystemEntry {
            system: System::Redis,
            label: "Redis",
            connection_string_template: "rediss://{username}:{password}@{server}:6379/{database}",
        }],
        strengths: &["Caching", "Session storage", "Simple data structures"],
        limitations: &["No complex queries", "Limited data types"],
        best_for: &["Caching", "Session storage", "Simple data structures"],
    },
    TypeEntry {
        datastore_type: DatastoreType::Graph,
        label: "Graph Database",
        systems: &[SystemEntry {
            system: System::Neo4j,
            label: "Neo4J",
            connection_string_template: "neo4j+s://{username}:{password}@{server}:7687/{database}",
        }],
        strengths: &["Relationship traversal", "Connected data", "Pattern matching"],
        limitations: &["Specialized queries", "Learning curve"],
        best_for: &["Social networks", "Recommendation engines", "Fraud detection"],
    },
    TypeEntry {
        datastore_type: DatastoreType::Column,
        label: "Column Store",
        systems: &[SystemEntry {
            system: System::Cassandra,
            label: "Cassandra",
            connection_string_template: "cassandra://{username}:{password}@{server}:9042/{database}?tls=verify_full",
        }],
        strengths: &["High write throughput", "Time-series data", "Analytics"],
        limitations: &["Limited query flexibility", "Eventual consistency"],
        best_for: &["Time-series data", "Analytics", "High write throughput"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_system_stands_once_in_its_place() {
        let types: Vec<_> = CATALOGUE.iter().map(|t| t.datastore_type).collect();
        assert_eq!(types, DatastoreType::ALL);
        let systems: Vec<_> =
            CATALOGUE.iter().flat_map(|t| t.systems.iter().map(move |s| (t, s.system))).collect();
        assert_eq!(systems.len(), System::ALL.len());
        for (entry, system) in systems {
            assert_eq!(system.datastore_type(), entry.datastore_type);
        }
    }
}
