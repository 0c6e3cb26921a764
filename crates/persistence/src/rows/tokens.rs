//! Rows of `tokens`.

use super::Origin;
use crate::schema::tokens;
use datastore_domain::{Role, Timestamp, TokenDigest, TokenId, TokenName, TokenRecord};
use datastore_ports::RepositoryError;
use diesel::prelude::{Insertable, Queryable, Selectable};

/// A token as read, without its digest.
#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
#[diesel(check_for_backend(diesel::sqlite::Sqlite, diesel::pg::Pg))]
pub(crate) struct TokenRow {
    pub(crate) id: i64,
    name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// A token as made.
#[derive(Insertable)]
#[diesel(table_name = tokens)]
#[diesel(treat_none_as_default_value = false)]
pub(crate) struct NewToken {
    name: String,
    role: &'static str,
    digest: Vec<u8>,
    pub(crate) created_at: i64,
    expires_at: Option<i64>,
}

impl NewToken {
    pub(crate) fn new(
        name: &TokenName,
        role: Role,
        digest: TokenDigest,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self {
            name: name.as_str().to_owned(),
            role: role.as_str(),
            digest: digest.as_bytes().to_vec(),
            created_at: created_at.as_micros(),
            expires_at: expires_at.map(Timestamp::as_micros),
        }
    }
}

impl TryFrom<TokenRow> for TokenRecord {
    type Error = RepositoryError;

    fn try_from(row: TokenRow) -> Result<Self, RepositoryError> {
        let origin = Origin { table: "tokens", id: row.id };
        Ok(Self {
            id: TokenId(row.id),
            name: origin.parse("name", TokenName::try_from(row.name.as_str()))?,
            role: origin.parse("role", row.role.parse())?,
            created_at: origin.time("created_at", row.created_at)?,
            expires_at: origin.optional_time("expires_at", row.expires_at)?,
            revoked_at: origin.optional_time("revoked_at", row.revoked_at)?,
        })
    }
}
