//! Rows as stored, and the way from them into the domain: a row that does not parse is corrupt.

mod assignments;
mod checks;
mod datastores;
mod history;
mod tokens;

pub(crate) use assignments::{AssignmentRow, NewAssignment, PeriodRow};
pub(crate) use checks::{CheckRow, NewCheck};
pub(crate) use datastores::{DatastoreRow, WrittenDatastore, stored_datastore};
pub(crate) use history::{HistoryRow, NewHistory};
pub(crate) use tokens::{NewToken, TokenRow};

use datastore_domain::Timestamp;
use datastore_ports::{Page, RepositoryError};

/// Where a row stands, to name it when one of its columns does not parse.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) table: &'static str,
    pub(crate) id: i64,
}

impl Origin {
    pub(crate) fn corrupt(self, column: &'static str) -> RepositoryError {
        RepositoryError::Corrupt { table: self.table, id: self.id, column }
    }

    /// Parses one column.
    fn parse<T, E>(self, column: &'static str, parsed: Result<T, E>) -> Result<T, RepositoryError> {
        parsed.map_err(|_| self.corrupt(column))
    }

    fn time(self, column: &'static str, micros: i64) -> Result<Timestamp, RepositoryError> {
        self.parse(column, Timestamp::from_micros(micros))
    }

    fn optional_time(
        self,
        column: &'static str,
        micros: Option<i64>,
    ) -> Result<Option<Timestamp>, RepositoryError> {
        micros.map(|micros| self.time(column, micros)).transpose()
    }
}

/// The page with its rows parsed.
pub(crate) fn parsed<R, T>(page: Page<R>) -> Result<Page<T>, RepositoryError>
where
    T: TryFrom<R, Error = RepositoryError>,
{
    let rows = page.rows.into_iter().map(T::try_from).collect::<Result<_, _>>()?;
    Ok(Page { count: page.count, before: page.before, after: page.after, rows })
}
