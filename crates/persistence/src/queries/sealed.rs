//! Sealed values, for the key ring. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::Conn;
use crate::error::Failure;
use crate::schema::{datastores, sealed_canary};
use diesel::dsl::exists;
use diesel::prelude::*;

/// The canary's only row.
const CANARY: i32 = 1;

/// Every datastore, deleted or not, holds one sealed value.
pub(crate) fn has_any(conn: &mut Conn) -> Result<bool, Failure> {
    let datastores =
        diesel::select(exists(datastores::table.select(datastores::id))).get_result(conn)?;
    Ok(datastores || canary(conn)?.is_some())
}

pub(crate) fn canary(conn: &mut Conn) -> Result<Option<Vec<u8>>, Failure> {
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

/// A datastore's id, sealed password and sealed connection string, one of which is there.
pub(crate) type SealedRow = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// The next rows after `after`, by id, deleted ones too.
pub(crate) fn values_after(
    conn: &mut Conn,
    after: i64,
    limit: i64,
) -> Result<Vec<SealedRow>, Failure> {
    let rows = datastores::table
        .filter(datastores::id.gt(after))
        .select((datastores::id, datastores::password_sealed, datastores::connection_string_sealed))
        .order(datastores::id)
        .limit(limit);
    Ok(rows.load(conn)?)
}
