//! Pages by number.

use crate::problem::Problem;
use crate::query::{Query, number};
use datastore_domain::PageRequest;

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

/// Absolute URLs of the pages beside this one.
pub(crate) struct Links {
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
}

/// The links of page `page` of `count` rows; a page beyond the last is not found.
pub(crate) fn links(
    origin: &str,
    path: &str,
    query: &Query,
    page: PageRequest,
    count: u64,
) -> Result<Links, Problem> {
    if page.page > 1 && page.offset() >= count {
        return Err(Problem::not_found("page"));
    }
    let url = |page| format!("{origin}{path}?{}", query.with_page(page));
    let more = page.offset() + u64::from(page.size) < count;
    Ok(Links {
        next: more.then(|| url(page.page + 1)),
        previous: (page.page > 1).then(|| url(page.page - 1)),
    })
}
