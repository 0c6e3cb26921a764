//! Lists of datastores. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, Db, LOOKS_UP_PAIRS, position_of, snapshot};
use crate::compared::Compared;
use crate::error::{Failure, Reason};
use crate::keyset::{Condition, Key, Operator, places, stretches};
use crate::pages::{by_cursor, numbered, offset, one_more};
use crate::rows::DatastoreRow;
use crate::schema::{NullsFirst, NullsLast, datastores, deleted, living};
use datastore_domain::{
    Anchor, ListFilter, ListQuery, OrderKey, Ordering, PageRequest, Paging, Side,
};
use datastore_ports::{Page, RepositoryError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Text};

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
        Ok(numbered(page, rows, || filtered(query, Use::Count).count().get_result(conn))?)
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
        for conditions in stretches(&places, anchor.id, side, false, LOOKS_UP_PAIRS) {
            let missing = one_more(size) - i64::try_from(rows.len()).unwrap_or(i64::MAX);
            if missing == 0 {
                break;
            }
            let here = within(in_order(query, side), &conditions).limit(missing);
            rows.extend(here.select(DatastoreRow::as_select()).load(conn)?);
        }
        let mut other_side = false;
        for conditions in stretches(&places, anchor.id, side.opposite(), true, LOOKS_UP_PAIRS) {
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

/// What rows are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Count,
    List,
}

/// The rows that the filter leaves, in no order.
fn filtered(query: &ListQuery, usage: Use) -> Boxed<'_> {
    let filter = &query.filter;
    let mut rows = if filter.deleted { deleted().into_boxed() } else { living().into_boxed() };
    rows = of_kind(rows, filter);
    let newest = query.ordering.first().is_some_and(|first| first.key == OrderKey::CreatedAt);
    rows = match filter.is_active {
        // Most are active: rather than sort all of them, walk in the order that is asked for and
        // leave out the others. No index answers "is not".
        Some(true) if usage == Use::List && !newest => rows.filter(datastores::is_active.ne(false)),
        Some(is_active) => rows.filter(datastores::is_active.eq(is_active)),
        None => rows,
    };
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
    for word in filter.search.words() {
        rows = rows.filter(position_of(datastores::search_text, word.as_str()).gt(0));
    }
    rows
}

/// The rows to list as one meets them: from the beginning of the list on, or backwards.
pub(super) fn in_order(query: &ListQuery, side: Side) -> Boxed<'_> {
    use datastores::{avg_response_time_ms, created_at, datastore_type, id, name};
    let (mut rows, backwards) = (filtered(query, Use::List), side == Side::Before);
    if let [first, _, ..] = query.ordering[..] {
        rows = bounded(rows, first.key);
    }
    for Ordering { key, descending } in &query.ordering {
        rows = match (key, *descending != backwards) {
            (OrderKey::CreatedAt, false) => rows.then_order_by(created_at.asc()),
            (OrderKey::CreatedAt, true) => rows.then_order_by(created_at.desc()),
            (OrderKey::Name, false) => rows.then_order_by(name.asc()),
            (OrderKey::Name, true) => rows.then_order_by(name.desc()),
            (OrderKey::Type, false) => rows.then_order_by(datastore_type.asc()),
            (OrderKey::Type, true) => rows.then_order_by(datastore_type.desc()),
            (OrderKey::AvgResponseTimeMs, downward) => {
                let (up, down) = (avg_response_time_ms.asc(), avg_response_time_ms.desc());
                // Absent figures come last: first, when all is turned around.
                match (downward, backwards) {
                    (false, false) => rows.then_order_by(NullsLast::new(up)),
                    (false, true) => rows.then_order_by(NullsFirst::new(up)),
                    (true, false) => rows.then_order_by(NullsLast::new(down)),
                    (true, true) => rows.then_order_by(NullsFirst::new(down)),
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

/// A bound below all rows. Of an index that has the rows in the order of the first key only, SQLite
/// makes no use without one, and sorts the whole list instead of those that are equal in it.
fn bounded(rows: Boxed<'_>, key: OrderKey) -> Boxed<'_> {
    match key {
        OrderKey::CreatedAt => rows.filter(datastores::created_at.ge(i64::MIN)),
        OrderKey::Name => rows.filter(datastores::name.ge("")),
        OrderKey::Type => rows.filter(datastores::datastore_type.ge("")),
        // Some have none.
        OrderKey::AvgResponseTimeMs => rows,
    }
}

pub(super) fn within<'a>(mut rows: Boxed<'a>, conditions: &[Condition<'a>]) -> Boxed<'a> {
    for condition in conditions {
        rows = condition_on(rows, *condition);
    }
    rows
}

fn condition_on<'a>(rows: Boxed<'a>, condition: Condition<'a>) -> Boxed<'a> {
    use datastores::{avg_response_time_ms, id};
    match condition {
        Condition::Key(operator, key) => compared(rows, operator, key, None),
        Condition::Pair(operator, key, number) => compared(rows, operator, key, Some(number)),
        Condition::Id(operator, number) => {
            rows.filter(Compared::new(id, operator, number.into_sql::<BigInt>(), None))
        }
        Condition::ResponseTimeIsAbsent(true) => rows.filter(avg_response_time_ms.is_null()),
        Condition::ResponseTimeIsAbsent(false) => rows.filter(avg_response_time_ms.is_not_null()),
    }
}

fn compared<'a>(
    rows: Boxed<'a>,
    operator: Operator,
    key: Key<'a>,
    with_id: Option<i64>,
) -> Boxed<'a> {
    use datastores::{avg_response_time_ms, created_at, datastore_type, name};
    match key {
        Key::CreatedAt(at) => {
            rows.filter(Compared::new(created_at, operator, at.into_sql::<BigInt>(), with_id))
        }
        Key::Name(text) => {
            rows.filter(Compared::new(name, operator, text.into_sql::<Text>(), with_id))
        }
        Key::Type(text) => {
            rows.filter(Compared::new(datastore_type, operator, text.into_sql::<Text>(), with_id))
        }
        Key::ResponseTime(ms) => {
            let ms = ms.into_sql::<Double>();
            rows.filter(Compared::new(avg_response_time_ms, operator, ms, with_id))
        }
    }
}
