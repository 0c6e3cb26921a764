//! `GET /api/v1/tokens/{id}/`

use super::Answer;
use crate::output::TokenOutput;
use crate::problem::ProblemBody;
use crate::query::Query;
use crate::state::{Allowed, State, path_token};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{Author, ManageTokens};

/// Read a token, valid or not.
#[utoipa::path(
    get, path = "/api/v1/tokens/{id}/", tag = "tokens", operation_id = "get_token",
    params(("id" = i64, Path, description = "Number of the token")),
    responses(
        (status = 200, description = "The token, without what its holder presents", body = TokenOutput),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_token(
    Allowed(granted): Allowed<ManageTokens>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let token = state.access.token(&Author::from(&granted), path_token(&request)?).await?;
    Query::none(&request)?;
    Ok(super::json(&mut HttpResponse::Ok(), &TokenOutput::from(token)))
}
