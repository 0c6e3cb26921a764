//! Errors as problem documents (RFC 9457).

mod causes;

pub(crate) use causes::violations;

use crate::output::TestResult;
use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use utoipa::ToSchema;

/// Every problem: status, code, title.
macro_rules! kinds {
    ($($name:ident = $status:ident $code:literal $title:literal;)+) => {
        /// What kind of problem; stable, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($name),+ }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),+ }
            }
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
            fn type_uri(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:datastore-api:problem:", $code)),+ }
            }
        }
    };
}

kinds! {
    ValidationFailed = BAD_REQUEST "validation_failed" "The input breaks rules";
    MalformedJson = BAD_REQUEST "malformed_json" "The body is not JSON";
    InvalidQuery = BAD_REQUEST "invalid_query" "The query parameters are not valid";
    ConnectionFailed = BAD_REQUEST "connection_failed" "The connection test failed";
    InvalidHost = BAD_REQUEST "invalid_host" "The Host header is not valid";
    ConnectionEnded = BAD_REQUEST "connection_ended" "The connection had ended";
    RequestTimeout = REQUEST_TIMEOUT "request_timeout" "The request did not arrive in time";
    Unauthenticated = UNAUTHORIZED "unauthenticated" "A valid token is needed";
    Forbidden = FORBIDDEN "forbidden" "The role lacks the permission";
    NotFound = NOT_FOUND "not_found" "There is no such thing";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here";
    ContentTooLarge = PAYLOAD_TOO_LARGE "content_too_large" "The body is too large";
    UriTooLong = URI_TOO_LONG "uri_too_long" "The request target is too long";
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE "headers_too_large" "The request's head is too large";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "The body's media type is not taken";
    NameTaken = CONFLICT "name_taken" "The name is taken";
    DatastoreInUse = CONFLICT "datastore_in_use" "Datasets are assigned to the datastore";
    DatastoreInactive = CONFLICT "datastore_inactive" "The datastore is not active";
    AssignedElsewhere = CONFLICT "dataset_assigned_elsewhere" "The dataset lives in another datastore";
    TokenLimitReached = CONFLICT "token_limit_reached" "There are too many valid tokens";
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed" "The datastore was changed since it was read";
    PreconditionRequired = PRECONDITION_REQUIRED "precondition_required" "If-Match is required";
    RateLimited = TOO_MANY_REQUESTS "rate_limited" "The token makes too many requests";
    ProbeCapacityExceeded = SERVICE_UNAVAILABLE "probe_capacity_exceeded" "All slots for connection tests are taken";
    Overloaded = SERVICE_UNAVAILABLE "overloaded" "Too much is on its way to clients";
    ProbeCancelled = SERVICE_UNAVAILABLE "probe_cancelled" "The connection test was given up";
    ShuttingDown = SERVICE_UNAVAILABLE "shutting_down" "The service stops";
    StorageUnavailable = SERVICE_UNAVAILABLE "storage_unavailable" "The storage is unavailable";
    Internal = INTERNAL_SERVER_ERROR "internal_error" "An internal error";
}

/// One member or parameter at fault.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Name of the member or query parameter.
    pub(crate) field: String,
    /// JSON Pointer into the body; absent for query parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) pointer: Option<String>,
    /// The rule that was broken; stable, for programs.
    pub(crate) code: &'static str,
    /// What is allowed, or what to do.
    pub(crate) detail: String,
}

impl FieldError {
    /// Something wrong with a member of the body.
    pub(crate) fn member(field: &str, code: &'static str, detail: String) -> Self {
        // RFC 6901 section 3.
        let pointer = Some(format!("/{}", field.replace('~', "~0").replace('/', "~1")));
        Self { field: field.to_owned(), pointer, code, detail }
    }

    /// Something wrong with the body as a whole.
    pub(crate) fn body(code: &'static str, detail: impl Into<String>) -> Self {
        let pointer = Some(String::new());
        Self { field: "body".to_owned(), pointer, code, detail: detail.into() }
    }

    /// Something wrong with a query parameter.
    pub(crate) fn parameter(field: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), pointer: None, code, detail: detail.into() }
    }
}

/// Datasets that stand in the way of a deletion.
#[derive(Clone, Debug)]
struct DatasetsInUse {
    count: u64,
    datasets: Vec<String>,
}

/// What problems of some kinds tell besides.
#[derive(Debug)]
enum More {
    InUse(DatasetsInUse),
    Tested(TestResult),
}

/// What became of a change.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Made as a whole, or not at all.
    Unknown,
}

/// Problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Stable URI of the kind of problem.
    r#type: &'static str,
    /// The kind of problem, for people.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// This occurrence, for people.
    detail: &'a str,
    /// Id of the request; the log has more under it.
    instance: &'a str,
    /// The kind of problem, for programs.
    code: &'static str,
    /// `unknown` when the storage broke off while it stored a change, which is then made as a whole,
    /// or not at all; `detail` says how to look. Absent when nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    outcome: Option<Outcome>,
    /// Everything that is wrong with the input; absent when that is not what is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// How many datasets keep the datastore in use; with `datastore_in_use` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    count: Option<u64>,
    /// Ids of up to ten of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    datasets: Option<&'a [String]>,
    /// What the test before saving found; with `connection_failed` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result: Option<&'a TestResult>,
}

/// A problem on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    detail: String,
    outcome: Option<Outcome>,
    errors: Vec<FieldError>,
    more: Option<Box<More>>,
    allow: Option<&'static str>,
    /// Seconds after which a problem that passes may have passed.
    retry_after: u16,
    /// For the log only.
    pub(crate) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (outcome, errors) = (None, Vec::new());
        Self { kind, detail, outcome, errors, more: None, allow: None, retry_after: 1, cause: None }
    }

    pub(crate) fn with_errors(kind: Kind, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.detail),
            several => format!("{} problems; see errors.", several.len()),
        };
        Self { errors, ..Self::new(kind, detail) }
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This path takes {allow}.");
        Self { allow: Some(allow), ..Self::new(Kind::MethodNotAllowed, detail) }
    }

    /// Of a token that has to wait so long for its next request.
    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let retry_after = u16::try_from(seconds).unwrap_or(u16::MAX);
        let detail = format!("This token makes too many requests; try again in {retry_after} s.");
        Self { retry_after, ..Self::new(Kind::RateLimited, detail) }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    fn caused(kind: Kind, detail: &str, cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self { cause: Some(cause), ..Self::new(kind, detail) }
    }

    /// The same text for every cause, as it may concern secrets.
    pub(crate) fn internal(cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::caused(Kind::Internal, "Something went wrong; the log has the cause.", cause)
    }

    /// The document, under the id of the request.
    fn document(&self, request_id: &str) -> Vec<u8> {
        let (in_use, result) = match self.more.as_deref() {
            Some(More::InUse(in_use)) => (Some(in_use), None),
            Some(More::Tested(result)) => (None, Some(result)),
            None => (None, None),
        };
        let body = ProblemBody {
            r#type: self.kind.type_uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            instance: request_id,
            code: self.kind.code(),
            outcome: self.outcome,
            errors: &self.errors,
            count: in_use.map(|in_use| in_use.count),
            datasets: in_use.map(|in_use| &*in_use.datasets),
            result,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// The whole answer to a request that the framework cannot see, after which the connection is
    /// closed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let document = self.document(&request_id);
        let head = format!(
            "HTTP/1.1 {}\r\ncontent-length: {}\r\nconnection: close\r\n\
             content-type: application/problem+json\r\nx-request-id: {request_id}\r\n\
             x-content-type-options: nosniff\r\ncache-control: no-store\r\n\r\n",
            self.kind.status(),
            document.len(),
        );
        [head.into_bytes(), document].concat()
    }

    /// The answer, under the id of the request.
    pub(crate) fn respond(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.kind.status());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        match self.kind {
            Kind::Unauthenticated => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Kind::Overloaded
            | Kind::ProbeCapacityExceeded
            | Kind::ProbeCancelled
            | Kind::RateLimited
            | Kind::ShuttingDown
            | Kind::StorageUnavailable => {
                response.insert_header((header::RETRY_AFTER, u64::from(self.retry_after)));
            }
            _ => {}
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        response.body(self.document(request_id))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    /// The middleware renders it again, under the id of the request.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastore_domain::FailureCode;

    #[test]
    fn every_code_is_documented_with_its_status() {
        let page = include_str!("../../../docs/errors.md");
        for kind in Kind::ALL {
            let row = format!("| {} | `{}` |", kind.status().as_u16(), kind.code());
            assert!(page.contains(&row), "{row}");
        }
        for code in FailureCode::ALL {
            assert!(page.contains(&format!("| `{}` |", code.as_str())), "{}", code.as_str());
        }
    }
}
