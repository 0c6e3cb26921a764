//! Results of connection tests. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, history, transaction};
use crate::error::Failure;
use crate::rows::{CheckRow, NewCheck, NewHistory};
use crate::schema::checks;
use datastore_domain::{DatastoreId, Timestamp};
use datastore_ports::{MOST_CHECKS, RepositoryError};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

pub(crate) fn record(conn: &mut Conn, new: &NewCheck, entry: &NewHistory) -> Result<(), Failure> {
    transaction(conn, |conn| {
        insert(conn, new)?;
        Ok(history::write(conn, entry)?)
    })
}

fn insert(conn: &mut Conn, new: &NewCheck) -> Result<(), Failure> {
    match diesel::insert_into(checks::table).values(new).execute(conn) {
        Ok(_) => Ok(()),
        Err(Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
            Err(Failure::Refused(RepositoryError::NotFound))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn since(
    conn: &mut Conn,
    datastore: DatastoreId,
    from: Timestamp,
) -> Result<Vec<CheckRow>, Failure> {
    let checks = checks::table
        .filter(checks::datastore_id.eq(datastore.get()))
        .filter(checks::at.ge(from.as_micros()))
        .select(CheckRow::as_select())
        .order((checks::at.desc(), checks::id.desc()))
        .limit(MOST_CHECKS.into());
    let mut newest_first = checks.load(conn)?;
    newest_first.reverse();
    Ok(newest_first)
}

pub(crate) fn last(conn: &mut Conn, datastore: DatastoreId) -> Result<Option<CheckRow>, Failure> {
    let newest = checks::table
        .filter(checks::datastore_id.eq(datastore.get()))
        .select(CheckRow::as_select())
        .order((checks::at.desc(), checks::id.desc()));
    Ok(newest.first(conn).optional()?)
}
