//! `GET /livez` and `GET /readyz`

use super::Answer;
use crate::problem::{Kind, Problem, ProblemBody};
use crate::query::Query;
use crate::state::State;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::sync::atomic::Ordering;
use utoipa::ToSchema;

/// State of the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`
    status: &'static str,
}

/// Tell whether the process runs.
#[utoipa::path(
    get, path = "/livez", tag = "service", operation_id = "livez", security(()),
    responses(
        (status = 200, description = "It runs", body = Health),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn livez(request: HttpRequest) -> Answer {
    Query::none(&request)?;
    Ok(super::json(&mut HttpResponse::Ok(), &Health { status: "ok" }))
}

/// Tell whether requests should be sent here: reads the database.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "readyz", security(()),
    responses(
        (status = 200, description = "They should", body = Health),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = 503, description = "The storage does not answer, or the service stops", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(state: Data<State>, request: HttpRequest) -> Answer {
    Query::none(&request)?;
    if state.draining.load(Ordering::Relaxed) {
        let detail = "The service stops; send new requests elsewhere.";
        return Err(Problem::new(Kind::ShuttingDown, detail));
    }
    state.registry.ready().await?;
    Ok(super::json(&mut HttpResponse::Ok(), &Health { status: "ok" }))
}
