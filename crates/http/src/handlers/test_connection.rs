//! `POST /api/v1/datastores/{id}/test-connection/`

use super::Answer;
use crate::body;
use crate::input::{flag, optional, refuse, secret, text};
use crate::json::Json;
use crate::output::TestResult;
use crate::problem::{FieldError, ProblemBody, violations};
use crate::query::Query;
use crate::state::{Allowed, State, path_id};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{DEFAULT_DEADLINE, TestConnections};
use datastore_domain::{CandidateLogin, Member};
use std::time::Duration;
use utoipa::ToSchema;

/// Milliseconds that a test may take.
const TIMEOUT_MS: std::ops::RangeInclusive<f64> = 100.0..=30_000.0;

/// How to test; may be left out.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the input in the OpenAPI document")]
pub(crate) struct TestInput {
    /// One deadline for all steps, in milliseconds; 5000 unless told otherwise.
    #[schema(minimum = 100, maximum = 30_000)]
    timeout_ms: Option<u32>,
    /// Whether the session that an earlier such test of the datastore left open will do: one round
    /// trip, which shows that the server answers and not that the login is still good. Rests for
    /// half a minute at most; when it does not answer, a fresh handshake is made in the same test.
    /// False unless told otherwise: every test is a fresh handshake.
    reuse: Option<bool>,
    /// Who logs in, in place of the stored user; with `password` only.
    #[schema(max_length = 255)]
    username: Option<String>,
    /// Tried in place of the stored password, and not stored.
    #[schema(max_length = 1024, write_only)]
    password: Option<String>,
}

const KNOWN: [&str; 4] = ["timeout_ms", "reuse", "username", "password"];

/// Test the connection of a datastore.
///
/// Resolves, connects, encrypts, logs in and asks the smallest query. A test that ran is answered
/// with 200, whatever it found. It is in the audit, or is answered with 503.
///
/// With a `password` another login is tried on the stored target, so that a rotated password can be
/// proven before it is written.
#[utoipa::path(
    post, path = "/api/v1/datastores/{id}/test-connection/", tag = "datastores",
    operation_id = "test_connection",
    params(("id" = i64, Path, description = "Number of the datastore")),
    request_body = Option<TestInput>,
    responses(
        (status = 200, description = "What the test found", body = TestResult),
        (status = 503, description = "All slots are taken, or the service stops", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test_connection(
    Allowed(granted): Allowed<TestConnections>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let located = state.registry.locate(&granted, path_id(&request)?).await?;
    let mut members = body::read_optional(&request, payload).await?;
    Query::none(&request)?;
    let (user, password) = (text(members.take("username")), secret(members.take("password")));
    let mut errors = Vec::new();
    let timeout = optional(&mut members, "timeout_ms", &mut errors, |json| match json {
        Json::Number(ms) if ms.fract() == 0.0 && TIMEOUT_MS.contains(&ms) => {
            Ok(Duration::from_secs_f64(ms / 1000.0))
        }
        Json::Number(_) => {
            Err(("out_of_range", "Must be a whole number between 100 and 30000.".to_owned()))
        }
        _ => Err(("invalid_type", "Must be a number.".to_owned())),
    });
    let reuse = optional(&mut members, "reuse", &mut errors, flag).unwrap_or_default();
    if reuse && !matches!(password, Member::Absent | Member::Null) {
        let detail = "Must not be true beside password: only a fresh handshake proves a login.";
        errors.push(FieldError::member("reuse", "conflict", detail.to_owned()));
    }
    let login = CandidateLogin::new(&user, &password);
    errors.extend(login.as_ref().err().map(violations).unwrap_or_default());
    errors.extend(members.unknown(&KNOWN));
    refuse(errors)?;
    let (registry, deadline) = (&state.registry, timeout.unwrap_or(DEFAULT_DEADLINE));
    let report = match login.ok().flatten() {
        Some(login) => registry.test_login(&granted, &located, login, deadline).await?,
        None => registry.test_connection(&granted, &located, deadline, reuse).await?,
    };
    Ok(super::json(&mut HttpResponse::Ok(), &TestResult::from(report)))
}
