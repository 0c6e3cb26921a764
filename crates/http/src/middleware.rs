//! What every request passes: its id, its `Host`, and the headers that every answer carries.

use crate::origin::has_valid_host;
use crate::problem::{Kind, Problem};
use crate::state::State;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use datastore_domain::RequestId;
use std::sync::atomic::Ordering;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;

/// Longest request target, in bytes.
const MAX_TARGET: usize = 8 * 1024;
/// Largest head, in bytes of its fields, and most fields.
const MAX_HEAD: usize = 32 * 1024;
const MAX_FIELDS: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Outermost: gives the request its id, renders problems under it, and completes the headers.
pub(crate) async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request_id(&request);
    request.extensions_mut().insert(id.clone());
    let refusal = refuse_early(&request);
    let mut response = match refusal {
        Some(problem) => request.error_response(problem).map_into_boxed_body(),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    if let Some(problem) = problem {
        log_cause(problem, &id);
        let rendered = problem.respond(id.as_str());
        response = response.into_response(rendered);
    }
    let state = response.request().app_data::<Data<State>>();
    if state.is_some_and(|state| state.draining.load(Ordering::Relaxed)) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    let value = HeaderValue::from_str(id.as_str()).expect("visible ASCII is a header value");
    headers.insert(REQUEST_ID, value);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// The client's own id when it is fit to be repeated, a new one otherwise.
fn request_id(request: &ServiceRequest) -> RequestId {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::new).unwrap_or_else(|| {
        RequestId::new(&uuid::Uuid::new_v4().to_string()).expect("a UUID is visible ASCII")
    })
}

fn refuse_early(request: &ServiceRequest) -> Option<Problem> {
    // HTTP/1.0 knows no Host, and HTTP/2 has its own way of saying it (RFC 9112 section 3.2).
    let needs_host =
        request.version() == Version::HTTP_11 || request.headers().contains_key(header::HOST);
    if needs_host && !has_valid_host(request.headers()) {
        let detail = "Send exactly one Host header with a host name or address.";
        return Some(Problem::new(Kind::InvalidHost, detail));
    }
    let fields = request.headers();
    let size: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > MAX_HEAD || fields.len() > MAX_FIELDS {
        let detail =
            format!("A head may have at most {MAX_FIELDS} fields and {MAX_HEAD} bytes in them.");
        return Some(Problem::new(Kind::HeadersTooLarge, detail));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    (target > MAX_TARGET).then(|| {
        let detail = format!("A request target may have at most {MAX_TARGET} bytes.");
        Problem::new(Kind::UriTooLong, detail)
    })
}

/// Logs, once, what clients are not told. Causes are our own texts and those of the database, which
/// sees no plain secret.
fn log_cause(problem: &Problem, id: &RequestId) {
    let Some(cause) = &problem.cause else { return };
    let mut chain = cause.to_string();
    let mut source = cause.source();
    while let Some(inner) = source {
        chain = format!("{chain}: {inner}");
        source = inner.source();
    }
    tracing::error!(
        request_id = id.as_str(),
        code = problem.kind.code(),
        cause = chain,
        "request failed"
    );
}

/// One span a request, with method and id, and the route template in the line that ends it; never
/// path, query or headers, which may hold what is not for logs.
///
/// The template is looked up for lines that are written only, as finding it routes once more.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().cloned();
        let id = id.as_ref().map(RequestId::as_str);
        let method = known_method(request);
        // A read says nothing at info, so it saves what the span costs: a fifth of a short request.
        if matches!(method, "GET" | "HEAD") {
            return tracing::debug_span!("request", method, request_id = id);
        }
        tracing::info_span!("request", method, request_id = id)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let _entered = span.enter();
        let (status, route) = match outcome {
            Ok(response) => (response.status(), Some(response.request())),
            Err(error) => (error.as_response_error().status_code(), None),
        };
        let route = || route.and_then(|r| r.match_pattern()).unwrap_or_else(|| "unknown".into());
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), route = route(), "answered");
        } else {
            tracing::debug!(status = status.as_u16(), route = route(), "answered");
        }
    }
}

/// A method as it may stand in a log.
fn known_method(request: &ServiceRequest) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
