//! What happened to a record, by whom.

use crate::{DatasetId, DatastoreId, Field, Timestamp, TokenId, TokenName, Version};

/// Every action, with its name in JSON and in the database.
macro_rules! actions {
    ($($action:ident = $name:literal;)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Action { $($action),+ }

        impl Action {
            /// All actions.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$action),+];

            /// The name in JSON and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$action => $name),+ }
            }
        }
    };
}

actions! {
    Create = "create";
    Update = "update";
    Delete = "delete";
    Restore = "restore";
    Assign = "assign";
    Release = "release";
    DatasetRename = "dataset_rename";
    TokenCreate = "token_create";
    TokenRevoke = "token_revoke";
    ConnectionTest = "connection_test";
    Refused = "refused";
}

/// A value before or after a change.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the kinds of JSON values")]
pub enum HistoryValue {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

/// How one member changed.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldChange {
    /// A secret: that it was written is all that is recorded.
    Secret,
    /// Any other value.
    Value {
        /// Before.
        from: HistoryValue,
        /// After.
        to: HistoryValue,
    },
}

/// One member's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Name of the member: that of a [`Field`], or `dataset_id`, `role` and the like.
    pub member: &'static str,
    /// How it changed.
    pub change: FieldChange,
}

impl Change {
    pub(crate) fn value(field: Field, from: HistoryValue, to: HistoryValue) -> Option<Self> {
        (from != to).then(|| Self { member: field.name(), change: FieldChange::Value { from, to } })
    }

    pub(crate) fn secret(field: Field) -> Self {
        Self { member: field.name(), change: FieldChange::Secret }
    }

    /// Something that now exists, or, the other way round, no longer does.
    #[must_use]
    pub fn text(member: &'static str, from: Option<&str>, to: Option<&str>) -> Self {
        let value = |text: Option<&str>| {
            text.map_or(HistoryValue::Null, |text| HistoryValue::Text(text.to_owned()))
        };
        Self { member, change: FieldChange::Value { from: value(from), to: value(to) } }
    }

    /// Another name for a dataset, which stays where it is.
    #[must_use]
    pub fn dataset_name(dataset: &DatasetId, from: Option<&str>, to: Option<&str>) -> [Self; 2] {
        let id = Some(dataset.as_str());
        [Self::text("dataset_id", id, id), Self::text("dataset_name", from, to)]
    }

    /// The token that counts from now on, or, the other way round, no longer: by its number, as
    /// several may have one name.
    #[must_use]
    pub fn token(from: Option<TokenId>, to: Option<TokenId>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "numbers of tokens stay far below 2^53")]
        let value = |id: Option<TokenId>| {
            id.map_or(HistoryValue::Null, |id| HistoryValue::Number(id.0 as f64))
        };
        let change = FieldChange::Value { from: value(from), to: value(to) };
        Self { member: "token_id", change }
    }
}

/// Id of the request that caused an entry: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The id, when `text` is 1 to 128 visible ASCII characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One entry of the history, written in the same transaction as the change, if it tells of one.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// Name of the token that acted, or of the command.
    pub actor: TokenName,
    /// What was done.
    pub action: Action,
    /// To which datastore; `None` before a new one has its number, for what is not saved, and for
    /// tokens.
    pub datastore: Option<DatastoreId>,
    /// The record's version after it; `None` where no version counts.
    pub version: Option<Version>,
    /// What changed, in the order of the members.
    pub changes: Vec<Change>,
    /// The request that caused it; `None` for commands.
    pub request_id: Option<RequestId>,
}

/// Number of a history entry, in the order of recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub i64);

/// An entry of the history as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEntry {
    /// Number.
    pub id: EntryId,
    /// When.
    pub at: Timestamp,
    /// Name of the token that acted, or of the command.
    pub actor: TokenName,
    /// What was done: the name of an [`Action`], or of one that only a newer program knows.
    pub action: String,
    /// To which datastore; `None` for what is not saved, and for tokens.
    pub datastore: Option<DatastoreId>,
    /// The record's version after it; `None` where no version counts.
    pub version: Option<Version>,
    /// What changed, as it was written down: a JSON object such as
    /// `{"port":{"from":5432,"to":5433},"password":"changed"}`, in the order of the members.
    pub changes: String,
    /// The request that caused it; `None` for commands.
    pub request_id: Option<RequestId>,
}

/// Which entries; `None` filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Of this datastore, deleted or not.
    pub datastore: Option<DatastoreId>,
    /// By this actor.
    pub actor: Option<TokenName>,
    /// Of this kind.
    pub action: Option<Action>,
    /// Without connection tests, of which there may be far more than changes.
    pub without_tests: bool,
}
