//! Entity tags of a datastore: one for each version and representation.

use crate::problem::{Kind, Problem};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use datastore_application::DatastoreView;
use datastore_domain::Version;

/// Ends the tags of representations that show connection details.
const WITH_DETAILS: &str = "-c";

/// The strong tag of what `view` shows.
pub(crate) fn of(view: &DatastoreView) -> String {
    let details = if view.connection.is_some() { WITH_DETAILS } else { "" };
    format!("\"{}{details}\"", view.version)
}

/// The entity tags of a header, in their order; `*` stands for itself.
fn tags(request: &HttpRequest, name: HeaderName) -> Vec<String> {
    let values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

/// Whether `If-None-Match` names the tag (weakly compared: RFC 9110 section 13.1.2).
pub(crate) fn is_known(request: &HttpRequest, tag: &str) -> bool {
    tags(request, header::IF_NONE_MATCH)
        .iter()
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The versions that `If-Match` allows to be overwritten; `None` allows any.
pub(crate) fn expected_versions(
    request: &HttpRequest,
    required: bool,
) -> Result<Option<Vec<Version>>, Problem> {
    if !request.headers().contains_key(header::IF_MATCH) {
        if required {
            return Err(Problem::new(
                Kind::PreconditionRequired,
                "Send the datastore's ETag as If-Match.",
            ));
        }
        return Ok(None);
    }
    let tags = tags(request, header::IF_MATCH);
    if tags.iter().any(|tag| tag == "*") {
        return Ok(None);
    }
    // Writers see connection details, so theirs are the tags with them; any other tag, and any
    // weak one, matches nothing (RFC 9110 section 13.1.1).
    let version = |tag: &String| {
        let bare = tag.strip_prefix('"')?.strip_suffix('"')?.strip_suffix(WITH_DETAILS)?;
        let canonical = bare.bytes().all(|b| b.is_ascii_digit()) && !bare.starts_with('0');
        if canonical { bare.parse().ok().and_then(Version::new) } else { None }
    };
    Ok(Some(tags.iter().filter_map(version).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn expected(header: &str) -> Option<Vec<i64>> {
        let request =
            TestRequest::default().insert_header((header::IF_MATCH, header)).to_http_request();
        let versions = expected_versions(&request, true).expect("present");
        versions.map(|versions| versions.into_iter().map(Version::get).collect())
    }

    #[test]
    fn if_match_takes_strong_tags_of_the_full_representation_only() {
        assert_eq!(expected("\"3-c\""), Some(vec![3]));
        assert_eq!(expected("\"3-c\" , \"7-c\""), Some(vec![3, 7]));
        assert_eq!(expected("*"), None);
        for never in ["W/\"3-c\"", "\"3\"", "\"03-c\"", "\"+3-c\"", "3-c", "\"\"", "nonsense"] {
            assert_eq!(expected(never), Some(vec![]), "{never}");
        }
    }

    #[test]
    fn if_match_may_be_required() {
        let request = TestRequest::default().to_http_request();
        assert!(matches!(expected_versions(&request, false), Ok(None)));
        let problem = expected_versions(&request, true).expect_err("required");
        assert_eq!(problem.kind, Kind::PreconditionRequired);
    }
}
