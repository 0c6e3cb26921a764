//! Datasets that live in a datastore.

use super::Time;
use datastore_domain::{Assignment, AssignmentPeriod};
use serde::Serialize;
use utoipa::ToSchema;

/// A dataset that lives in a datastore.
#[derive(Serialize, ToSchema)]
#[schema(as = Assignment)]
pub(crate) struct AssignmentOutput {
    dataset_id: String,
    #[schema(required)]
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

/// A dataset that lives in a datastore, or lived there.
#[derive(Serialize, ToSchema)]
#[schema(as = AssignmentPeriod)]
pub(crate) struct AssignmentPeriodOutput {
    #[serde(flatten)]
    assignment: AssignmentOutput,
    /// RFC 3339, UTC; null while it lives there.
    #[schema(value_type = Option<String>, required)]
    released_at: Option<Time>,
}

impl From<AssignmentPeriod> for AssignmentPeriodOutput {
    fn from(period: AssignmentPeriod) -> Self {
        Self { assignment: period.assignment.into(), released_at: period.released_at.map(Time) }
    }
}

/// A page of past and present assignments.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct AssignmentPeriodPage {
    /// Rows on all pages.
    count: u64,
    /// Absolute URL of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
    /// Absolute URL of the previous page; null on the first.
    #[schema(required)]
    previous: Option<String>,
    /// The rows of this page.
    results: Vec<AssignmentPeriodOutput>,
}

/// A page of datasets.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct AssignmentPage {
    /// Rows on all pages.
    count: u64,
    /// Absolute URL of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
    /// Absolute URL of the previous page; null on the first.
    #[schema(required)]
    previous: Option<String>,
    /// The rows of this page.
    results: Vec<AssignmentOutput>,
}
