//! Pages of datastores. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, Db, position_of};
use crate::error::Failure;
use crate::rows::DatastoreRow;
use crate::schema::{datastores, living};
use datastore_domain::{ListFilter, ListQuery, OrderKey, Ordering, PageRequest};
use datastore_ports::Page;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

type Boxed<'a> = datastores::BoxedQuery<'a, Db>;

pub(crate) fn list(conn: &mut Conn, query: &ListQuery) -> Result<Page<DatastoreRow>, Failure> {
    // No stored text holds this character, and PostgreSQL refuses it in a parameter.
    if query.filter.search.words().iter().any(|word| word.contains('\0')) {
        return Ok(Page { count: 0, rows: Vec::new() });
    }
    let ordering = without_repetition(&query.ordering);
    let cached = is_common(&query.filter, &ordering);
    let (limit, offset) = (i64::from(query.page.size), offset(query.page));
    let rows: Vec<DatastoreRow> = ordered(filtered(&query.filter, cached), &ordering)
        .select(DatastoreRow::as_select())
        .limit(limit)
        .offset(offset)
        .load(conn)?;
    // A page that is neither full nor beyond the end tells the count by itself.
    let is_last = rows.len() < query.page.size as usize && (!rows.is_empty() || offset == 0);
    let count = if is_last {
        query.page.offset() + rows.len() as u64
    } else {
        let count: i64 = filtered(&query.filter, cached).count().get_result(conn)?;
        count.unsigned_abs()
    };
    Ok(Page { count, rows })
}

/// Rows to leave out; a number beyond what databases count is beyond the end of every list.
pub(crate) fn offset(page: PageRequest) -> i64 {
    i64::try_from(page.offset()).unwrap_or(i64::MAX)
}

/// A key that was named before decides nothing more.
fn without_repetition(ordering: &[Ordering]) -> Vec<Ordering> {
    let mut keys: Vec<Ordering> = Vec::with_capacity(OrderKey::ALL.len());
    for next in ordering {
        if keys.iter().all(|earlier| earlier.key != next.key) {
            keys.push(*next);
        }
    }
    keys
}

/// Whether the statement is of a shape that comes again and again. Only such are kept prepared:
/// callers choose the shape, and there are too many to keep them all on each connection.
fn is_common(filter: &ListFilter, ordering: &[Ordering]) -> bool {
    ordering.len() <= 1
        && filter.search.words().len() <= 2
        && filter.types.len() <= 1
        && filter.systems.len() <= 1
}

fn filtered<'a>(filter: &'a ListFilter, cached: bool) -> Boxed<'a> {
    let mut query = living().into_boxed::<Db>();
    match filter.types.as_slice() {
        [] => {}
        [one] => query = query.filter(datastores::datastore_type.eq(one.as_str())),
        many => {
            let names = many.iter().map(|one| one.as_str());
            query = query.filter(datastores::datastore_type.eq_any(names));
        }
    }
    match filter.systems.as_slice() {
        [] => {}
        [one] => query = query.filter(datastores::system.eq(one.as_str())),
        many => {
            let names = many.iter().map(|one| one.as_str());
            query = query.filter(datastores::system.eq_any(names));
        }
    }
    if let Some(is_active) = filter.is_active {
        query = query.filter(datastores::is_active.eq(is_active));
    }
    for word in filter.search.words() {
        query = query.filter(position_of(datastores::search_text, word.as_str()).gt(0));
    }
    if !cached {
        // diesel does not keep statements with literal SQL in them.
        query = query.filter(sql::<Bool>("TRUE"));
    }
    query
}

fn ordered<'a>(mut query: Boxed<'a>, ordering: &[Ordering]) -> Boxed<'a> {
    use datastores::{avg_response_time_ms, created_at, datastore_type, id, name};
    for Ordering { key, descending } in ordering {
        query = match (key, descending) {
            (OrderKey::CreatedAt, false) => query.then_order_by(created_at.asc()),
            (OrderKey::CreatedAt, true) => query.then_order_by(created_at.desc()),
            (OrderKey::Name, false) => query.then_order_by(name.asc()),
            (OrderKey::Name, true) => query.then_order_by(name.desc()),
            (OrderKey::Type, false) => query.then_order_by(datastore_type.asc()),
            (OrderKey::Type, true) => query.then_order_by(datastore_type.desc()),
            (OrderKey::AvgResponseTimeMs, false) => query
                .then_order_by(avg_response_time_ms.is_null().asc())
                .then_order_by(avg_response_time_ms.asc()),
            (OrderKey::AvgResponseTimeMs, true) => query
                .then_order_by(avg_response_time_ms.is_null().asc())
                .then_order_by(avg_response_time_ms.desc()),
        };
    }
    match ordering.last() {
        Some(Ordering { descending: true, .. }) => query.then_order_by(id.desc()),
        Some(_) | None => query.then_order_by(id.asc()),
    }
}
