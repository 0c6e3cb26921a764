//! The schema's version. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, Db, MIGRATIONS, has_table, holds_tables, snapshot, while_migrating_alone};
use crate::error::Failure;
use crate::migrations::Versions;
use crate::schema::__diesel_schema_migrations as applied_migrations;
use datastore_ports::{Cause, RepositoryError};
use diesel::migration::{MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel_migrations::MigrationHarness as _;

pub(crate) fn versions(conn: &mut Conn) -> Result<Versions, Failure> {
    let known = known()?;
    // Another process may migrate at this moment.
    snapshot(conn, |conn| {
        let has_tables = has_table(conn, "sealed_canary")?;
        let applied = match has_table(conn, "__diesel_schema_migrations")? {
            false => Vec::new(),
            true => applied_migrations::table
                .select(applied_migrations::version)
                .order(applied_migrations::version)
                .load(conn)?,
        };
        let is_others = !has_tables && holds_tables(conn)?;
        Ok(Versions { known, applied, has_tables, is_others })
    })
}

fn known() -> Result<Vec<String>, Failure> {
    let migrations = MigrationSource::<Db>::migrations(&MIGRATIONS).map_err(internal)?;
    let mut versions: Vec<_> =
        migrations.iter().map(|migration| migration.name().version().to_string()).collect();
    versions.sort();
    Ok(versions)
}

/// Runs what is missing, and says what it ran.
pub(crate) fn run(conn: &mut Conn) -> Result<Vec<String>, Failure> {
    while_migrating_alone(conn, |conn| {
        let ran = conn.run_pending_migrations(MIGRATIONS).map_err(internal)?;
        Ok(ran.iter().map(MigrationVersion::to_string).collect())
    })
}

fn internal(error: Cause) -> Failure {
    // A database that is merely busy is told apart from a migration that is wrong.
    match error.downcast::<diesel::result::Error>() {
        Ok(error) => Failure::Database(*error),
        Err(error) => Failure::Refused(RepositoryError::Internal(error)),
    }
}
