//! Pages put together from the rows that were read.

use datastore_domain::{PageRequest, Side};
use datastore_ports::Page;
use diesel::QueryResult;

/// Rows to leave out; a number beyond what databases count is beyond the end of every list.
pub(crate) fn offset(page: PageRequest) -> i64 {
    i64::try_from(page.offset()).unwrap_or(i64::MAX)
}

/// The page of these rows; `count` is asked unless they tell it by themselves.
pub(crate) fn numbered<T>(
    page: PageRequest,
    rows: Vec<T>,
    count: impl FnOnce() -> QueryResult<i64>,
) -> QueryResult<Page<T>> {
    let (offset, length) = (page.offset(), rows.len() as u64);
    // A page that is neither full nor beyond the end is the last one.
    let is_last = length < u64::from(page.size) && (length > 0 || offset == 0);
    let count = if is_last { offset + length } else { count()?.unsigned_abs() };
    let (before, after) = (offset > 0 && count > 0, offset + length < count);
    Ok(Page { count: Some(count), before, after, rows })
}

/// Rows to read for a page by cursor: one more tells whether there are more.
pub(crate) fn one_more(size: u32) -> i64 {
    i64::from(size) + 1
}

/// The page of these rows, nearest first, as many as [`one_more`] wants; `other_side` says whether
/// there are rows on the other side of the place where it begins.
pub(crate) fn by_cursor<T>(size: u32, side: Side, mut rows: Vec<T>, other_side: bool) -> Page<T> {
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    match side {
        Side::After => Page { count: None, before: other_side, after: more, rows },
        Side::Before => {
            rows.reverse();
            Page { count: None, before: more, after: other_side, rows }
        }
    }
}
