//! `GET /api/v1/datastores/{id}/performance/`

use super::Answer;
use crate::output::PerformanceOutput;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::ReadDatastores;
use datastore_domain::Window;

/// Read the performance and capacity of a datastore.
#[utoipa::path(
    get, path = "/api/v1/datastores/{id}/performance/", tag = "datastores",
    operation_id = "get_performance",
    params(
        ("id" = i64, Path, description = "Number of the datastore"),
        ("window" = Option<String>, Query, description = "1h, 24h (default), 7d or 30d"),
    ),
    responses(
        (status = 200, description = "Figures; unknown ones are null", body = PerformanceOutput),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_performance(
    Allowed(granted): Allowed<ReadDatastores>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let located = state.registry.locate(&granted, path_id(&request)?).await?;
    let mut query = Query::read(&request, &["window"]);
    let window = query.get("window", |text| {
        let found = Window::ALL.into_iter().find(|window| window.as_str() == text);
        found.ok_or_else(|| "Must be 1h, 24h, 7d or 30d.".to_owned())
    });
    query.finish()?;
    let performance =
        state.registry.performance(&granted, located, window.unwrap_or_default()).await?;
    Ok(super::json(&mut HttpResponse::Ok(), &PerformanceOutput::from(performance)))
}
