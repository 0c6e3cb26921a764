//! `DELETE /api/v1/datastores/{id}/current-datasets/{dataset_id}/`

use super::Answer;
use super::assign_dataset::path_dataset;
use crate::problem::{Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::AssignDatasets;

const LOOK: &str = "Look at the current-datasets/ of the datastore before you send it again.";

/// Release a dataset from a datastore.
#[utoipa::path(
    delete, path = "/api/v1/datastores/{id}/current-datasets/{dataset_id}/", tag = "datasets",
    operation_id = "release_dataset",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("dataset_id" = String, Path, description = "The dataset"),
    ),
    responses(
        (status = 204, description = "Released"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn release_dataset(
    Allowed(granted): Allowed<AssignDatasets>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let located = state.registry.locate(&granted, path_id(&request)?).await?;
    let dataset = path_dataset(&request)?;
    Query::none(&request)?;
    let released = state.registry.release(&granted, &located, &dataset).await;
    released.map_err(Problem::of_change(LOOK))?;
    Ok(HttpResponse::NoContent().finish())
}
