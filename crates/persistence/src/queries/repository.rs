//! Commands and look-ups of datastores. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, TAKE_ROOM, history, lock_deleted, lock_living, transaction, violates};
use crate::error::Failure;
use crate::repository::Turn;
use crate::rows::{DatastoreRow, NewHistory, WrittenDatastore};
use crate::schema::{LIVING_NAME, assignments, current, datastores, living, tokens};
use datastore_domain::{DatastoreId, RecordId, Timestamp, Version};
use datastore_ports::RepositoryError;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

/// Most ids that [`RepositoryError::InUse`] names.
const NAMED_DATASETS: i64 = 10;

pub(crate) fn insert(
    conn: &mut Conn,
    record: RecordId,
    created_at: Timestamp,
    written: &WrittenDatastore,
    entry: &NewHistory,
) -> Result<i64, Failure> {
    transaction(conn, |conn| {
        let id: i64 = diesel::insert_into(datastores::table)
            .values((
                datastores::record.eq(&record.as_bytes()[..]),
                datastores::created_at.eq(created_at.as_micros()),
                written,
            ))
            .returning(datastores::id)
            .get_result(conn)
            .map_err(name_taken)?;
        history::write(conn, &entry.clone().of(id, Some(Version::FIRST)))?;
        Ok(id)
    })
}

pub(crate) fn find(conn: &mut Conn, id: DatastoreId) -> Result<Option<DatastoreRow>, Failure> {
    let row = living().filter(datastores::id.eq(id.get())).select(DatastoreRow::as_select());
    Ok(row.get_result(conn).optional()?)
}

pub(crate) fn find_any(conn: &mut Conn, id: DatastoreId) -> Result<Option<DatastoreRow>, Failure> {
    let row = datastores::table.find(id.get()).select(DatastoreRow::as_select());
    Ok(row.get_result(conn).optional()?)
}

pub(crate) fn update(
    conn: &mut Conn,
    id: DatastoreId,
    expected: Version,
    written: &WrittenDatastore,
    entry: &NewHistory,
) -> Result<(), Failure> {
    transaction(conn, |conn| {
        let row = living()
            .filter(datastores::id.eq(id.get()))
            .filter(datastores::version.eq(expected.get()));
        let changed = diesel::update(row).set(written).execute(conn).map_err(name_taken)?;
        if changed == 0 {
            let row = living().filter(datastores::id.eq(id.get())).select(datastores::id);
            let lives = row.get_result::<i64>(conn).optional()?.is_some();
            return Err(Failure::Refused(if lives {
                RepositoryError::VersionConflict
            } else {
                RepositoryError::NotFound
            }));
        }
        Ok(history::write(conn, entry)?)
    })
}

pub(crate) fn delete(conn: &mut Conn, turn: Turn, entry: &NewHistory) -> Result<(), Failure> {
    transaction(conn, |conn| {
        // Whoever assigns takes the same lock: an assignment is either counted here, or comes
        // after the deletion and finds nothing.
        let version = lock_living(conn, turn.id)?.map(|(version, _)| version);
        refuse_other_version(version, turn)?;
        refuse_if_in_use(conn, turn.id)?;
        Ok(write_turn(conn, turn, entry)?)
    })
}

pub(crate) fn restore(conn: &mut Conn, turn: Turn, entry: &NewHistory) -> Result<(), Failure> {
    transaction(conn, |conn| {
        let version = lock_deleted(conn, turn.id)?;
        refuse_other_version(version, turn)?;
        write_turn(conn, turn, entry).map_err(name_taken)
    })
}

/// `version` is that of the locked row, if there is one.
fn refuse_other_version(version: Option<i64>, turn: Turn) -> Result<(), Failure> {
    match version {
        None => Err(Failure::Refused(RepositoryError::NotFound)),
        Some(version) if version != turn.expected.get() => {
            Err(Failure::Refused(RepositoryError::VersionConflict))
        }
        Some(_) => Ok(()),
    }
}

/// Changes the locked row.
fn write_turn(conn: &mut Conn, turn: Turn, entry: &NewHistory) -> QueryResult<()> {
    diesel::update(datastores::table.find(turn.id.get()))
        .set((
            datastores::version.eq(turn.version.get()),
            datastores::updated_at.eq(turn.updated_at.as_micros()),
            datastores::deleted_at.eq(turn.deleted_at.map(Timestamp::as_micros)),
        ))
        .execute(conn)?;
    history::write(conn, entry)
}

fn refuse_if_in_use(conn: &mut Conn, id: DatastoreId) -> Result<(), Failure> {
    let here = || current().filter(assignments::datastore_id.eq(id.get()));
    let count: i64 = here().count().get_result(conn)?;
    if count == 0 {
        return Ok(());
    }
    let datasets = here()
        .select(assignments::dataset_id)
        .order(assignments::dataset_id)
        .limit(NAMED_DATASETS)
        .load(conn)?;
    Err(Failure::Refused(RepositoryError::InUse { datasets, count: count.unsigned_abs() }))
}

/// Reads a page of the file, or asks the server: `SELECT 1` alone would touch no file.
pub(crate) fn ping(conn: &mut Conn) -> Result<(), Failure> {
    let newest = tokens::table.select(tokens::id).order(tokens::id.desc());
    newest.first::<i64>(conn).optional()?;
    Ok(())
}

/// Writes as the others do, who may need room, and changes nothing.
pub(crate) fn touch(conn: &mut Conn) -> Result<(), Failure> {
    use crate::schema::__diesel_schema_migrations as migrations;
    transaction(conn, |conn| {
        conn.batch_execute(TAKE_ROOM)?;
        let same = migrations::version.eq(migrations::version);
        diesel::update(migrations::table).set(same).execute(conn)?;
        Ok(())
    })
}

fn name_taken(error: diesel::result::Error) -> Failure {
    if violates(&error, LIVING_NAME) {
        return Failure::Refused(RepositoryError::NameTaken);
    }
    error.into()
}
