//! `scylla`.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::num::NonZeroUsize;

const QUERY: &str = "SELECT release_version FROM system.local";

pub(super) struct Cassandra(Session);

pub(super) async fn open(place: &Place<'_>) -> Result<Cassandra, Failure> {
    let mut builder = SessionBuilder::new()
        .known_node(format!("{}:{}", place.host, place.port))
        .user(place.user, place.password)
        .pool_size(PoolSize::PerHost(NonZeroUsize::MIN))
        .disallow_shard_aware_port(true)
        .fetch_schema_metadata(false);
    if let Some(keyspace) = place.database {
        builder = builder.use_keyspace(keyspace, true);
    }
    Ok(Cassandra(builder.build().await?))
}

#[async_trait]
impl Open for Cassandra {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        self.ask().await
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        self.0.query_unpaged(QUERY, ()).await?;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
