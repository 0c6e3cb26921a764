//! `GET /api/v1/datastores/`

use super::Answer;
use crate::output::{DatastoreOutput, DatastorePage, Envelope};
use crate::page::{self, links};
use crate::problem::ProblemBody;
use crate::query::{Query, suggestion};
use crate::state::{Allowed, State};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadDatastores;
use datastore_domain::{
    DatastoreType, ListFilter, ListQuery, OrderKey, Ordering, SearchTerms, System,
};

/// List datastores.
#[utoipa::path(
    get, path = "/api/v1/datastores/", tag = "datastores", operation_id = "list_datastores",
    params(
        ("type" = Option<String>, Query, description = "Any of these types, separated by commas"),
        ("system" = Option<String>, Query, description = "Any of these systems, separated by commas"),
        ("is_active" = Option<bool>, Query, description = "Active or not"),
        ("search" = Option<String>, Query, description = "Words that all occur in name or description"),
        ("ordering" = Option<String>, Query, description = "created_at, name, type, avg_response_time_ms, separated by commas, each with - for descending; -created_at unless told otherwise"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, description = "A page", body = DatastorePage<'_>),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_datastores(
    Allowed(granted): Allowed<ReadDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let known = ["type", "system", "is_active", "search", "ordering", "page", "page_size"];
    let mut query = Query::read(&request, &known);
    let question = question(&mut query);
    query.finish()?;
    let found = state.registry.list(&granted, &question).await?;
    let path = "/api/v1/datastores/";
    let links = links(&state.origin.of(&request), path, &query, question.page, found.count)?;
    let envelope = Envelope {
        count: found.count,
        next: links.next,
        previous: links.previous,
        results: found.rows.iter().map(DatastoreOutput::from).collect(),
    };
    Ok(super::json(&mut HttpResponse::Ok(), &envelope))
}

fn question(query: &mut Query) -> ListQuery {
    let types = query.get("type", |text| choices(text, &DatastoreType::ALL, DatastoreType::as_str));
    let systems = query.get("system", |text| choices(text, &System::ALL, System::as_str));
    let is_active = query.get("is_active", |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("Must be true or false.".to_owned()),
    });
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
    };
    ListQuery { filter, ordering, page: page::request(query) }
}

/// A comma list of names.
fn choices<T: Copy>(
    text: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let names: Vec<_> = all.iter().map(|choice| as_str(*choice)).collect();
    let choice = |name: &str| {
        let found = all.iter().copied().find(|choice| as_str(*choice) == name);
        found.ok_or_else(|| {
            let near = suggestion(name, &names).map(|near| format!(" Did you mean {near}?"));
            format!("Must be one of {}.{}", names.join(", "), near.unwrap_or_default())
        })
    };
    text.split(',').map(choice).collect()
}

fn ordering(text: &str) -> Result<Vec<Ordering>, String> {
    let mut keys: Vec<Ordering> = Vec::new();
    for part in text.split(',') {
        let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
        let [key] = choices(name, &OrderKey::ALL, OrderKey::as_str)?[..] else {
            return Err("Each key must be one name.".to_owned());
        };
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
