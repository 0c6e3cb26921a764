//! Types of datastores and the systems that belong to them.

use std::fmt;
use std::str::FromStr;

/// Kind of data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatastoreType {
    /// Relational.
    Sql,
    /// Documents.
    Document,
    /// Keys and values.
    KeyValue,
    /// Nodes and relationships.
    Graph,
    /// Wide columns.
    Column,
}

/// Database product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// MongoDB.
    Mongodb,
    /// Redis.
    Redis,
    /// Neo4j.
    Neo4j,
    /// Apache Cassandra.
    Cassandra,
}

/// A name that is none of the choices; the name itself is not kept, so that nothing is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known names")]
pub struct UnknownName;

impl DatastoreType {
    /// All types, in the order of the catalogue.
    pub const ALL: [Self; 5] =
        [Self::Sql, Self::Document, Self::KeyValue, Self::Graph, Self::Column];

    /// The name in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Document => "document",
            Self::KeyValue => "keyvalue",
            Self::Graph => "graph",
            Self::Column => "column",
        }
    }
}

impl System {
    /// All systems, in the order of the catalogue.
    pub const ALL: [Self; 6] =
        [Self::Postgres, Self::Mysql, Self::Mongodb, Self::Redis, Self::Neo4j, Self::Cassandra];

    /// The name in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
            Self::Neo4j => "neo4j",
            Self::Cassandra => "cassandra",
        }
    }

    /// The one type that this system belongs to.
    #[must_use]
    pub fn datastore_type(self) -> DatastoreType {
        match self {
            Self::Postgres | Self::Mysql => DatastoreType::Sql,
            Self::Mongodb => DatastoreType::Document,
            Self::Redis => DatastoreType::KeyValue,
            Self::Neo4j => DatastoreType::Graph,
            Self::Cassandra => DatastoreType::Column,
        }
    }

    /// TCP port that the product listens on unless told otherwise.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Mongodb => 27017,
            Self::Redis => 6379,
            Self::Neo4j => 7687,
            Self::Cassandra => 9042,
        }
    }
}

impl FromStr for DatastoreType {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|t| t.as_str() == name).ok_or(UnknownName)
    }
}

impl FromStr for System {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|s| s.as_str() == name).ok_or(UnknownName)
    }
}

impl fmt::Display for DatastoreType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A type and a system that belong together. Only the system is kept; the type follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification(System);

impl Classification {
    /// The pair, when `system` belongs to `datastore_type`.
    #[must_use]
    pub fn new(datastore_type: DatastoreType, system: System) -> Option<Self> {
        (system.datastore_type() == datastore_type).then_some(Self(system))
    }

    /// The type.
    #[must_use]
    pub fn datastore_type(self) -> DatastoreType {
        self.0.datastore_type()
    }

    /// The system.
    #[must_use]
    pub fn system(self) -> System {
        self.0
    }
}

impl From<System> for Classification {
    fn from(system: System) -> Self {
        Self(system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All thirty pairs: each system fits exactly the type that the requirements give it.
    #[test]
    fn every_type_system_pair_is_judged_as_required() {
        let fits = [
            ("sql", "postgres"),
            ("sql", "mysql"),
            ("document", "mongodb"),
            ("keyvalue", "redis"),
            ("graph", "neo4j"),
            ("column", "cassandra"),
        ];
        let mut pairs = 0;
        for datastore_type in DatastoreType::ALL {
            for system in System::ALL {
                let expected = fits.contains(&(datastore_type.as_str(), system.as_str()));
                let got = Classification::new(datastore_type, system);
                assert_eq!(got.is_some(), expected, "{datastore_type} with {system}");
                pairs += 1;
            }
        }
        assert_eq!(pairs, 30);
    }

    #[test]
    fn names_parse_back_and_are_case_sensitive() {
        for system in System::ALL {
            assert_eq!(system.as_str().parse(), Ok(system));
            assert_eq!(system.as_str().to_uppercase().parse::<System>(), Err(UnknownName));
        }
        for datastore_type in DatastoreType::ALL {
            assert_eq!(datastore_type.as_str().parse(), Ok(datastore_type));
        }
    }
}
