//! `POST /api/v1/datastores/test-connection/`

use super::Answer;
use crate::body;
use crate::input::{DatastoreBody, DatastoreInput};
use crate::output::TestResult;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{DEFAULT_DEADLINE, TestConnections};

/// Test the connection of a datastore that is not saved.
///
/// Takes what would create it, and stores nothing but an entry of the audit.
#[utoipa::path(
    post, path = "/api/v1/datastores/test-connection/", tag = "datastores",
    operation_id = "test_unsaved_connection",
    request_body = DatastoreInput,
    responses(
        (status = 200, description = "What the test found", body = TestResult),
        (status = 503, description = "All slots are taken, or the service stops", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test_unsaved_connection(
    Allowed(granted): Allowed<TestConnections>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let body: DatastoreBody = body::read(&request, payload).await?.into();
    Query::none(&request)?;
    let fields = body.known(|fields| state.registry.check_new(fields))?;
    let report = state.registry.test_unsaved(&granted, &fields, DEFAULT_DEADLINE).await?;
    Ok(super::json(&mut HttpResponse::Ok(), &TestResult::from(report)))
}
