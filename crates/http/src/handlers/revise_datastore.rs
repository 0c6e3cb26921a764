//! `PUT` and `PATCH /api/v1/datastores/{id}/`

use super::Answer;
use crate::input::{DatastoreBody, DatastoreInput, DatastorePatch};
use crate::output::DatastoreOutput;
use crate::problem::{Problem, ProblemBody};
use crate::state::{Allowed, State, path_id};
use crate::{body, etag};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{ChangeDatastores, Error, Granted};
use datastore_domain::RevisionMode;

/// Replace a datastore.
///
/// What is absent becomes null or its default. The secret must be given anew, or its mask, which
/// keeps the stored one.
#[utoipa::path(
    put, path = "/api/v1/datastores/{id}/", tag = "datastores", operation_id = "replace_datastore",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("If-Match" = Option<String>, Header, description = "ETag that must still hold"),
        ("verify" = Option<bool>, Query, description = "Whether to test the connection first, and to store nothing when the test fails; `connectivity.verify_on_write` has new connections tested in any case"),
    ),
    request_body = DatastoreInput,
    responses(
        (status = 200, description = "The datastore as it is now", body = DatastoreOutput<'_>, headers(
            ("ETag" = String, description = "Version of this representation"))),
        (status = 400, description = "Bad input, or `connection_failed`: the test before saving failed, as `result` says", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 503, description = "`storage_unavailable`, or, of a test before saving, as the test itself", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn replace_datastore(
    Allowed(granted): Allowed<ChangeDatastores>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    revise(&granted, &state, &request, payload, RevisionMode::Replace).await
}

/// Change members of a datastore.
///
/// A merge patch (RFC 7396): what is absent stays, null clears.
#[utoipa::path(
    patch, path = "/api/v1/datastores/{id}/", tag = "datastores", operation_id = "patch_datastore",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("If-Match" = Option<String>, Header, description = "ETag that must still hold"),
        ("verify" = Option<bool>, Query, description = "Whether to test the connection first, and to store nothing when the test fails; `connectivity.verify_on_write` has new connections tested in any case"),
    ),
    request_body(content((DatastorePatch = "application/merge-patch+json"), (DatastorePatch = "application/json"))),
    responses(
        (status = 200, description = "The datastore as it is now", body = DatastoreOutput<'_>, headers(
            ("ETag" = String, description = "Version of this representation"))),
        (status = 400, description = "Bad input, or `connection_failed`: the test before saving failed, as `result` says", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 503, description = "`storage_unavailable`, or, of a test before saving, as the test itself", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn patch_datastore(
    Allowed(granted): Allowed<ChangeDatastores>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    revise(&granted, &state, &request, payload, RevisionMode::Merge).await
}

async fn revise(
    granted: &Granted<ChangeDatastores>,
    state: &State,
    request: &HttpRequest,
    payload: Payload,
    mode: RevisionMode,
) -> Result<HttpResponse, Problem> {
    let located = state.registry.locate(granted, path_id(request)?).await?;
    let members = match mode {
        RevisionMode::Replace => body::read(request, payload).await?,
        RevisionMode::Merge => body::read_as(request, payload, body::JSON_OR_MERGE_PATCH).await?,
    };
    let verify = super::verify(request, state)?;
    let registry = &state.registry;
    let check = |fields: &_| registry.check_change(&located, fields, mode);
    let fields = DatastoreBody::from(members).known(check)?;
    let expected = etag::expected_versions(request, state.require_if_match).or_else(|missing| {
        // Whatever is wrong with the body comes first.
        check(&fields).map_err(Error::from)?;
        Err(missing)
    })?;
    let expected = expected.as_deref();
    let view = registry.revise(granted, located, &fields, mode, expected, verify).await?;
    Ok(super::datastore(&mut HttpResponse::Ok(), &view))
}
