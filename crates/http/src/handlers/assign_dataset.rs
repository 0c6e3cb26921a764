//! `PUT /api/v1/datastores/{id}/current-datasets/{dataset_id}/`

use super::Answer;
use crate::body;
use crate::input::{flag, optional, refuse};
use crate::json::Json;
use crate::output::AssignmentOutput;
use crate::problem::{Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{AssignDatasets, AssignOutcome, AssignRequest};
use datastore_domain::{DatasetId, DatasetName};
use utoipa::ToSchema;

/// How to assign; may be left out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the input in the OpenAPI document")]
pub(crate) struct AssignInput {
    /// Name of the dataset, for people.
    name: Option<String>,
    /// Take the dataset away from the datastore that it lives in.
    r#move: Option<bool>,
}

const LOOK: &str = "Look at the current-datasets/ of the datastore, or send it again: assigning a \
    dataset where it lives already changes nothing.";

/// The dataset that the path names; what is no id names nothing.
pub(crate) fn path_dataset(request: &HttpRequest) -> Result<DatasetId, Problem> {
    let text = request.match_info().get("dataset_id").unwrap_or_default();
    DatasetId::try_from(text).map_err(|_| Problem::not_found("dataset"))
}

/// Assign a dataset to a datastore.
///
/// A dataset lives in one datastore. Doing it again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/datastores/{id}/current-datasets/{dataset_id}/", tag = "datasets",
    operation_id = "assign_dataset",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("dataset_id" = String, Path, description = "1 to 128 characters of A-Z, a-z, 0-9, ., _ and -"),
    ),
    request_body = Option<AssignInput>,
    responses(
        (status = 201, description = "Assigned", body = AssignmentOutput),
        (status = 200, description = "It lives here already", body = AssignmentOutput),
        (status = 409, description = "`datastore_inactive` or `dataset_assigned_elsewhere`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn assign_dataset(
    Allowed(granted): Allowed<AssignDatasets>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let located = state.registry.locate(&granted, path_id(&request)?).await?;
    let dataset = path_dataset(&request)?;
    let mut members = body::read_optional(&request, payload).await?;
    Query::none(&request)?;
    let mut errors = Vec::new();
    let name = optional(&mut members, "name", &mut errors, |json| match json {
        Json::Text(text) => DatasetName::try_from(text.as_str())
            .map_err(|error| (error.code.as_str(), error.detail)),
        _ => Err(("invalid_type", "Must be a string.".to_owned())),
    });
    let move_here = optional(&mut members, "move", &mut errors, flag);
    errors.extend(members.unknown(&["name", "move"]));
    refuse(errors)?;
    let wish = AssignRequest { dataset, name, move_here: move_here.unwrap_or(false) };
    let assigned = state.registry.assign(&granted, &located, wish).await;
    let outcome = assigned.map_err(Problem::of_change(LOOK))?;
    let (mut response, assignment) = match outcome {
        AssignOutcome::Assigned(assignment) => (HttpResponse::Created(), assignment),
        AssignOutcome::AlreadyHere(assignment) => (HttpResponse::Ok(), assignment),
    };
    Ok(super::json(&mut response, &AssignmentOutput::from(assignment)))
}
