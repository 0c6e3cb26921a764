//! `GET /api/v1/tokens/`

use super::Answer;
use crate::output::{TokenOutput, TokenPage};
use crate::page;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{Author, ManageTokens};

/// List tokens, valid or not, by number.
#[utoipa::path(
    get, path = "/api/v1/tokens/", tag = "tokens", operation_id = "list_tokens",
    params(
        ("page" = Option<u32>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u32>, Query, description = "50 unless told otherwise", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, description = "A page", body = TokenPage),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_tokens(
    Allowed(granted): Allowed<ManageTokens>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::read(&request, &["page", "page_size"]);
    let page = page::request(&mut query);
    query.finish()?;
    let found = state.access.list_tokens(&Author::from(&granted), page).await?;
    let url = format!("{}/api/v1/tokens/", state.origin.of(&request));
    let links = page::numbered(&url, &query, page, &found)?;
    let results = found.rows.into_iter().map(TokenOutput::from).collect();
    Ok(super::json(&mut HttpResponse::Ok(), &links.envelope(found.count, results)))
}
