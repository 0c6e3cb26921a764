//! Connection tests against fake servers and, where their names end in `live`, real ones.

mod between;
mod cassandra_fake;
mod cassandra_live;
mod hostile;
mod mongodb_fake;
mod mongodb_hostile;
mod mongodb_live;
mod mongodb_server;
mod mysql_fake;
mod mysql_hostile;
mod mysql_live;
mod neo4j_fake;
mod neo4j_live;
mod neo4j_server;
mod network;
mod postgres_between;
mod postgres_fake;
mod postgres_live;

mod redis_fake;
mod redis_live;
mod reuse;
mod support;
mod table;
mod tls;
