//! `GET /api/v1/datastores/{id}/history/` and `GET /api/v1/audit/`

use super::Answer;
use crate::cursor::{Entries, Scope};
use crate::output::{ActionName, EntryOutput, EntryPage};
use crate::page;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Query, choice};
use crate::state::{Allowed, State, id, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{Granted, ReadHistory};
use datastore_domain::{Action, DatastoreId, HistoryFilter, RecordedEntry, TokenName};

const AUDIT: &str = "/api/v1/audit/";

/// List what was done to a datastore, newest first.
///
/// Of deleted datastores too. Secrets are not in it, nor are connection tests: those are in the
/// audit.
#[utoipa::path(
    get, path = "/api/v1/datastores/{id}/history/", tag = "history",
    operation_id = "list_history",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "Empty to start, then from next and previous; not beside page", max_length = 2048),
    ),
    responses(
        (status = 200, description = "A page", body = EntryPage),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_history(
    Allowed(granted): Allowed<ReadHistory>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let datastore = path_id(&request)?;
    state.registry.locate_any(&granted, datastore).await?;
    let query = Query::read(&request, &["page", "page_size", "cursor"]);
    let datastore_alone = HistoryFilter { datastore: Some(datastore), ..HistoryFilter::default() };
    let filter = HistoryFilter { without_tests: true, ..datastore_alone };
    let path = format!("/api/v1/datastores/{datastore}/history/");
    let places = Entries(Scope::new(&path));
    entries(&granted, &state, &request, &path, query, places, &filter).await
}

/// List what was done to datastores and tokens, and which connections were tested, newest first.
///
/// Secrets are not in it.
#[utoipa::path(
    get, path = "/api/v1/audit/", tag = "history", operation_id = "list_audit",
    params(
        ("datastore_id" = Option<i64>, Query, description = "To this datastore, deleted or not"),
        ("actor" = Option<String>, Query, description = "By the token, or the command, of this name"),
        ("action" = Option<ActionName>, Query, description = "Of this kind"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "Empty to start, then from next and previous; good for the same filters, and not beside page", max_length = 2048),
    ),
    responses(
        (status = 200, description = "A page", body = EntryPage),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_audit(
    Allowed(granted): Allowed<ReadHistory>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let known = ["datastore_id", "actor", "action", "page", "page_size", "cursor"];
    let mut query = Query::read(&request, &known);
    let filter = HistoryFilter {
        datastore: query.get("datastore_id", |text| {
            let found = id(text).and_then(DatastoreId::new);
            found.ok_or_else(|| "Must be a positive whole number.".to_owned())
        }),
        actor: query.get("actor", |text| TokenName::try_from(text).map_err(|error| error.detail)),
        action: query.get("action", |text| choice(text, &Action::ALL, Action::as_str)),
        without_tests: false,
    };
    let mut scope = Scope::new(AUDIT);
    let datastore = filter.datastore.map(|id| id.to_string());
    scope.add("datastore_id", datastore.as_deref());
    scope.add("actor", filter.actor.as_ref().map(TokenName::as_str));
    scope.add("action", filter.action.map(Action::as_str));
    entries(&granted, &state, &request, AUDIT, query, Entries(scope), &filter).await
}

async fn entries(
    granted: &Granted<ReadHistory>,
    state: &State,
    request: &HttpRequest,
    path: &str,
    mut query: Query,
    places: Entries,
    filter: &HistoryFilter,
) -> Answer {
    let paging = page::paging(&mut query, &places);
    query.finish()?;
    let _turn = state.answers.turn(page::size(&paging)).await?;
    let found = state.registry.history(granted, filter, paging.clone()).await?;
    let url = format!("{}{path}", state.origin.of(request));
    let links =
        page::links(&url, &query, &places, &paging, &found, |entry: &RecordedEntry| entry.id)?;
    let results = found.rows.into_iter().map(EntryOutput::try_from);
    let results = results.collect::<Result<_, Problem>>()?;
    Ok(super::json(&mut HttpResponse::Ok(), &links.envelope(found.count, results)))
}
