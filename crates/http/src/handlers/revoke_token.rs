//! `DELETE /api/v1/tokens/{id}/`

use super::Answer;
use crate::problem::{Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State, path_token};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{Author, ManageTokens};

const LOOK: &str = "Read the token, whose revoked_at says so, or send it again: revoking it once \
    more changes nothing.";

/// Revoke a token, from the next request on.
///
/// Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}/", tag = "tokens", operation_id = "revoke_token",
    params(("id" = i64, Path, description = "Number of the token")),
    responses(
        (status = 204, description = "Revoked"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn revoke_token(
    Allowed(granted): Allowed<ManageTokens>,
    state: Data<State>,
    request: HttpRequest,
) -> Answer {
    let author = Author::from(&granted);
    let token = state.access.token(&author, path_token(&request)?).await?;
    Query::none(&request)?;
    let revoked = state.access.revoke_token(&author, token.id).await;
    revoked.map_err(Problem::of_change(LOOK))?;
    Ok(HttpResponse::NoContent().finish())
}
