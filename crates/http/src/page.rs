//! Pages, by number and by cursor.

use crate::cursor::Places;
use crate::output::Envelope;
use crate::problem::Problem;
use crate::query::{Query, number};
use datastore_application::Page;
use datastore_domain::{PageRequest, Paging, Side};

/// Reads `page` and `page_size`.
pub(crate) fn request(query: &mut Query) -> PageRequest {
    let page = query.get("page", |text| {
        // A number beyond what is counted here is beyond the last page, too.
        let huge = text.len() > 9 && text.bytes().all(|b| b.is_ascii_digit());
        if huge { Ok(u32::MAX) } else { number(text, 1..=u32::MAX) }
    });
    let size = query.get("page_size", |text| number(text, 1..=PageRequest::MAX_SIZE));
    PageRequest { page: page.unwrap_or(1), size: size.unwrap_or(PageRequest::DEFAULT_SIZE) }
}

/// Reads `page_size`, and `page` or `cursor`.
pub(crate) fn paging<K>(query: &mut Query, places: &impl Places<K>) -> Paging<K> {
    let by_number = request(query);
    let both = query.has("page");
    let cursor = query.get("cursor", |text| match text {
        _ if both => Err("Must not stand beside page.".to_owned()),
        "" => Ok(None),
        text => places.parse(text).map(Some).ok_or_else(|| {
            "Is no cursor of this list with these filters and this ordering; \
             start over with an empty one."
                .to_owned()
        }),
    });
    match cursor {
        Some(from) => Paging::Cursor { size: by_number.size, from },
        None => Paging::Number(by_number),
    }
}

/// Rows of the page that is asked for.
pub(crate) fn size<K>(paging: &Paging<K>) -> u32 {
    match paging {
        Paging::Number(page) => page.size,
        Paging::Cursor { size, .. } => *size,
    }
}

/// Absolute URLs of the pages beside this one.
pub(crate) struct Links {
    next: Option<String>,
    previous: Option<String>,
}

impl Links {
    /// The page as it is answered.
    pub(crate) fn envelope<T>(self, count: Option<u64>, results: Vec<T>) -> Envelope<T> {
        Envelope { count, next: self.next, previous: self.previous, results }
    }
}

/// The links of a page by number of the list at `url`; a page beyond the last is not found.
pub(crate) fn numbered<T>(
    url: &str,
    query: &Query,
    page: PageRequest,
    found: &Page<T>,
) -> Result<Links, Problem> {
    if page.page > 1 && found.rows.is_empty() {
        return Err(Problem::not_found("page"));
    }
    let link = |page: u32| format!("{url}?{}", query.with("page", &page.to_string()));
    Ok(Links {
        next: found.after.then(|| link(page.page + 1)),
        previous: found.before.then(|| link(page.page - 1)),
    })
}

/// The links of a page of the list at `url`, whose rows have their places by `place`.
pub(crate) fn links<T, K>(
    url: &str,
    query: &Query,
    places: &impl Places<K>,
    paging: &Paging<K>,
    found: &Page<T>,
    place: impl Fn(&T) -> K,
) -> Result<Links, Problem> {
    let from = match paging {
        Paging::Number(page) => return numbered(url, query, *page, found),
        Paging::Cursor { from, .. } => from,
    };
    let link = |side, row: Option<&T>| {
        let cursor = match (row, from) {
            (Some(row), _) => places.cursor(side, &place(row)),
            // The rows that were asked for are gone, and the way leads back to the row they followed.
            (None, Some((_, anchor))) => places.cursor(side, &places.beside(anchor, side)?),
            (None, None) => return None,
        };
        Some(format!("{url}?{}", query.with("cursor", &cursor)))
    };
    Ok(Links {
        next: if found.after { link(Side::After, found.rows.last()) } else { None },
        previous: if found.before { link(Side::Before, found.rows.first()) } else { None },
    })
}
