//! `GET /api/v1/datastores/types/`

use super::Answer;
use crate::etag;
use crate::output::Types;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State};
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadTypes;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

/// The answer, which only another build changes.
struct Prepared {
    body: Bytes,
    tag: String,
}

static PREPARED: OnceLock<Prepared> = OnceLock::new();

fn prepare(types: Types) -> Prepared {
    let body = serde_json::to_vec(&types).expect("output types have string keys only");
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Prepared { tag: format!("\"types-{:016x}\"", hasher.finish()), body: body.into() }
}

/// List the types of datastores and their systems.
#[utoipa::path(
    get, path = "/api/v1/datastores/types/", tag = "types", operation_id = "list_types",
    params(("If-None-Match" = Option<String>, Header, description = "ETag that is known already")),
    responses(
        (status = 200, description = "All types", body = Types, headers(
            ("ETag" = String, description = "Version of the catalogue"))),
        (status = 304, description = "Not modified"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_types(
    Allowed(granted): Allowed<ReadTypes>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    Query::none(&request)?;
    let prepared = PREPARED.get_or_init(|| prepare(state.registry.types(&granted).into()));
    let known = etag::is_known(&request, &prepared.tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, prepared.tag.as_str()))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"));
    if known {
        return Ok(response.finish());
    }
    let json = (header::CONTENT_TYPE, "application/json");
    Ok(response.insert_header(json).body(prepared.body.clone()))
}
