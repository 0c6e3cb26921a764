//! Access tokens. Compiled for each database: see `sqlite.rs`, `postgres.rs`.

use super::{Conn, history, lock_new_tokens, snapshot, transaction};
use crate::error::Failure;
use crate::pages::{numbered, offset};
use crate::rows::{NewHistory, NewToken, TokenRow};
use crate::schema::tokens;
use datastore_domain::{Change, HistoryEntry, PageRequest, Timestamp, TokenDigest, TokenId};
use datastore_ports::{MOST_TOKENS, Page, RepositoryError};
use diesel::prelude::*;

pub(crate) fn insert(
    conn: &mut Conn,
    new: &NewToken,
    entry: &HistoryEntry,
) -> Result<TokenRow, Failure> {
    transaction(conn, |conn| {
        lock_new_tokens(conn)?;
        if valid_at(conn, new.created_at)? >= i64::from(MOST_TOKENS) {
            let limit = MOST_TOKENS;
            return Err(Failure::Refused(RepositoryError::TooManyTokens { limit }));
        }
        let row = diesel::insert_into(tokens::table)
            .values(new)
            .returning(TokenRow::as_returning())
            .get_result(conn)?;
        let mut entry = entry.clone();
        entry.changes.insert(0, Change::token(None, Some(TokenId(row.id))));
        history::write(conn, &NewHistory::new(&entry))?;
        Ok(row)
    })
}

fn valid_at(conn: &mut Conn, at: i64) -> QueryResult<i64> {
    tokens::table
        .filter(tokens::revoked_at.is_null())
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(at)))
        .count()
        .get_result(conn)
}

pub(crate) fn find(conn: &mut Conn, digest: TokenDigest) -> Result<Option<TokenRow>, Failure> {
    let row = tokens::table
        .filter(tokens::digest.eq(&digest.as_bytes()[..]))
        .select(TokenRow::as_select());
    Ok(row.get_result(conn).optional()?)
}

pub(crate) fn get(conn: &mut Conn, id: TokenId) -> Result<Option<TokenRow>, Failure> {
    Ok(tokens::table.find(id.0).select(TokenRow::as_select()).get_result(conn).optional()?)
}

pub(crate) fn list(conn: &mut Conn, page: PageRequest) -> Result<Page<TokenRow>, Failure> {
    snapshot(conn, |conn| {
        let rows = tokens::table
            .select(TokenRow::as_select())
            .order(tokens::id)
            .limit(page.size.into())
            .offset(offset(page))
            .load(conn)?;
        Ok(numbered(page, rows, || tokens::table.count().get_result(conn))?)
    })
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
