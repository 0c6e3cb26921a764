//! Access tokens. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, history, transaction};
use crate::error::Failure;
use crate::rows::{NewHistory, NewToken, TokenRow};
use crate::schema::tokens;
use datastore_domain::{Timestamp, TokenDigest, TokenId};
use datastore_ports::RepositoryError;
use diesel::prelude::*;

pub(crate) fn insert(
    conn: &mut Conn,
    new: &NewToken,
    entry: &NewHistory,
) -> Result<TokenRow, Failure> {
    transaction(conn, |conn| {
        let row = diesel::insert_into(tokens::table)
            .values(new)
            .returning(TokenRow::as_returning())
            .get_result(conn)?;
        history::write(conn, entry)?;
        Ok(row)
    })
}

pub(crate) fn find(conn: &mut Conn, digest: TokenDigest) -> Result<Option<TokenRow>, Failure> {
    let row = tokens::table
        .filter(tokens::digest.eq(&digest.as_bytes()[..]))
        .select(TokenRow::as_select());
    Ok(row.get_result(conn).optional()?)
}

pub(crate) fn list(conn: &mut Conn) -> Result<Vec<TokenRow>, Failure> {
    Ok(tokens::table.select(TokenRow::as_select()).order(tokens::id).load(conn)?)
}

pub(crate) fn revoke(
    conn: &mut Conn,
    id: TokenId,
    at: Timestamp,
    entry: &NewHistory,
) -> Result<(), Failure> {
    transaction(conn, |conn| {
        let token = tokens::table.find(id.0);
        let revoked = diesel::update(token.filter(tokens::revoked_at.is_null()))
            .set(tokens::revoked_at.eq(at.as_micros()))
            .execute(conn)?;
        if revoked > 0 {
            return Ok(history::write(conn, entry)?);
        }
        match token.select(tokens::id).get_result::<i64>(conn).optional()? {
            Some(_) => Ok(()),
            None => Err(Failure::Refused(RepositoryError::NotFound)),
        }
    })
}
