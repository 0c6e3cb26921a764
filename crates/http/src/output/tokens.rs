//! Tokens as admins read them.

use super::Time;
use datastore_application::NewToken;
use datastore_domain::{AccessToken, TokenRecord};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A token, without what its holder presents.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenOutput {
    id: i64,
    name: String,
    /// `viewer`, `matcher`, `editor` or `admin`.
    role: &'static str,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    created_at: Time,
    /// From when on it counts no more; null for never.
    #[schema(value_type = Option<String>, required)]
    expires_at: Option<Time>,
    /// Null while it is not revoked.
    #[schema(value_type = Option<String>, required)]
    revoked_at: Option<Time>,
}

impl From<TokenRecord> for TokenOutput {
    fn from(record: TokenRecord) -> Self {
        Self {
            id: record.id.0,
            name: record.name.to_string(),
            role: record.role.as_str(),
            created_at: Time(record.created_at),
            expires_at: record.expires_at.map(Time),
            revoked_at: record.revoked_at.map(Time),
        }
    }
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewToken)]
pub(crate) struct NewTokenOutput {
    #[serde(flatten)]
    record: TokenOutput,
    /// What its holder presents; shown this once.
    #[serde(serialize_with = "in_the_clear")]
    #[schema(value_type = String)]
    token: AccessToken,
}

fn in_the_clear<S: Serializer>(token: &AccessToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

impl From<NewToken> for NewTokenOutput {
    fn from(new: NewToken) -> Self {
        Self { record: new.record.into(), token: new.token }
    }
}

/// A page of tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes an `Envelope` in the OpenAPI document")]
pub(crate) struct TokenPage {
    /// Rows on all pages.
    count: u64,
    /// Absolute URL of the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
    /// Absolute URL of the previous page; null on the first.
    #[schema(required)]
    previous: Option<String>,
    /// The rows of this page, by number.
    results: Vec<TokenOutput>,
}
