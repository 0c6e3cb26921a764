//! Sealed values, for the key ring. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, KEY_IDS, has_table};
use crate::error::Failure;
use crate::schema::{datastores, sealed_canary};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};

/// The canary's only row.
const CANARY: i32 = 1;

/// A database without tables holds nothing sealed; one with tables has had these since the first
/// migration. So keys can be checked before the schema is brought up to date.
fn has_tables(conn: &mut Conn) -> Result<bool, Failure> {
    Ok(has_table(conn, "sealed_canary")?)
}

/// Every datastore, deleted or not, holds one sealed value.
pub(crate) fn has_any(conn: &mut Conn) -> Result<bool, Failure> {
    if !has_tables(conn)? {
        return Ok(false);
    }
    let datastores =
        diesel::select(exists(datastores::table.select(datastores::id))).get_result(conn)?;
    Ok(datastores || canary(conn)?.is_some())
}

pub(crate) fn canary(conn: &mut Conn) -> Result<Option<Vec<u8>>, Failure> {
    if !has_tables(conn)? {
        return Ok(None);
    }
    let canary = sealed_canary::table.find(CANARY).select(sealed_canary::sealed);
    Ok(canary.get_result(conn).optional()?)
}

pub(crate) fn put_canary_if_absent(conn: &mut Conn, sealed: &[u8]) -> Result<(), Failure> {
    diesel::insert_into(sealed_canary::table)
        .values((sealed_canary::id.eq(CANARY), sealed_canary::sealed.eq(sealed)))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(())
}

/// How many sealed values name a key, by its id; those too short to name one under `None`.
pub(crate) type KeyCount = (Option<Vec<u8>>, i64);

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Nullable<Binary>)]
    key_id: Option<Vec<u8>>,
    #[diesel(sql_type = BigInt)]
    secrets: i64,
}

/// The database takes the ids out of the values and counts: no value is handed over.
pub(crate) fn key_ids(conn: &mut Conn) -> Result<Vec<KeyCount>, Failure> {
    if !has_tables(conn)? {
        return Ok(Vec::new());
    }
    let rows: Vec<KeyRow> = diesel::sql_query(KEY_IDS).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.secrets)).collect())
}
