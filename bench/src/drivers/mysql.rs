//! `mysql_async`.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, Row};

pub(super) struct Mysql(Conn);

pub(super) async fn open(place: &Place<'_>) -> Result<Mysql, Failure> {
    let options = OptsBuilder::default()
        .ip_or_hostname(place.host)
        .tcp_port(place.port)
        .user(Some(place.user))
        .pass(Some(place.password))
        .db_name(place.database)
        .prefer_socket(false);
    Ok(Mysql(Conn::new(options).await?))
}

#[async_trait]
impl Open for Mysql {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        let row: Option<Row> = self.0.query_first("SELECT 1, DATABASE(), VERSION()").await?;
        row.map(drop).ok_or_else(|| "no row".into())
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        let row: Option<Row> = self.0.query_first("SELECT 1").await?;
        row.map(drop).ok_or_else(|| "no row".into())
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(self.0.disconnect().await?)
    }
}
