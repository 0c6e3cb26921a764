//! What every request passes: its id, its `Host`, and the headers that every answer carries.

use crate::answer::Outgoing;
use crate::body::has_body;
use crate::connection::{self, Connection};
use crate::limits::Limits;
use crate::origin::has_valid_host;
use crate::problem::{Kind, Problem};
use crate::running::Worker;
use crate::state::State;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use datastore_domain::RequestId;
use futures_util::FutureExt as _;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Renders problems under the id of the request, completes the headers of its answer, and
/// accounts for the answer until it is sent.
pub(crate) async fn envelope(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<Outgoing>, Error> {
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    let is_behind_the_end = connection.as_ref().is_some_and(|connection| connection.has_ended());
    let asks_for_the_end = request.head().connection_type() == ConnectionType::Close;
    let exchange =
        connection.clone().map(|connection| connection.begin(has_body(request.headers())));
    let state: Data<State> =
        request.app_data().cloned().expect("the state is there for every request");
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.expect("the span gave the request its id");
    let in_hand = request.app_data::<Worker>().map(|worker| worker.begin(id.clone()));
    let refusal = match is_behind_the_end {
        true => Some(behind_the_end()),
        false => refuse_early(&request, &state.limits),
    };
    // Whoever cannot keep to the limits of a head is not read from again.
    let is_refused = refusal.is_some();
    let mut response = match refusal {
        Some(problem) => request.error_response(problem),
        None => match AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await {
            Ok(response) => response?,
            // The request went with it, and with the request the way that this function goes on.
            Err(_) => return Err(Panicked(id).into()),
        },
    };
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    if let Some(problem) = problem {
        log_cause(problem, &id);
        let rendered = problem.respond(id.as_str());
        response = response.into_response(rendered);
    }
    let mut response = admit(response, &state, &id);
    complete(response.headers_mut(), &id);
    let is_last = asks_for_the_end
        || is_refused
        || state.draining.load(Ordering::Relaxed)
        || exchange.as_ref().is_some_and(connection::Exchange::must_close);
    if is_last {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        connection.inspect(|connection| connection.ends());
    }
    Ok(response.map_body(|_, body| body.ending((exchange, in_hand))))
}

/// A panic in the middle of a request: a defect that costs this request alone. Where it happened is
/// in the log; what it said is not passed on.
#[derive(Debug)]
struct Panicked(RequestId);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request panicked")
    }
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = Problem::internal("a request panicked".into()).respond(self.0.as_str());
        complete(response.headers_mut(), &self.0);
        // How much of the request was read is not known.
        response.head_mut().set_connection_type(ConnectionType::Close);
        response
    }
}

/// Adds what every answer has.
fn complete(headers: &mut HeaderMap, id: &RequestId) {
    let value = HeaderValue::from_str(id.as_str()).expect("visible ASCII is a header value");
    headers.insert(REQUEST_ID, value);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The answer on its way, or that there is no room for it.
fn admit(response: ServiceResponse, state: &State, id: &RequestId) -> ServiceResponse<Outgoing> {
    let (request, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let response = match state.answers.admit(request.method(), body) {
        Ok(outgoing) => response.set_body(outgoing),
        Err(problem) => problem.respond(id.as_str()).map_body(|_, body| Outgoing::from(body)),
    };
    ServiceResponse::new(request, response)
}

/// The client's own id when it is fit to be repeated, a new one otherwise.
fn request_id(request: &ServiceRequest) -> RequestId {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::new).unwrap_or_else(|| {
        RequestId::new(&uuid::Uuid::new_v4().to_string()).expect("a UUID is visible ASCII")
    })
}

fn behind_the_end() -> Problem {
    let detail = "The connection ended with the answer before; this request was not carried out.";
    Problem::new(Kind::ConnectionEnded, detail)
}

fn refuse_early(request: &ServiceRequest, limits: &Limits) -> Option<Problem> {
    // HTTP/1.0 knows no Host (RFC 9112 section 3.2).
    let needs_host =
        request.version() == Version::HTTP_11 || request.headers().contains_key(header::HOST);
    if needs_host && !has_valid_host(request.headers()) {
        let detail = "Send exactly one Host header with a host name or address.";
        return Some(Problem::new(Kind::InvalidHost, detail));
    }
    let fields = request.headers();
    let size: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > limits.head_bytes || fields.len() > limits.head_fields {
        return Some(connection::too_large(limits));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    (target > limits.target_bytes).then(|| connection::target_too_long(limits))
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
/// path, query or headers, which may hold what is not for logs. It comes first, and so gives the
/// request its id.
///
/// The template is looked up for lines that are written only, as finding it routes once more.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request_id(request);
        let (method, request_id) = (known_method(request.method()), id.as_str());
        // A read says nothing at info, so it saves what the span costs: a fifth of a short request.
        let span = if matches!(method, "GET" | "HEAD") {
            tracing::debug_span!("request", method, request_id)
        } else {
            tracing::info_span!("request", method, request_id)
        };
        request.extensions_mut().insert(id);
        span
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
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
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
