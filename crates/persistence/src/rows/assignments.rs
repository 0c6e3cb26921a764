//! Rows of `assignments`.

use super::Origin;
use crate::schema::assignments;
use datastore_domain::{
    Assignment, AssignmentPeriod, DatasetId, DatasetName, DatastoreId, TokenName,
};
use datastore_ports::RepositoryError;
use diesel::prelude::{Insertable, Queryable, Selectable};

/// An assignment as read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = assignments)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct AssignmentRow {
    pub(crate) id: i64,
    pub(crate) datastore_id: i64,
    dataset_id: String,
    name: Option<String>,
    assigned_at: i64,
    assigned_by: String,
}

/// An assignment and its end as read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = assignments)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct PeriodRow {
    #[diesel(embed)]
    assignment: AssignmentRow,
    released_at: Option<i64>,
}

/// An assignment that begins.
#[derive(Insertable)]
#[diesel(table_name = assignments)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewAssignment<'a> {
    datastore_id: i64,
    dataset_id: &'a str,
    name: Option<&'a str>,
    assigned_at: i64,
    assigned_by: &'a str,
}

impl<'a> NewAssignment<'a> {
    pub(crate) fn new(datastore: DatastoreId, assignment: &'a Assignment) -> Self {
        Self {
            datastore_id: datastore.get(),
            dataset_id: assignment.dataset.as_str(),
            name: assignment.name.as_ref().map(DatasetName::as_str),
            assigned_at: assignment.assigned_at.as_micros(),
            assigned_by: assignment.assigned_by.as_str(),
        }
    }
}

impl AssignmentRow {
    /// The datastore that the dataset lives in.
    pub(crate) fn datastore(&self) -> Result<DatastoreId, RepositoryError> {
        DatastoreId::new(self.datastore_id).ok_or(self.origin().corrupt("datastore_id"))
    }

    fn origin(&self) -> Origin {
        Origin { table: "assignments", id: self.id }
    }
}

impl TryFrom<AssignmentRow> for Assignment {
    type Error = RepositoryError;

    fn try_from(row: AssignmentRow) -> Result<Self, RepositoryError> {
        let origin = row.origin();
        let name = row.name.as_deref().map(DatasetName::try_from).transpose();
        let assigned_by = TokenName::try_from(row.assigned_by.as_str());
        Ok(Self {
            dataset: origin.parse("dataset_id", DatasetId::try_from(row.dataset_id.as_str()))?,
            name: origin.parse("name", name)?,
            assigned_at: origin.time("assigned_at", row.assigned_at)?,
            assigned_by: origin.parse("assigned_by", assigned_by)?,
        })
    }
}

impl TryFrom<PeriodRow> for AssignmentPeriod {
    type Error = RepositoryError;

    fn try_from(row: PeriodRow) -> Result<Self, RepositoryError> {
        let released_at = row.assignment.origin().optional_time("released_at", row.released_at)?;
        Ok(Self { assignment: row.assignment.try_into()?, released_at })
    }
}
