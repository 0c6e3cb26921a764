//! `DELETE /api/v1/datastores/{id}/`

use super::Answer;
use crate::etag;
use crate::problem::{Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ChangeDatastores;

const LOOK: &str = "Read the datastore, which is not found once it is deleted, before you send it \
    again.";

/// Delete a datastore.
///
/// Softly: history and past assignments stay, the name is free again. Refused while datasets are
/// assigned.
#[utoipa::path(
    delete, path = "/api/v1/datastores/{id}/", tag = "datastores", operation_id = "delete_datastore",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("If-Match" = Option<String>, Header, description = "ETag that must still hold"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "`datastore_in_use`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_datastore(
    Allowed(granted): Allowed<ChangeDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let located = state.registry.locate(&granted, path_id(&request)?).await?;
    Query::none(&request)?;
    let expected = etag::expected_versions(&request, state.require_if_match)?;
    let deleted = state.registry.delete(&granted, located, expected.as_deref()).await;
    deleted.map_err(Problem::of_change(LOOK))?;
    Ok(HttpResponse::NoContent().finish())
}
