//! `GET /api/v1/datastores/`

use super::Answer;
use crate::cursor::Datastores;
use crate::output::{DatastoreOutput, DatastorePage};
use crate::page;
use crate::problem::ProblemBody;
use crate::query::{Query, choice, truth};
use crate::state::{Allowed, State};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{DatastoreView, ListDeleted, ReadDatastores};
use datastore_domain::{
    DatastoreType, ListFilter, ListQuery, OrderKey, Ordering, SearchTerms, System,
};

const PATH: &str = "/api/v1/datastores/";
const KNOWN: [&str; 9] =
    ["type", "system", "is_active", "search", "ordering", "deleted", "page", "page_size", "cursor"];

/// List datastores.
///
/// By number (`page`), with a count, or by cursor: start with an empty `cursor` and follow `next`;
/// the cost of a page does not depend on its position then.
#[utoipa::path(
    get, path = "/api/v1/datastores/", tag = "datastores", operation_id = "list_datastores",
    params(
        ("type" = Option<String>, Query, description = "Any of these types, separated by commas"),
        ("system" = Option<String>, Query, description = "Any of these systems, separated by commas"),
        ("is_active" = Option<bool>, Query, description = "Active or not"),
        ("search" = Option<String>, Query, description = "Words that all occur in name or description"),
        ("ordering" = Option<String>, Query, description = "created_at, name, type, avg_response_time_ms, separated by commas, each with - for descending; -created_at unless told otherwise"),
        ("deleted" = Option<bool>, Query, description = "Deleted datastores instead, for admins; false unless told otherwise"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "Empty to start, then from next and previous; good for the same filters and ordering, and not beside page", max_length = 2048),
    ),
    responses(
        (status = 200, description = "A page", body = DatastorePage<'_>),
        (status = 403, description = "`forbidden`: `deleted` is true, and the role is not admin", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_datastores(
    Allowed(granted): Allowed<ReadDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::read(&request, &KNOWN);
    let (filter, ordering) = question(&mut query);
    let of_deleted = match filter.deleted {
        true => Some(state.registry.authorize::<ListDeleted>(granted.caller().clone()).await?),
        false => None,
    };
    let places = Datastores::new(PATH, &filter, &ordering);
    let paging = page::paging(&mut query, &places);
    query.finish()?;
    let question = ListQuery { filter, ordering: ordering.clone(), paging: paging.clone() };
    let _turn = state.answers.turn(page::size(&paging)).await?;
    let found = match &of_deleted {
        Some(granted) => state.registry.list_deleted(granted, question).await?,
        None => state.registry.list(&granted, question).await?,
    };
    let url = format!("{}{PATH}", state.origin.of(&request));
    let place = |view: &DatastoreView| view.anchor(&ordering);
    let links = page::links(&url, &query, &places, &paging, &found, place)?;
    let results = found.rows.iter().map(DatastoreOutput::from).collect();
    Ok(super::json(&mut HttpResponse::Ok(), &links.envelope(found.count, results)))
}

/// Which datastores are asked for, but for deleted ones, and in which order.
fn question(query: &mut Query) -> (ListFilter, Vec<Ordering>) {
    let types = query.get("type", |text| choices(text, &DatastoreType::ALL, DatastoreType::as_str));
    let systems = query.get("system", |text| choices(text, &System::ALL, System::as_str));
    let is_active = query.get("is_active", truth);
    let search = query.get("search", |text| {
        SearchTerms::new(text).ok_or_else(|| {
            format!(
                "Must be at most {} characters and {} words.",
                SearchTerms::MAX_CHARS,
                SearchTerms::MAX_WORDS
            )
        })
    });
    let newest_first = Ordering { key: OrderKey::CreatedAt, descending: true };
    let ordering = query.get("ordering", ordering).unwrap_or_else(|| vec![newest_first]);
    let filter = ListFilter {
        types: types.unwrap_or_default(),
        systems: systems.unwrap_or_default(),
        is_active,
        search: search.unwrap_or_default(),
        deleted: query.get("deleted", truth).unwrap_or_default(),
    };
    (filter, ordering)
}

/// A comma list of names.
fn choices<T: Copy>(
    text: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    text.split(',').map(|name| choice(name, all, as_str)).collect()
}

fn ordering(text: &str) -> Result<Vec<Ordering>, String> {
    let mut keys: Vec<Ordering> = Vec::new();
    for part in text.split(',') {
        let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
        let key = choice(name, &OrderKey::ALL, OrderKey::as_str)?;
        if keys.iter().any(|earlier| earlier.key == key) {
            return Err(format!("Names {name} twice."));
        }
        keys.push(Ordering { key, descending });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orderings() {
        let parsed = ordering("-name,created_at").expect("valid");
        assert_eq!(
            parsed,
            [
                Ordering { key: OrderKey::Name, descending: true },
                Ordering { key: OrderKey::CreatedAt, descending: false },
            ]
        );
        for bad in ["", "nmae", "name,", "--name", "name,-name", "id", "description"] {
            assert!(ordering(bad).is_err(), "{bad}");
        }
        let hint = ordering("nmae").expect_err("unknown");
        assert!(hint.contains("Did you mean name?"), "{hint}");
    }
}
