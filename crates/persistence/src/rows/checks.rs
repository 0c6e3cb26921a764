//! Rows of `checks`.

use super::Origin;
use crate::schema::checks;
use datastore_domain::{Check, DatastoreId, FailureCode, Step};
use datastore_ports::RepositoryError;
use diesel::prelude::{Insertable, Queryable, Selectable};

/// A check as read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = checks)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct CheckRow {
    id: i64,
    at: i64,
    failed_step: Option<String>,
    failure_code: Option<String>,
    response_time_ms: Option<f64>,
}

/// A check as recorded.
#[derive(Insertable)]
#[diesel(table_name = checks)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewCheck {
    datastore_id: i64,
    at: i64,
    failed_step: Option<&'static str>,
    failure_code: Option<&'static str>,
    response_time_ms: Option<f64>,
}

impl NewCheck {
    pub(crate) fn new(datastore: DatastoreId, check: &Check) -> Self {
        Self {
            datastore_id: datastore.get(),
            at: check.at.as_micros(),
            failed_step: check.failure.map(|(step, _)| step.as_str()),
            failure_code: check.failure.map(|(_, code)| code.as_str()),
            response_time_ms: check.response_time_ms,
        }
    }
}

impl TryFrom<CheckRow> for Check {
    type Error = RepositoryError;

    fn try_from(row: CheckRow) -> Result<Self, RepositoryError> {
        let origin = Origin { table: "checks", id: row.id };
        let step = row.failed_step.as_deref().map(|name| {
            let step = Step::ALL.into_iter().find(|step| step.as_str() == name);
            step.ok_or(origin.corrupt("failed_step"))
        });
        let code = row.failure_code.as_deref().map(|name| {
            let code = FailureCode::ALL.into_iter().find(|code| code.as_str() == name);
            code.ok_or(origin.corrupt("failure_code"))
        });
        Ok(Self {
            at: origin.time("at", row.at)?,
            failure: step.transpose()?.zip(code.transpose()?),
            response_time_ms: row.response_time_ms,
        })
    }
}
