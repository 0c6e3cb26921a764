//! `GET /api/v1/datastores/{id}/`

use super::Answer;
use crate::etag;
use crate::output::DatastoreOutput;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadDatastores;

/// Read a datastore.
#[utoipa::path(
    get, path = "/api/v1/datastores/{id}/", tag = "datastores", operation_id = "get_datastore",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("If-None-Match" = Option<String>, Header, description = "ETag that is known already"),
    ),
    responses(
        (status = 200, description = "The datastore", body = DatastoreOutput<'_>, headers(
            ("ETag" = String, description = "Version of this representation"))),
        (status = 304, description = "Not modified"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_datastore(
    Allowed(granted): Allowed<ReadDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let view = state.registry.get(&granted, path_id(&request)?).await?;
    Query::none(&request)?;
    let tag = etag::of(&view);
    if etag::is_known(&request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    Ok(super::datastore(&mut HttpResponse::Ok(), &view))
}
