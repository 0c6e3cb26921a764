//! Lists of datastores. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, Db, position_of, snapshot};
use crate::error::{Failure, Reason};
use crate::keyset::{Condition, Key, places, stretches};
use crate::pages::{by_cursor, numbered, offset, one_more};
use crate::rows::DatastoreRow;
use crate::schema::{datastores, deleted, living};
use datastore_domain::{
    Anchor, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging, Side,
};
use datastore_ports::{Page, RepositoryError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

type Boxed<'a> = datastores::BoxedQuery<'a, Db>;

pub(crate) fn list(conn: &mut Conn, query: &ListQuery) -> Result<Page<DatastoreRow>, Failure> {
    let (paging, searched) = (&query.paging, query.filter.search.words());
    // No stored text holds this character, and PostgreSQL refuses it in a parameter.
    if searched.iter().any(|word| word.contains('\0')) {
        let count = matches!(paging, Paging::Number(_)).then_some(0);
        return Ok(Page { count, before: false, after: false, rows: Vec::new() });
    }
    match paging {
        Paging::Number(page) => by_number(conn, query, *page),
        Paging::Cursor { size, from: None } => {
            let rows = in_order(query, Side::After).limit(one_more(*size));
            let rows = rows.select(DatastoreRow::as_select()).load(conn)?;
            Ok(by_cursor(*size, Side::After, rows, false))
        }
        Paging::Cursor { size, from: Some((side, anchor)) } => {
            from_anchor(conn, query, *size, *side, anchor)
        }
    }
}

fn by_number(
    conn: &mut Conn,
    query: &ListQuery,
    page: PageRequest,
) -> Result<Page<DatastoreRow>, Failure> {
    snapshot(conn, |conn| {
        let rows = in_order(query, Side::After).limit(page.size.into()).offset(offset(page));
        let rows = rows.select(DatastoreRow::as_select()).load(conn)?;
        Ok(numbered(page, rows, || filtered(query).count().get_result(conn))?)
    })
}

fn from_anchor(
    conn: &mut Conn,
    query: &ListQuery,
    size: u32,
    side: Side,
    anchor: &Anchor,
) -> Result<Page<DatastoreRow>, Failure> {
    let Some(places) = places(&query.ordering, anchor) else {
        let reason = Reason("an anchor that does not fit the ordering");
        return Err(Failure::Refused(RepositoryError::Internal(reason.into())));
    };
    snapshot(conn, |conn| {
        let mut rows = Vec::new();
        for conditions in stretches(&places, anchor.id, side, false) {
            let missing = one_more(size) - i64::try_from(rows.len()).unwrap_or(i64::MAX);
            if missing == 0 {
                break;
            }
            let here = within(in_order(query, side), &conditions).limit(missing);
            rows.extend(here.select(DatastoreRow::as_select()).load(conn)?);
        }
        let mut other_side = false;
        for conditions in stretches(&places, anchor.id, side.opposite(), true) {
            let here = within(in_order(query, side.opposite()), &conditions).limit(1);
            other_side = here.select(datastores::id).get_result::<i64>(conn).optional()?.is_some();
            if other_side {
                break;
            }
        }
        Ok(by_cursor(size, side, rows, other_side))
    })
}

/// Whether the statement is of a shape that comes again and again. Only such are kept prepared:
/// callers choose the shape, and there are too many to keep them all on each connection.
fn is_common(query: &ListQuery) -> bool {
    let ListQuery { filter, ordering, paging } = query;
    let words = if matches!(paging, Paging::Number(_)) { 2 } else { 0 };
    ordering.len() <= 1
        && filter.search.words().len() <= words
        && filter.types.len() <= 1
        && filter.systems.len() <= 1
        && !filter.deleted
}

/// The rows to list, in no order.
fn filtered(query: &ListQuery) -> Boxed<'_> {
    let filter = &query.filter;
    let rows = if filter.deleted { deleted().into_boxed() } else { living().into_boxed() };
    let rows = of_kind(rows, filter);
    // diesel does not keep statements with literal SQL in them.
    if is_common(query) { rows } else { rows.filter(sql::<Bool>("TRUE")) }
}

fn of_kind<'a>(mut rows: Boxed<'a>, filter: &'a ListFilter) -> Boxed<'a> {
    match filter.types.as_slice() {
        [] => {}
        [one] => rows = rows.filter(datastores::datastore_type.eq(one.as_str())),
        many => {
            let names = many.iter().map(|one| one.as_str());
            rows = rows.filter(datastores::datastore_type.eq_any(names));
        }
    }
    match filter.systems.as_slice() {
        [] => {}
        [one] => rows = rows.filter(datastores::system.eq(one.as_str())),
        many => {
            let names = many.iter().map(|one| one.as_str());
            rows = rows.filter(datastores::system.eq_any(names));
        }
    }
    if let Some(is_active) = filter.is_active {
        rows = rows.filter(datastores::is_active.eq(is_active));
    }
    for word in filter.search.words() {
        rows = rows.filter(position_of(datastores::search_text, word.as_str()).gt(0));
    }
    rows
}

/// The rows to list as one meets them: from the beginning of the list on, or backwards.
fn in_order(query: &ListQuery, side: Side) -> Boxed<'_> {
    use datastores::{avg_response_time_ms, created_at, datastore_type, id, name};
    let (mut rows, backwards) = (filtered(query), side == Side::Before);
    for Ordering { key, descending } in &query.ordering {
        rows = match (key, *descending != backwards) {
            (OrderKey::CreatedAt, false) => rows.then_order_by(created_at.asc()),
            (OrderKey::CreatedAt, true) => rows.then_order_by(created_at.desc()),
            (OrderKey::Name, false) => rows.then_order_by(name.asc()),
            (OrderKey::Name, true) => rows.then_order_by(name.desc()),
            (OrderKey::Type, false) => rows.then_order_by(datastore_type.asc()),
            (OrderKey::Type, true) => rows.then_order_by(datastore_type.desc()),
            (OrderKey::AvgResponseTimeMs, downward) => {
                let is_absent = avg_response_time_ms.is_null();
                let rows = if backwards {
                    rows.then_order_by(is_absent.desc())
                } else {
                    rows.then_order_by(is_absent.asc())
                };
                if downward {
                    rows.then_order_by(avg_response_time_ms.desc())
                } else {
                    rows.then_order_by(avg_response_time_ms.asc())
                }
            }
        };
    }
    let descending = query.ordering.last().is_some_and(|last| last.descending);
    if descending == backwards {
        rows.then_order_by(id.asc())
    } else {
        rows.then_order_by(id.desc())
    }
}

fn within<'a>(mut rows: Boxed<'a>, conditions: &[Condition<'a>]) -> Boxed<'a> {
    for condition in conditions {
        rows = condition_on(rows, *condition);
    }
    rows
}

fn condition_on<'a>(rows: Boxed<'a>, condition: Condition<'a>) -> Boxed<'a> {
    use datastores::{avg_response_time_ms, created_at, datastore_type, id, name};
    // As the indexes have it, whose first column this is.
    let is_absent = || avg_response_time_ms.is_null();
    match condition {
        Condition::Equal(Key::CreatedAt(at)) => rows.filter(created_at.eq(at)),
        Condition::Above(Key::CreatedAt(at)) => rows.filter(created_at.gt(at)),
        Condition::Below(Key::CreatedAt(at)) => rows.filter(created_at.lt(at)),
        Condition::Equal(Key::Name(text)) => rows.filter(name.eq(text)),
        Condition::Above(Key::Name(text)) => rows.filter(name.gt(text)),
        Condition::Below(Key::Name(text)) => rows.filter(name.lt(text)),
        Condition::Equal(Key::Type(text)) => rows.filter(datastore_type.eq(text)),
        Condition::Above(Key::Type(text)) => rows.filter(datastore_type.gt(text)),
        Condition::Below(Key::Type(text)) => rows.filter(datastore_type.lt(text)),
        Condition::Equal(Key::ResponseTime(number)) => {
            rows.filter(is_absent().eq(false)).filter(avg_response_time_ms.eq(number))
        }
        Condition::Above(Key::ResponseTime(number)) => {
            rows.filter(is_absent().eq(false)).filter(avg_response_time_ms.gt(number))
        }
        Condition::Below(Key::ResponseTime(number)) => {
            rows.filter(is_absent().eq(false)).filter(avg_response_time_ms.lt(number))
        }
        Condition::ResponseTimeIsAbsent(true) => {
            rows.filter(is_absent().eq(true)).filter(is_absent())
        }
        Condition::ResponseTimeIsAbsent(false) => rows.filter(is_absent().eq(false)),
        Condition::IdAbove(number) => rows.filter(id.gt(number)),
        Condition::IdBelow(number) => rows.filter(id.lt(number)),
        Condition::IdFrom(number) => rows.filter(id.ge(number)),
        Condition::IdUpTo(number) => rows.filter(id.le(number)),
    }
}
