//! `tokio-postgres`.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};

const ALL: &str = "SELECT 1, pg_catalog.current_database(), pg_catalog.version()";

pub(super) struct Postgres {
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
}

pub(super) async fn open(place: &Place<'_>) -> Result<Postgres, Failure> {
    let mut config = Config::new();
    config.host(place.host).port(place.port).user(place.user).password(place.password);
    config.dbname(place.database.unwrap_or(place.user));
    let (client, connection) = config.connect(NoTls).await?;
    Ok(Postgres { client, connection: tokio::spawn(connection) })
}

#[async_trait]
impl Open for Postgres {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        self.client.simple_query(ALL).await?;
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        self.client.simple_query("SELECT 1").await?;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        drop(self.client);
        Ok(self.connection.await??)
    }
}
