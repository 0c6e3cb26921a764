//! `POST /api/v1/tokens/`

use super::Answer;
use crate::body::{self, Members};
use crate::input::optional;
use crate::json::Json;
use crate::output::NewTokenOutput;
use crate::problem::{FieldError, Kind, Problem, ProblemBody};
use crate::query::Query;
use crate::state::{Allowed, State};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use datastore_application::{Author, ManageTokens};
use datastore_domain::{Lifetime, Role, Timestamp, TokenName, ViolationCode};
use utoipa::ToSchema;

/// A token to make.
#[derive(ToSchema)]
#[schema(as = TokenInput)]
#[expect(dead_code, reason = "describes the input in the OpenAPI document")]
pub(crate) struct TokenInput {
    /// What or who it is for.
    #[schema(max_length = 100, example = "ci")]
    name: String,
    /// `viewer`, `matcher`, `editor` or `admin`.
    #[schema(example = "matcher")]
    role: String,
    /// How long it counts, in days or hours. Without it and `expires_at`: until revoked.
    #[schema(example = "90d")]
    expires: Option<String>,
    /// From when on it counts no more, in RFC 3339; instead of `expires`.
    expires_at: Option<String>,
}

const KNOWN: [&str; 4] = ["name", "role", "expires", "expires_at"];

const LOOK: &str = "Look at GET /api/v1/tokens/ before you make another one, and revoke the token \
    that is there: nobody has seen what its holder would present.";

struct Wish {
    name: TokenName,
    role: Role,
    expires_at: Option<Timestamp>,
}

/// Make a token.
///
/// It is shown this once and stored as a hash.
#[utoipa::path(
    post, path = "/api/v1/tokens/", tag = "tokens", operation_id = "create_token",
    request_body = TokenInput,
    responses(
        (status = 201, description = "Made", body = NewTokenOutput, headers(
            ("Location" = String, description = "Absolute URL of the token"))),
        (status = 409, description = "`token_limit_reached`", body = ProblemBody<'_>, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = ProblemBody<'_>, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_token(
    Allowed(granted): Allowed<ManageTokens>,
    state: Data<State>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let members = body::read(&request, payload).await?;
    Query::none(&request)?;
    let Wish { name, role, expires_at } = wish(members, state.access.now())?;
    let author = Author::from(&granted);
    let made = state.access.create_token(&author, name, role, expires_at).await;
    let made = made.map_err(Problem::of_change(LOOK))?;
    let location = format!("{}/api/v1/tokens/{}/", state.origin.of(&request), made.record.id);
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    Ok(super::json(&mut response, &NewTokenOutput::from(made)))
}

type Fault = (&'static str, String);

fn fault(code: ViolationCode, detail: impl Into<String>) -> Fault {
    (code.as_str(), detail.into())
}

fn wish(mut members: Members, now: Timestamp) -> Result<Wish, Problem> {
    let mut errors = Vec::new();
    let name = required(&mut members, "name", &mut errors, |text| {
        TokenName::try_from(text).map_err(|error| fault(error.code, error.detail))
    });
    let role = required(&mut members, "role", &mut errors, |text| {
        let names = Role::ALL.map(Role::as_str).join(", ");
        let unknown = |_| fault(ViolationCode::UnknownChoice, format!("Must be one of {names}."));
        text.parse::<Role>().map_err(unknown)
    });
    let mut named = false;
    let lifetime = optional(&mut members, "expires", &mut errors, |json| {
        named = true;
        let lifetime = text(&json)?.parse::<Lifetime>();
        lifetime
            .map_err(|e| fault(ViolationCode::InvalidFormat, format!("Is not a lifetime: {e}.")))
    });
    let end = optional(&mut members, "expires_at", &mut errors, |json| {
        if named {
            return Err(fault(ViolationCode::Conflict, "Give expires or expires_at, not both."));
        }
        let time = Timestamp::parse(text(&json)?);
        let time = time.map_err(|_| {
            fault(ViolationCode::InvalidFormat, "Must be a time such as 2030-01-31T12:00:00Z.")
        })?;
        if time > now {
            Ok(time)
        } else {
            Err(fault(ViolationCode::OutOfRange, "Must be in the future."))
        }
    });
    errors.extend(members.unknown(&KNOWN));
    match (name, role) {
        (Some(name), Some(role)) if errors.is_empty() => {
            Ok(Wish { name, role, expires_at: end.or(lifetime.map(|lifetime| lifetime.end(now))) })
        }
        _ => Err(Problem::with_errors(Kind::ValidationFailed, errors)),
    }
}

fn text(json: &Json) -> Result<&str, Fault> {
    match json {
        Json::Text(text) => Ok(text.as_str()),
        _ => Err(fault(ViolationCode::InvalidType, "Must be a string.")),
    }
}

/// A member that must be there, and a string.
fn required<T>(
    members: &mut Members,
    name: &str,
    errors: &mut Vec<FieldError>,
    parse: impl FnOnce(&str) -> Result<T, Fault>,
) -> Option<T> {
    let (before, mut given) = (errors.len(), false);
    let value = optional(members, name, errors, |json| {
        given = true;
        parse(text(&json)?)
    });
    if !given && errors.len() == before {
        let (code, detail) = fault(ViolationCode::Required, "This field is required.");
        errors.push(FieldError::member(name, code, detail));
    }
    value
}
