//! Datasets, as far as this service knows them: by id, with the datastore they live in.

use crate::{TextError, Timestamp, TokenName, ViolationCode};
use std::fmt;

crate::text::text_value! {
    /// Id of a dataset in the catalogue of datasets: 1 to 128 of `A-Za-z0-9._-`, not `.` or `..`.
    DatasetId
}

impl TryFrom<&str> for DatasetId {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(allowed);
        if fits && text != "." && text != ".." {
            return Ok(Self(text.to_owned()));
        }
        Err(TextError {
            code: ViolationCode::InvalidFormat,
            detail: "Must be 1 to 128 characters of A-Z, a-z, 0-9, '.', '_' and '-'.".to_owned(),
        })
    }
}

crate::text::text_value! {
    /// Name of a dataset, for people; the rules are those of a datastore's name.
    DatasetName
}

impl TryFrom<&str> for DatasetName {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        crate::Name::try_from(text).map(|name| Self(name.as_str().to_owned()))
    }
}

/// A dataset that lives, or lived, in a datastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The dataset.
    pub dataset: DatasetId,
    /// Its name, when the assigner gave one.
    pub name: Option<DatasetName>,
    /// Since when.
    pub assigned_at: Timestamp,
    /// Name of the token that assigned it.
    pub assigned_by: TokenName,
}

/// An assignment from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentPeriod {
    /// The assignment.
    pub assignment: Assignment,
    /// When it ended; `None` while it lasts.
    pub released_at: Option<Timestamp>,
}
