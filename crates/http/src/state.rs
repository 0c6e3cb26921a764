//! What handlers stand on.

use crate::answer::Answers;
use crate::limits::Limits;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::rate_limit::Buckets;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use datastore_application::{Access, AuthenticationError, Caller, Granted, Permission, Registry};
use datastore_domain::{DatastoreId, RequestId, TokenId};
use futures_util::future::LocalBoxFuture;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Shared by all workers.
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) access: Access,
    pub(crate) origin: Origin,
    pub(crate) limits: Arc<Limits>,
    pub(crate) answers: Answers,
    /// What is left to each token, when that is limited.
    pub(crate) buckets: Option<Buckets>,
    /// Whether changes need `If-Match`.
    pub(crate) require_if_match: bool,
    /// Whether new connections are tested before they are stored.
    pub(crate) verify_on_write: bool,
    /// Whether the service stops: `/readyz` says so, and no connection is kept alive.
    pub(crate) draining: Arc<AtomicBool>,
}

/// Permission of the caller, proven before anything else of the request is looked at: a handler
/// that takes it cannot run without it.
pub(crate) struct Allowed<P>(pub(crate) Granted<P>);

impl<P: Permission + 'static> FromRequest for Allowed<P> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state: &Data<State> =
                request.app_data().expect("the state is registered with the application");
            let token = bearer(&request).ok_or(AuthenticationError::Unauthenticated)?;
            let actor = state.access.authenticate(token).await?;
            // Strangers have no bucket: what they send neither takes room nor uses up another's.
            if let Some(buckets) = &state.buckets {
                buckets.take(actor.token).map_err(Problem::rate_limited)?;
            }
            let request_id = request.extensions().get::<RequestId>().cloned();
            Ok(Self(state.registry.authorize::<P>(Caller { actor, request_id }).await?))
        })
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750); none when the header stands twice.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The datastore that the path names; what is no id names nothing.
pub(crate) fn path_id(request: &HttpRequest) -> Result<DatastoreId, Problem> {
    let number = id(request.match_info().get("id").unwrap_or_default());
    number.and_then(DatastoreId::new).ok_or_else(|| Problem::not_found("datastore"))
}

/// The token that the path names; what is no id names nothing.
pub(crate) fn path_token(request: &HttpRequest) -> Result<TokenId, Problem> {
    let number = id(request.match_info().get("id").unwrap_or_default());
    number.map(TokenId).ok_or_else(|| Problem::not_found("token"))
}

/// A positive number, written in one way only.
pub(crate) fn id(text: &str) -> Option<i64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}
