//! `POST /api/v1/datastores/{id}/restore/`

use super::Answer;
use crate::body;
use crate::etag;
use crate::input::refuse;
use crate::output::DatastoreOutput;
use crate::problem::{Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::RestoreDatastores;

const LOOK: &str = "Read the datastore, which is found once it is restored, or send it again: \
    restoring it once more changes nothing.";

/// Restore a deleted datastore.
///
/// It comes back as it was. One that is not deleted stays as it is.
#[utoipa::path(
    post, path = "/api/v1/datastores/{id}/restore/", tag = "datastores",
    operation_id = "restore_datastore",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("If-Match" = Option<String>, Header, description = "ETag that must still hold; a deletion changes it"),
    ),
    responses(
        (status = 200, description = "The datastore as it is now", body = DatastoreOutput<'_>, headers(
            ("ETag" = String, description = "Version of this representation"))),
        (status = 409, description = "`name_taken`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn restore_datastore(
    Allowed(granted): Allowed<RestoreDatastores>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let located = state.registry.locate_any(&granted, path_id(&request)?).await?;
    let members = body::read_optional(&request, payload).await?;
    Query::none(&request)?;
    refuse(members.unknown(&[]))?;
    // Checked when it is sent, and never asked for: a deleted datastore cannot be read.
    let expected = etag::expected_versions(&request, false)?;
    let view = state.registry.restore(&granted, located, expected.as_deref()).await;
    let view = view.map_err(Problem::of_change(LOOK))?;
    Ok(super::datastore(&mut HttpResponse::Ok(), &view))
}
