//! Datasets that live in a datastore.

use super::Time;
use datastore_domain::Assignment;
use serde::Serialize;
use utoipa::ToSchema;

/// A dataset that lives in a datastore.
#[derive(Serialize, ToSchema)]
#[schema(as = Assignment)]
pub(crate) struct AssignmentOutput {
    dataset_id: String,
    name: Option<String>,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    assigned_at: Time,
    /// Name of the token that assigned it.
    assigned_by: String,
}

impl From<Assignment> for AssignmentOutput {
    fn from(assignment: Assignment) -> Self {
        Self {
            dataset_id: assignment.dataset.to_string(),
            name: assignment.name.map(|name| name.to_string()),
            assigned_at: Time(assignment.assigned_at),
            assigned_by: assignment.assigned_by.to_string(),
        }
    }
}

/// A page of datasets.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct AssignmentPage {
    /// Rows on all pages.
    count: u64,
    /// Absolute URL of the next page.
    next: Option<String>,
    /// Absolute URL of the previous page.
    previous: Option<String>,
    /// The rows of this page.
    results: Vec<AssignmentOutput>,
}
