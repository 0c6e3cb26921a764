//! What the use cases refuse, and what fails below them, as problems.

use super::{DatasetsInUse, FieldError, Kind, More, Outcome, Problem};
use crate::output::TestResult;
use datastore_application::{AuthenticationError, Error, Forbidden, StorageBusy, StorageFault};
use datastore_domain::Violations;

/// How to look for a datastore that may have been created or changed.
const OF_A_DATASTORE: &str =
    "Read the datastore, or search the list for its name, before you send it again.";

impl Problem {
    fn unavailable(cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let detail = match cause.downcast_ref::<StorageFault>() {
            Some(fault) => format!("The storage cannot be used as it should: {fault}."),
            None if cause.is::<StorageBusy>() => {
                "Too many callers use the storage; try again.".to_owned()
            }
            None => "The storage does not answer; try again.".to_owned(),
        };
        Self::caused(Kind::StorageUnavailable, &detail, cause)
    }

    fn outcome_unknown(look: &str, cause: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let detail = format!(
            "The storage broke off while it stored the change: it is made as a whole, or not at \
             all. {look}"
        );
        let outcome = Some(Outcome::Unknown);
        Self { outcome, ..Self::caused(Kind::StorageUnavailable, &detail, cause) }
    }

    /// Of a change that is looked for in a way of its own, which `look` says, when its outcome is
    /// unknown.
    pub(crate) fn of_change(look: &'static str) -> impl FnOnce(Error) -> Self {
        move |error| match error {
            Error::OutcomeUnknown(cause) => Self::outcome_unknown(look, cause),
            error => error.into(),
        }
    }
}

pub(crate) fn violations(violations: &Violations) -> Vec<FieldError> {
    let member = |v: &datastore_domain::Violation| {
        FieldError::member(v.field.name(), v.code.as_str(), v.detail.clone())
    };
    violations.as_slice().iter().map(member).collect()
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(found) => Self::with_errors(Kind::ValidationFailed, violations(&found)),
            Error::NotFound(what) => Self::not_found(what),
            Error::NameTaken => {
                let detail = "Another datastore has this name; choose another one.";
                Self::with_errors(
                    Kind::NameTaken,
                    vec![FieldError::member("name", "name_taken", detail.to_owned())],
                )
            }
            Error::InUse { datasets, count } => {
                let detail = format!(
                    "{count} dataset(s) are assigned to the datastore; release or move them first."
                );
                let more = Some(Box::new(More::InUse(DatasetsInUse { count, datasets })));
                Self { more, ..Self::new(Kind::DatastoreInUse, detail) }
            }
            Error::Inactive => Self::new(
                Kind::DatastoreInactive,
                "The datastore is not active, so it takes no datasets; set is_active first.",
            ),
            Error::AssignedElsewhere { datastore } => Self::new(
                Kind::AssignedElsewhere,
                format!(
                    "The dataset is assigned to datastore {datastore}; \
                     send {{\"move\": true}} to move it."
                ),
            ),
            Error::TooManyTokens { limit } => Self::new(
                Kind::TokenLimitReached,
                format!("{limit} tokens are valid already; revoke some that are not needed."),
            ),
            Error::PreconditionFailed => Self::new(
                Kind::PreconditionFailed,
                "If-Match names another version than the current one; read the datastore again.",
            ),
            Error::ConnectionFailed(report) => {
                let result = TestResult::from(*report);
                let detail = format!("Nothing is stored: {}", result.message);
                let more = Some(Box::new(More::Tested(result)));
                Self { more, ..Self::new(Kind::ConnectionFailed, detail) }
            }
            Error::ProbeCapacityExceeded => Self::new(
                Kind::ProbeCapacityExceeded,
                "Too many connection tests are running; try again.",
            ),
            Error::ProbeCancelled => Self::new(
                Kind::ProbeCancelled,
                "The service stops, so the test was given up and nothing was recorded; try again.",
            ),
            Error::Unavailable(cause) => Self::unavailable(cause),
            Error::OutcomeUnknown(cause) => Self::outcome_unknown(OF_A_DATASTORE, cause),
            Error::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Unauthenticated => Self::new(
                Kind::Unauthenticated,
                "Send a valid token as \"Authorization: Bearer dsa_...\".",
            ),
            AuthenticationError::Unavailable(cause) => Self::unavailable(cause),
            AuthenticationError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        Self::new(Kind::Forbidden, format!("{error}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::{StatusCode, header};

    /// Status, `Retry-After` and detail of a failure of the storage.
    fn storage(error: Error) -> (StatusCode, String, String) {
        let problem = Problem::from(error);
        let response = problem.respond("r");
        let retry_after = response.headers().get(header::RETRY_AFTER).expect("is told");
        let retry_after = retry_after.to_str().expect("text").to_owned();
        (response.status(), retry_after, problem.detail.to_string())
    }

    #[test]
    fn t36_an_unknown_outcome_says_so_and_how_to_look() {
        let (status, retry_after, detail) = storage(Error::OutcomeUnknown("secret".into()));
        assert_eq!((status.as_u16(), retry_after.as_str()), (503, "1"));
        assert!(detail.contains("made as a whole, or not at all"), "{detail}");
        assert!(detail.contains("Read the datastore, or search the list"), "{detail}");
        assert!(!detail.contains("secret"), "{detail}");
    }

    #[test]
    fn t39_what_is_wrong_with_the_storage_is_told_and_nothing_else() {
        let fault = Error::Unavailable(Box::new(StorageFault::NoSpace));
        let (_, _, detail) = storage(fault);
        assert_eq!(
            detail,
            "The storage cannot be used as it should: no space is left on its disk."
        );
        let (_, _, detail) = storage(Error::Unavailable(Box::new(StorageBusy)));
        assert_eq!(detail, "Too many callers use the storage; try again.");
        let (_, _, detail) = storage(Error::Unavailable("no route to db.internal".into()));
        assert_eq!(detail, "The storage does not answer; try again.");
    }
}
