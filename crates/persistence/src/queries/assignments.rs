//! Assignments of datasets. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, history, lock_living, snapshot, transaction, violates};
use crate::assignments::Wish;
use crate::error::Failure;
use crate::pages::{numbered, offset};
use crate::rows::{AssignmentRow, NewAssignment, NewHistory, PeriodRow};
use crate::schema::{CURRENT_DATASET, assignments, current};
use datastore_domain::{Assignment, DatasetId, DatastoreId, PageRequest, Timestamp};
use datastore_ports::{AssignOutcome, AssignmentError, Page, RepositoryError};
use diesel::prelude::*;

type AssignFailure = Failure<AssignmentError>;

/// How often an assignment is tried when another one of the same dataset came in between, which
/// the next attempt then sees, and how often an attempt looks where the dataset lives. Only
/// PostgreSQL lets two of them begin at the same moment.
const ATTEMPTS: usize = 5;

pub(crate) fn assign(
    conn: &mut Conn,
    wish: &Wish,
    entry: &NewHistory,
) -> Result<AssignOutcome, AssignFailure> {
    let mut attempt = 1;
    loop {
        match transaction(conn, |conn| try_assign(conn, wish, entry)) {
            Err(Failure::BeforeCommit(error))
                if attempt < ATTEMPTS && violates(&error, CURRENT_DATASET) =>
            {
                attempt += 1;
            }
            result => return result,
        }
    }
}

fn try_assign(
    conn: &mut Conn,
    wish: &Wish,
    entry: &NewHistory,
) -> Result<AssignOutcome, AssignFailure> {
    let Some((_, is_active)) = lock_living(conn, wish.datastore)? else {
        return Err(Failure::Refused(AssignmentError::NoDatastore));
    };
    for _ in 0..ATTEMPTS {
        let lives = current()
            .filter(assignments::dataset_id.eq(wish.assignment.dataset.as_str()))
            .select(AssignmentRow::as_select())
            .get_result(conn)
            .optional()?;
        match lives {
            Some(here) if here.datastore_id == wish.datastore.get() => {
                return rename(conn, here, wish, entry);
            }
            _ if !is_active => return Err(Failure::Refused(AssignmentError::Inactive)),
            Some(elsewhere) if !wish.move_here => {
                let datastore = elsewhere.datastore()?;
                return Err(Failure::Refused(AssignmentError::AssignedElsewhere { datastore }));
            }
            // When nothing ends it was released or moved on at this moment: look again.
            Some(elsewhere) => {
                if end(conn, elsewhere.id, wish.assignment.assigned_at)? > 0 {
                    return take_over(conn, elsewhere, wish, entry);
                }
            }
            None => return begin(conn, wish, entry),
        }
    }
    Err(RepositoryError::VersionConflict.into())
}

/// Begins the assignment of a dataset that has just left another datastore.
fn take_over(
    conn: &mut Conn,
    elsewhere: AssignmentRow,
    wish: &Wish,
    entry: &NewHistory,
) -> Result<AssignOutcome, AssignFailure> {
    let left = entry.of_leaving(elsewhere.datastore_id, &wish.assignment.dataset);
    history::write(conn, &left)?;
    let known = Assignment::try_from(elsewhere)?.name;
    begin(conn, &wish.with_name(known), entry)
}

/// Takes over a name that is given and differs.
fn rename(
    conn: &mut Conn,
    here: AssignmentRow,
    wish: &Wish,
    entry: &NewHistory,
) -> Result<AssignOutcome, AssignFailure> {
    let id = here.id;
    let mut kept = Assignment::try_from(here)?;
    let other = wish.assignment.name.as_ref().filter(|name| kept.name.as_ref() != Some(name));
    if let Some(name) = other {
        diesel::update(assignments::table.find(id))
            .set(assignments::name.eq(name.as_str()))
            .execute(conn)?;
        history::write(conn, &entry.of_renaming(&kept, name))?;
        kept.name = Some(name.clone());
    }
    Ok(AssignOutcome::AlreadyHere(kept))
}

fn end(conn: &mut Conn, assignment: i64, at: Timestamp) -> QueryResult<usize> {
    diesel::update(current().filter(assignments::id.eq(assignment)))
        .set(assignments::released_at.eq(at.as_micros()))
        .execute(conn)
}

fn begin(conn: &mut Conn, wish: &Wish, entry: &NewHistory) -> Result<AssignOutcome, AssignFailure> {
    diesel::insert_into(assignments::table)
        .values(NewAssignment::new(wish.datastore, &wish.assignment))
        .execute(conn)?;
    history::write(conn, entry)?;
    Ok(AssignOutcome::Assigned(wish.assignment.clone()))
}

pub(crate) fn release(
    conn: &mut Conn,
    datastore: DatastoreId,
    dataset: &DatasetId,
    at: Timestamp,
    entry: &NewHistory,
) -> Result<(), AssignFailure> {
    transaction(conn, |conn| {
        if lock_living(conn, datastore)?.is_none() {
            return Err(Failure::Refused(AssignmentError::NoDatastore));
        }
        let here = current()
            .filter(assignments::datastore_id.eq(datastore.get()))
            .filter(assignments::dataset_id.eq(dataset.as_str()));
        let ended =
            diesel::update(here).set(assignments::released_at.eq(at.as_micros())).execute(conn)?;
        if ended == 0 {
            return Err(Failure::Refused(AssignmentError::NotAssigned));
        }
        Ok(history::write(conn, entry)?)
    })
}

pub(crate) fn current_page(
    conn: &mut Conn,
    datastore: DatastoreId,
    page: PageRequest,
) -> Result<Page<AssignmentRow>, Failure> {
    let here = || current().filter(assignments::datastore_id.eq(datastore.get()));
    snapshot(conn, |conn| {
        let rows = here()
            .select(AssignmentRow::as_select())
            .order((assignments::assigned_at, assignments::id))
            .limit(page.size.into())
            .offset(offset(page))
            .load(conn)?;
        Ok(numbered(page, rows, || here().count().get_result(conn))?)
    })
}

pub(crate) fn history_page(
    conn: &mut Conn,
    datastore: DatastoreId,
    page: PageRequest,
) -> Result<Page<PeriodRow>, Failure> {
    let here = || assignments::table.filter(assignments::datastore_id.eq(datastore.get()));
    snapshot(conn, |conn| {
        let rows = here()
            .select(PeriodRow::as_select())
            .order((assignments::assigned_at.desc(), assignments::id.desc()))
            .limit(page.size.into())
            .offset(offset(page))
            .load(conn)?;
        Ok(numbered(page, rows, || here().count().get_result(conn))?)
    })
}
