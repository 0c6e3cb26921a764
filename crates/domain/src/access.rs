//! Who acts, and in which role.

use crate::UnknownName;
use crate::{TokenId, TokenName};
use std::fmt;
use std::str::FromStr;

/// What the holder of a token may do; which role may do what is decided by the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads datastores without connection details.
    Viewer,
    /// A viewer that assigns and releases datasets.
    Matcher,
    /// A viewer that sees connection details and changes and tests datastores.
    Editor,
    /// May do all.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Matcher, Self::Editor, Self::Admin];

    /// The name in JSON, on the command line and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Matcher => "matcher",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// Whether the role may see where and as whom a datastore is reached (secrets stay masked).
    #[must_use]
    pub fn sees_connection_details(self) -> bool {
        match self {
            Self::Viewer | Self::Matcher => false,
            Self::Editor | Self::Admin => true,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|r| r.as_str() == name).ok_or(UnknownName)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The holder of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's number.
    pub token: TokenId,
    /// The token's name; what history entries call the actor.
    pub name: TokenName,
    /// The role.
    pub role: Role,
}
