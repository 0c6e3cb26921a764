//! Query parameters, strictly: what is not known is refused. So is a body where there is only a
//! query to say what is wanted: a filter that stands in the wrong place must not become none.

use crate::body::has_body;
use crate::problem::{FieldError, Kind, Problem};
use actix_web::HttpRequest;
use actix_web::http::Method;

/// The parameters of a request, decoded, in their order.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    /// What is wrong with the body: that there is one. It is not read, so that neither its media
    /// type nor its size matters, and the connection ends with the answer.
    body: Option<FieldError>,
    errors: Vec<FieldError>,
}

impl Query {
    /// Reads the parameters; whatever is wrong is told by [`Query::finish`].
    pub(crate) fn read(request: &HttpRequest, known: &[&str]) -> Self {
        let method = request.method();
        let takes_none = matches!(*method, Method::GET | Method::HEAD | Method::DELETE);
        let refused = takes_none && has_body(request.headers());
        let error = || FieldError::body("body_not_taken", format!("{method} takes no body."));
        Self { body: refused.then(error), ..Self::parse(request.query_string(), known) }
    }

    fn parse(text: &str, known: &[&str]) -> Self {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let mut errors = Vec::new();
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
        if std::str::from_utf8(&bytes).is_err() {
            errors.push(FieldError::parameter("query", "invalid_value", "Must be UTF-8."));
        }
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let shown: String = name.chars().take(64).collect();
                let detail = match suggestion(name, known) {
                    Some(near) => format!("There is no such parameter; did you mean {near}?"),
                    None => "There is no such parameter.".to_owned(),
                };
                errors.push(FieldError::parameter(&shown, "unknown_parameter", detail));
            } else if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                let detail = "May be given once only.";
                errors.push(FieldError::parameter(name, "duplicate_parameter", detail));
            }
        }
        Self { pairs, body: None, errors }
    }

    /// Refuses every parameter, and a body with a method that takes none.
    pub(crate) fn none(request: &HttpRequest) -> Result<(), Problem> {
        Self::read(request, &[]).finish()
    }

    /// Reads one parameter by `parse`, which says what is allowed when it refuses.
    pub(crate) fn get<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        match parse(value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.errors.push(FieldError::parameter(name, "invalid_value", detail));
                None
            }
        }
    }

    /// All that was wrong, in one problem.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        let mut errors = std::mem::take(&mut self.errors);
        let kind = match self.body.take() {
            Some(error) => {
                errors.insert(0, error);
                Kind::ValidationFailed
            }
            None if errors.is_empty() => return Ok(()),
            None => Kind::InvalidQuery,
        };
        Err(Problem::with_errors(kind, errors))
    }

    /// Whether the parameter was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    /// The query with another value of one parameter.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, old) in &self.pairs {
            query.append_pair(key, if key == name { value } else { old });
        }
        if !self.has(name) {
            query.append_pair(name, value);
        }
        query.finish()
    }
}

/// `true` or `false`.
pub(crate) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "Must be true or false.".to_owned())
}

/// One of some names.
pub(crate) fn choice<T: Copy>(
    text: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, String> {
    all.iter().copied().find(|choice| as_str(*choice) == text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|choice| as_str(*choice)).collect();
        let near = suggestion(text, &names).map(|near| format!(" Did you mean {near}?"));
        format!("Must be one of {}.{}", names.join(", "), near.unwrap_or_default())
    })
}

/// A whole number in a range.
pub(crate) fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if plain { text.parse().ok() } else { None };
    number.filter(|n| range.contains(n)).ok_or_else(|| {
        format!("Must be a whole number between {} and {}.", range.start(), range.end())
    })
}

/// The known name that `name` misses by one letter: added, left out, changed, or two swapped.
pub(crate) fn suggestion<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(64).collect();
    known.iter().copied().find(|near| one_off(&name, &near.chars().collect::<Vec<_>>()))
}

fn one_off(a: &[char], b: &[char]) -> bool {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    match (a, b) {
        ([_, a @ ..], [_, ..]) if a == &b[1..] => true,
        ([x, y, a @ ..], [v, w, b @ ..]) if (x, y) == (w, v) && a == b => true,
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) if a == b => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_one_letter_off_gets_a_suggestion() {
        let known = ["page", "page_size", "ordering"];
        for typo in ["pag", "pagee", "pgae", "pabe", "Page"] {
            assert_eq!(suggestion(typo, &known), Some("page"), "{typo}");
        }
        assert_eq!(suggestion("limit", &known), None);
        assert_eq!(suggestion("", &known), None);
    }

    #[test]
    fn unknown_and_repeated_parameters_are_all_told() {
        let mut query = Query::parse("pgae=1&page=2&page=3&x=y", &["page"]);
        let problem = query.finish().expect_err("three problems");
        assert_eq!(problem.kind, Kind::InvalidQuery);
        let body = format!("{problem:?}");
        for part in ["pgae", "did you mean page?", "once only", "\"x\""] {
            assert!(body.contains(part), "{part} in {body}");
        }
    }

    #[test]
    fn links_keep_the_other_parameters() {
        let query = Query::parse("search=a%26b%20c&page=2&type=sql", &["search", "page", "type"]);
        assert_eq!(query.with("page", "3"), "search=a%26b+c&page=3&type=sql");
        assert_eq!(Query::parse("", &[]).with("page", "2"), "page=2");
    }
}
