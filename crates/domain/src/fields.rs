//! Input as it arrives: every member may be absent, null, given, or of the wrong type.

use crate::Secret;

/// One member of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Member<T> {
    /// Not named.
    #[default]
    Absent,
    /// Named as null.
    Null,
    /// Named with a value of the right JSON type.
    Given(T),
    /// Named with a value of another JSON type.
    WrongType(Expected),
}

/// The JSON type that a member takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
}

impl Expected {
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Text => "Must be a string.",
            Self::Number => "Must be a number.",
            Self::Bool => "Must be true or false.",
        }
    }
}

impl<T> Member<T> {
    /// The value, when one was given.
    #[must_use]
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Null | Self::WrongType(_) => None,
        }
    }

    /// Whether the member names something: a value, or one of the wrong type.
    pub(crate) fn names_something(&self) -> bool {
        matches!(self, Self::Given(_) | Self::WrongType(_))
    }

    /// For a write that replaces: what is absent is null.
    pub(crate) fn absent_as_null(self) -> Self {
        match self {
            Self::Absent => Self::Null,
            other => other,
        }
    }
}

/// The writable members of a datastore, unchecked.
///
/// Numbers are `f64`: every whole number that a member may hold is exact in it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the members are described where they are checked: `Field`")]
pub struct DatastoreFields {
    pub name: Member<String>,
    pub r#type: Member<String>,
    pub system: Member<String>,
    pub description: Member<String>,
    pub server: Member<String>,
    pub port: Member<f64>,
    pub username: Member<String>,
    pub password: Member<Secret>,
    pub connection_string: Member<Secret>,
    pub is_active: Member<bool>,
    pub max_connections: Member<f64>,
    pub avg_response_time_ms: Member<f64>,
    pub storage_capacity_gb: Member<f64>,
    pub database: Member<String>,
    pub tls: Member<String>,
}
