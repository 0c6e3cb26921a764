//! The history. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, Db, snapshot, transaction};
use crate::error::Failure;
use crate::pages::{self, numbered, offset, one_more};
use crate::rows::{HistoryRow, NewHistory};
use crate::schema::history;
use datastore_domain::{Action, EntryId, HistoryFilter, PageRequest, Side};
use datastore_ports::Page;
use diesel::prelude::*;

type Boxed<'a> = history::BoxedQuery<'a, Db>;

/// Adds an entry, in the transaction of the change that it tells of.
pub(crate) fn write(conn: &mut Conn, entry: &NewHistory) -> QueryResult<()> {
    diesel::insert_into(history::table).values(entry).execute(conn).map(|_| ())
}

/// Adds an entry that tells of no change.
pub(crate) fn record(conn: &mut Conn, entry: &NewHistory) -> Result<(), Failure> {
    transaction(conn, |conn| Ok(write(conn, entry)?))
}

pub(crate) fn by_number(
    conn: &mut Conn,
    filter: &HistoryFilter,
    page: PageRequest,
) -> Result<Page<HistoryRow>, Failure> {
    snapshot(conn, |conn| {
        let rows = filtered(filter)
            .select(HistoryRow::as_select())
            .order(history::id.desc())
            .limit(page.size.into())
            .offset(offset(page))
            .load(conn)?;
        Ok(numbered(page, rows, || filtered(filter).count().get_result(conn))?)
    })
}

pub(crate) fn by_cursor(
    conn: &mut Conn,
    filter: &HistoryFilter,
    size: u32,
    from: Option<(Side, EntryId)>,
) -> Result<Page<HistoryRow>, Failure> {
    let rows = || filtered(filter).limit(one_more(size));
    let newest_first = |rows: Boxed<'_>, conn: &mut Conn| {
        rows.order(history::id.desc()).select(HistoryRow::as_select()).load(conn)
    };
    let Some((side, EntryId(id))) = from else {
        return Ok(pages::by_cursor(size, Side::After, newest_first(rows(), conn)?, false));
    };
    snapshot(conn, |conn| {
        let (rows, others) = match side {
            Side::After => (
                newest_first(rows().filter(history::id.lt(id)), conn)?,
                filtered(filter).filter(history::id.ge(id)),
            ),
            Side::Before => (
                rows()
                    .filter(history::id.gt(id))
                    .order(history::id.asc())
                    .select(HistoryRow::as_select())
                    .load(conn)?,
                filtered(filter).filter(history::id.le(id)),
            ),
        };
        let other = others.select(history::id).limit(1).get_result::<i64>(conn).optional()?;
        Ok(pages::by_cursor(size, side, rows, other.is_some()))
    })
}

fn filtered(filter: &HistoryFilter) -> Boxed<'_> {
    let mut rows = history::table.into_boxed::<Db>();
    if let Some(datastore) = filter.datastore {
        rows = rows.filter(history::datastore_id.eq(datastore.get()));
    }
    if let Some(actor) = &filter.actor {
        rows = rows.filter(history::actor.eq(actor.as_str()));
    }
    if let Some(action) = filter.action {
        rows = rows.filter(history::action.eq(action.as_str()));
    }
    if filter.without_tests {
        rows = rows.filter(history::action.ne(Action::ConnectionTest.as_str()));
    }
    rows
}
