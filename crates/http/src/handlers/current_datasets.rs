//! `GET /api/v1/datastores/{id}/current-datasets/`

use super::Answer;
use crate::output::{AssignmentOutput, AssignmentPage};
use crate::page;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadDatastores;

/// List the datasets that live in a datastore.
#[utoipa::path(
    get, path = "/api/v1/datastores/{id}/current-datasets/", tag = "datasets",
    operation_id = "list_current_datasets",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, description = "A page", body = AssignmentPage),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_current_datasets(
    Allowed(granted): Allowed<ReadDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let id = path_id(&request)?;
    let located = state.registry.locate(&granted, id).await?;
    let mut query = Query::read(&request, &["page", "page_size"]);
    let page = page::request(&mut query);
    query.finish()?;
    let _turn = state.answers.turn(page.size).await?;
    let found = state.registry.current_datasets(&granted, &located, page).await?;
    let url = format!("{}/api/v1/datastores/{id}/current-datasets/", state.origin.of(&request));
    let links = page::numbered(&url, &query, page, &found)?;
    let results = found.rows.into_iter().map(AssignmentOutput::from).collect();
    Ok(super::json(&mut HttpResponse::Ok(), &links.envelope(found.count, results)))
}
