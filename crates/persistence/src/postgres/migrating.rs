//! Migrations: one process at a time, and with more time than anything else.

use super::connect::Limits;
use super::{Conn, Postgres};
use crate::error::{Failure, outcome_unknown};
use datastore_ports::RepositoryError;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use std::time::{Duration, Instant};

/// Key of the advisory lock that migrations hold; any number that nobody else uses.
pub(super) const MIGRATION_LOCK: i64 = 0x0064_6174_6173_746f;

/// How long migrations may take in all.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

const LIMITS: Limits = Limits {
    // Rewriting a large table takes its time.
    statement: Duration::from_secs(10 * 60),
    // Also for the lock of migrations themselves.
    lock: Duration::from_secs(60),
    idle_in_transaction: Duration::from_secs(60),
};

/// Somebody holds the lock of migrations, or one on our tables.
#[derive(Debug, thiserror::Error)]
#[error(
    "another session has kept migrations waiting for too long: {holder}; wait for it to end, or \
     end it with SELECT pg_terminate_backend(PID), and start again"
)]
struct Locked {
    holder: String,
    source: diesel::result::Error,
}

impl Postgres {
    /// Runs migrations on a connection of their own.
    pub(crate) async fn migrate<T: Send + 'static>(
        &self,
        query: impl FnMut(&mut Conn) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let (pool, deadline) = (self.pool.clone(), Instant::now() + PATIENCE);
        let connecting = Instant::now() + self.deadline;
        let work = move || pool.migrate(LIMITS, connecting, deadline, query);
        self.lane.run(deadline, outcome_unknown, work).await
    }
}

/// Runs `body` while no other replica migrates. A session that ends loses the lock by itself.
pub(crate) fn while_migrating_alone<T>(
    connection: &mut Conn,
    body: impl FnOnce(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let lock = format!("SELECT pg_advisory_lock({MIGRATION_LOCK})");
    if let Err(error) = connection.batch_execute(&lock) {
        return Err(match holder(connection) {
            Ok(Some(holder)) => {
                let locked = Locked { holder, source: error };
                Failure::Refused(RepositoryError::Unavailable(Box::new(locked)))
            }
            Ok(None) | Err(_) => error.into(),
        });
    }
    let result = body(connection);
    let unlocked =
        connection.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"));
    // What went wrong first tells more; the lock ends with the session in any case.
    result.and_then(|value| Ok(unlocked.map(|()| value)?))
}

/// Who holds the lock, in words.
fn holder(connection: &mut Conn) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Holder {
        #[diesel(sql_type = diesel::sql_types::Text)]
        holder: String,
    }
    // The two halves of a key of 64 bits stand in two columns.
    let sql = format!(
        "SELECT format('PID %s (%s from %s)', pid, application_name, \
                coalesce(host(client_addr), 'a socket')) AS holder \
         FROM pg_locks JOIN pg_stat_activity USING (pid) \
         WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
           AND classid = {}::bigint::oid AND objid = {}::bigint::oid",
        MIGRATION_LOCK >> 32,
        MIGRATION_LOCK & 0xffff_ffff
    );
    let found = diesel::sql_query(sql).load::<Holder>(connection)?;
    Ok(found.into_iter().next().map(|holder| holder.holder))
}
