//! The history. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::Conn;
use crate::error::Failure;
use crate::rows::{HistoryRow, NewHistory};
use crate::schema::history;
use datastore_domain::DatastoreId;
use diesel::prelude::*;

/// Adds an entry, in the transaction of the change that it tells of.
pub(crate) fn write(conn: &mut Conn, entry: &NewHistory) -> QueryResult<()> {
    diesel::insert_into(history::table).values(entry).execute(conn).map(|_| ())
}

pub(crate) fn read(
    conn: &mut Conn,
    datastore: Option<DatastoreId>,
) -> Result<Vec<HistoryRow>, Failure> {
    let all = history::table.select(HistoryRow::as_select()).order(history::id);
    Ok(match datastore {
        Some(id) => all.filter(history::datastore_id.eq(id.get())).load(conn)?,
        None => all.load(conn)?,
    })
}
