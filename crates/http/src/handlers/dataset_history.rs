//! `GET /api/v1/datastores/{id}/dataset-history/`

use super::Answer;
use crate::output::{AssignmentPeriodOutput, AssignmentPeriodPage};
use crate::page;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadDatasetHistory;

/// List the datasets that live in a datastore or lived there, newest assignment first.
///
/// Of deleted datastores too.
#[utoipa::path(
    get, path = "/api/v1/datastores/{id}/dataset-history/", tag = "datasets",
    operation_id = "list_dataset_history",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, description = "A page", body = AssignmentPeriodPage),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_dataset_history(
    Allowed(granted): Allowed<ReadDatasetHistory>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let id = path_id(&request)?;
    let located = state.registry.locate_any(&granted, id).await?;
    let mut query = Query::read(&request, &["page", "page_size"]);
    let page = page::request(&mut query);
    query.finish()?;
    let _turn = state.answers.turn(page.size).await?;
    let found = state.registry.dataset_history(&granted, located, page).await?;
    let url = format!("{}/api/v1/datastores/{id}/dataset-history/", state.origin.of(&request));
    let links = page::numbered(&url, &query, page, &found)?;
    let results = found.rows.into_iter().map(AssignmentPeriodOutput::from).collect();
    Ok(super::json(&mut HttpResponse::Ok(), &links.envelope(found.count, results)))
}
