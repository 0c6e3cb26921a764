//! `POST /api/v1/datastores/`

use super::Answer;
use crate::body;
use crate::input::{DatastoreBody, DatastoreInput};
use crate::output::DatastoreOutput;
use crate::problem::ProblemBody;
use crate::state::{Allowed, State};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ChangeDatastores;

/// Create a datastore.
///
/// Give either `server`, `port`, `username` and `password`, or `connection_string`.
#[utoipa::path(
    post, path = "/api/v1/datastores/", tag = "datastores", operation_id = "create_datastore",
    params(("verify" = Option<bool>, Query, description = "Whether to test the connection first, and to store nothing when the test fails; `connectivity.verify_on_write` has new connections tested in any case")),
    request_body = DatastoreInput,
    responses(
        (status = 201, description = "Created", body = DatastoreOutput<'_>, headers(
            ("Location" = String, description = "Absolute URL of the datastore"),
            ("ETag" = String, description = "Version of this representation"))),
        (status = 400, description = "Bad input, or `connection_failed`: the test before saving failed, as `result` says", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 503, description = "`storage_unavailable`, or, of a test before saving, as the test itself", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_datastore(
    Allowed(granted): Allowed<ChangeDatastores>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let body: DatastoreBody = body::read(&request, payload).await?.into();
    let verify = super::verify(&request, &state)?;
    let fields = body.known(|fields| state.registry.check_new(fields))?;
    let view = state.registry.create(&granted, &fields, verify).await?;
    let location = format!("{}/api/v1/datastores/{}/", state.origin.of(&request), view.id);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    Ok(super::datastore(&mut response, &view))
}
