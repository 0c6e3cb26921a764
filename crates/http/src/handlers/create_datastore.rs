//! `POST /api/v1/datastores/`

use super::Answer;
use crate::body;
use crate::input::{DatastoreBody, DatastoreInput};
use crate::output::DatastoreOutput;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ChangeDatastores;
use datastore_domain::Draft;

/// Create a datastore.
///
/// Give either `server`, `port`, `username` and `password`, or `connection_string`.
#[utoipa::path(
    post, path = "/api/v1/datastores/", tag = "datastores", operation_id = "create_datastore",
    request_body = DatastoreInput,
    responses(
        (status = 201, description = "Created", body = DatastoreOutput<'_>, headers(
            ("Location" = String, description = "Absolute URL of the datastore"),
            ("ETag" = String, description = "Version of this representation"))),
        (status = 409, description = "`name_taken`", body = ProblemBody<'_>, content_type = "application/problem+json"),
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
    Query::none(&request)?;
    let fields = body.known(|fields| Draft::new(fields).map(drop))?;
    let view = state.registry.create(&granted, &fields).await?;
    let location = format!("{}/api/v1/datastores/{}/", state.origin.of(&request), view.id);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    Ok(super::datastore(&mut response, &view))
}
