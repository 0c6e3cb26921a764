//! Reading a request's body: media type, size, time, and JSON of an object.

use crate::connection::Connection;
use crate::json::Json;
use crate::problem::{FieldError, Kind, Problem};
use crate::query::suggestion;
use crate::state::State;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, rt};
use futures_util::StreamExt;
use std::rc::Rc;
use zeroize::Zeroizing;

const JSON: &[&str] = &["application/json"];
/// Media types of a merge patch (RFC 7396).
pub(crate) const JSON_OR_MERGE_PATCH: &[&str] =
    &["application/json", "application/merge-patch+json"];

/// Whether a request has a body (RFC 9112 section 6.3).
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// The members of a body.
#[derive(Debug, Default)]
pub(crate) struct Members(Vec<(String, Json)>);

/// Reads a JSON object.
pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Members, Problem> {
    read_as(request, payload, JSON).await
}

/// Reads a JSON object sent as one of these media types.
pub(crate) async fn read_as(
    request: &HttpRequest,
    payload: Payload,
    media_types: &[&str],
) -> Result<Members, Problem> {
    check_media_type(request.headers(), media_types)?;
    let bytes = collect(request, payload).await?;
    parse(&bytes)
}

/// Reads a JSON object, or nothing at all.
pub(crate) async fn read_optional(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Members, Problem> {
    if request.headers().contains_key(header::CONTENT_TYPE) {
        check_media_type(request.headers(), JSON)?;
    }
    let bytes = collect(request, payload).await?;
    if bytes.is_empty() {
        return Ok(Members::default());
    }
    check_media_type(request.headers(), JSON)?;
    parse(&bytes)
}

async fn collect(
    request: &HttpRequest,
    mut payload: Payload,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let state: &Data<State> = request.app_data().expect("the state is there for every request");
    let (most, limit) = (state.limits.body_bytes, state.limits.body_time);
    let too_large =
        || Problem::new(Kind::ContentTooLarge, format!("A body may hold at most {most} bytes."));
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > most as u64) {
        return Err(too_large());
    }
    let all = async {
        // Of its whole size from the start, as growing would leave pieces behind unwiped. (The read
        // buffer of the connection is the framework's, and is not wiped.)
        let size = announced.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(8 * 1024);
        let mut bytes = Zeroizing::new(Vec::with_capacity(size.min(most)));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| malformed("The body did not arrive whole."))?;
            if bytes.len() + chunk.len() > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        if let Some(connection) = request.conn_data::<Rc<Connection>>() {
            connection.body_was_read();
        }
        Ok(bytes)
    };
    // Of the whole body, so that one byte a second is no way around it.
    let late =
        |_| Problem::new(Kind::RequestTimeout, format!("The body took longer than {limit:?}."));
    rt::time::timeout(limit, all).await.map_err(late)?
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::MalformedJson, detail)
}

fn parse(bytes: &[u8]) -> Result<Members, Problem> {
    match Json::parse(bytes).map_err(|error| malformed(error.0))? {
        Json::Object(members) => Ok(Members(members)),
        _ => {
            let error = FieldError::body("invalid_type", "Must be a JSON object.");
            Err(Problem::with_errors(Kind::ValidationFailed, vec![error]))
        }
    }
}

fn check_media_type(headers: &HeaderMap, media_types: &[&str]) -> Result<(), Problem> {
    let refuse = || {
        let detail = format!(
            "Send the body as {}, in UTF-8 and without Content-Encoding.",
            media_types.join(" or ")
        );
        Err(Problem::new(Kind::UnsupportedMediaType, detail))
    };
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    if encodings.into_iter().any(|e| !e.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")) {
        return refuse();
    }
    let mut types = headers.get_all(header::CONTENT_TYPE);
    match (types.next().and_then(|value| value.to_str().ok()), types.next()) {
        (Some(value), None) if is_media_type(value, media_types) => Ok(()),
        _ => refuse(),
    }
}

/// RFC 9110 section 8.3.1, with white space around `;` taken as optional.
fn is_media_type(value: &str, media_types: &[&str]) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let charset_is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        Some(_) => true,
        None => parameter.is_empty(),
    });
    charset_is_utf8 && media_types.iter().any(|t| t.eq_ignore_ascii_case(essence))
}

impl Members {
    /// Takes a member out; `None` when it is absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// What is left names nothing that is known.
    pub(crate) fn unknown(self, known: &[&str]) -> Vec<FieldError> {
        let mut names: Vec<_> = self.0.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let error = |name: String| {
            let detail = match suggestion(&name, known) {
                Some(near) => format!("There is no such member; did you mean {near}?"),
                None => "There is no such member.".to_owned(),
            };
            FieldError::member(&printable(&name), "unknown_member", detail)
        };
        names.into_iter().map(error).collect()
    }
}

/// A name as it may be answered: a misplaced secret would be cut short.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json ; charset=\"UTF-8\"",
            "application/json;charset=utf-8",
            "application/json;",
        ] {
            assert!(is_media_type(good, JSON), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonx",
            "application/json; charset=latin1",
            "application/json, application/json",
            "application/merge-patch+json",
        ] {
            assert!(!is_media_type(bad, JSON), "{bad}");
        }
        assert!(is_media_type("application/merge-patch+json", JSON_OR_MERGE_PATCH));
    }
}
