//! The schema's version, and bringing it up to date.

use crate::error::SchemaError;
use crate::storage::{Storage, query};
use datastore_ports::RepositoryError;

/// Where the database's schema stands beside this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// As this program wants it.
    Current,
    /// These migrations are missing, oldest first; all of them in a new database.
    Pending(Vec<String>),
}

/// What the database and this program say of the schema; versions oldest first.
pub(crate) struct Versions {
    pub(crate) known: Vec<String>,
    pub(crate) applied: Vec<String>,
    /// Whether the tables of this service are there.
    pub(crate) has_tables: bool,
    /// Whether only tables of something else are.
    pub(crate) is_others: bool,
}

impl Storage {
    /// Compares the database's schema with what this program knows; changes nothing.
    ///
    /// # Errors
    ///
    /// [`SchemaError::Newer`], [`SchemaError::NotOurs`], [`SchemaError::Unavailable`].
    pub async fn schema_state(&self) -> Result<SchemaState, SchemaError> {
        let Versions { known, applied, has_tables, is_others } = self.versions().await?;
        if let Some(newest) = applied.iter().rfind(|version| !known.contains(version)) {
            let program = known.last().cloned().unwrap_or_default();
            // Migrations that follow none of ours: another program's database.
            if !has_tables || *newest < program {
                return Err(SchemaError::NotOurs);
            }
            return Err(SchemaError::Newer { database: newest.clone(), program });
        }
        // Our tables and our migrations are there together, or neither is.
        if is_others || has_tables == applied.is_empty() {
            return Err(SchemaError::NotOurs);
        }
        let missing = known.into_iter().filter(|version| !applied.contains(version));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            Ok(SchemaState::Current)
        } else {
            Ok(SchemaState::Pending(missing))
        }
    }

    /// Brings the schema up to date and says which migrations ran, oldest first. Several processes
    /// may call this at the same time: one migrates, the others wait and find nothing to do.
    ///
    /// # Errors
    ///
    /// Those of [`Storage::schema_state`], and [`SchemaError::Failed`].
    pub async fn migrate(&self) -> Result<Vec<String>, SchemaError> {
        match self.schema_state().await? {
            SchemaState::Current => Ok(Vec::new()),
            SchemaState::Pending(_) => {
                let ran: Result<_, RepositoryError> = query!(self.migrate, migrations::run());
                Ok(ran?)
            }
        }
    }

    async fn versions(&self) -> Result<Versions, RepositoryError> {
        query!(self.read, migrations::versions())
    }
}
