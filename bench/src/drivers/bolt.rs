//! `neo4rs`.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use neo4rs::{ConfigBuilder, Graph, query};

pub(super) struct Bolt(Graph);

pub(super) async fn open(place: &Place<'_>) -> Result<Bolt, Failure> {
    let mut config = ConfigBuilder::default()
        .uri(format!("{}:{}", place.host, place.port))
        .user(place.user)
        .password(place.password)
        .max_connections(1);
    if let Some(database) = place.database {
        config = config.db(database);
    }
    Ok(Bolt(Graph::connect(config.build()?).await?))
}

#[async_trait]
impl Open for Bolt {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        self.ask().await
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        let mut rows = self.0.execute(query("RETURN 1")).await?;
        rows.next().await?.ok_or("no row")?;
        // To the end of the answer.
        while rows.next().await?.is_some() {}
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
