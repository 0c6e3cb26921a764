//! `redis`.

use super::{Open, Place};
use crate::Failure;
use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{Client, IntoConnectionInfo as _, RedisConnectionInfo};

pub(super) struct Redis(MultiplexedConnection);

pub(super) async fn open(place: &Place<'_>) -> Result<Redis, Failure> {
    let index = place.database.unwrap_or("0").parse()?;
    let login = RedisConnectionInfo::default()
        .set_username(place.user)
        .set_password(place.password)
        .set_db(index)
        .set_skip_set_lib_name();
    let target = (place.host, place.port).into_connection_info()?.set_redis_settings(login);
    Ok(Redis(Client::open(target)?.get_multiplexed_async_connection().await?))
}

#[async_trait]
impl Open for Redis {
    async fn ask_all(&mut self) -> Result<(), Failure> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("PING").ignore().cmd("INFO").arg("server").ignore();
        Ok(pipeline.query_async(&mut self.0).await?)
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        Ok(redis::cmd("PING").exec_async(&mut self.0).await?)
    }

    async fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
