//! `mongodb`, without a login: it takes FerretDB's last answer to one for an unfinished exchange.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use mongodb::bson::doc;
use mongodb::options::{ClientOptions, ServerAddress};
use mongodb::{Client, Database};

pub(super) struct Mongo {
    client: Client,
    database: Database,
}

pub(super) async fn open(place: &Place<'_>) -> Result<Mongo, Failure> {
    let options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: place.host.to_owned(), port: Some(place.port) }])
        .direct_connection(true)
        .max_pool_size(1)
        .build();
    let client = Client::with_options(options)?;
    let database = client.database(place.database.unwrap_or("admin"));
    Ok(Mongo { client, database })
}

#[async_trait]
impl Open for Mongo {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        self.database.run_command(doc! {"listCollections": 1, "nameOnly": true}).await?;
        self.database.run_command(doc! {"ping": 1}).await?;
        self.client.database("admin").run_command(doc! {"buildInfo": 1}).await?;
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        self.database.run_command(doc! {"ping": 1}).await?;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        self.client.shutdown().await;
        Ok(())
    }
}
