//! The registry's central record.

use crate::{
    Classification, Description, MaxConnections, Measure, Name, SealedConnection, Timestamp,
};
use std::fmt;

/// Number of a datastore: positive, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatastoreId(i64);

impl DatastoreId {
    /// The id, when the number is positive.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for DatastoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// UUID (version 4) of a datastore's record, known before the record is stored; sealed values are
/// bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// Makes an id of random bytes, by RFC 9562 section 5.4.
    #[must_use]
    pub fn from_entropy(random: [u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&random[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// An id as stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Counts the writes of a record, from 1; without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// The version of a new record.
    pub const FIRST: Self = Self(1);

    /// A version as stored; `None` unless positive.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a datastore is, apart from how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Name, unique among the datastores that are not deleted.
    pub name: Name,
    /// Type and system.
    pub classification: Classification,
    /// Capabilities and use cases.
    pub description: Description,
    /// Whether it is available for matching.
    pub is_active: bool,
    /// Greatest number of connections.
    pub max_connections: Option<MaxConnections>,
    /// Average response time in milliseconds, as declared.
    pub avg_response_time_ms: Option<Measure>,
    /// Storage capacity in gigabytes, as declared.
    pub storage_capacity_gb: Option<Measure>,
}

/// A registered datastore.
#[derive(Clone, Debug, PartialEq)]
pub struct Datastore {
    /// Number, for clients.
    pub id: DatastoreId,
    /// UUID that sealed values are bound to.
    pub record: RecordId,
    /// Counts writes.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted; `None` while it lives.
    pub deleted_at: Option<Timestamp>,
    /// What it is.
    pub profile: Profile,
    /// How it is reached.
    pub connection: SealedConnection,
}

/// The datastore is deleted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the datastore is deleted already")]
pub struct AlreadyDeleted;

/// The datastore is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the datastore is not deleted")]
pub struct NotDeleted;

impl Datastore {
    /// This datastore as deleted at `now`: one version on, everything else kept for the history.
    ///
    /// # Errors
    ///
    /// [`AlreadyDeleted`] the second time.
    pub fn delete(&self, now: Timestamp) -> Result<Self, AlreadyDeleted> {
        if self.deleted_at.is_some() {
            return Err(AlreadyDeleted);
        }
        // A clock that was set back must not make the end older than the last change.
        let deleted_at = Some(now.max(self.updated_at));
        Ok(Self { version: self.version.next(), deleted_at, ..self.clone() })
    }

    /// This datastore as restored at `now`: one version on, everything as it was when it was
    /// deleted.
    ///
    /// # Errors
    ///
    /// [`NotDeleted`] when it lives.
    pub fn restore(&self, now: Timestamp) -> Result<Self, NotDeleted> {
        if self.deleted_at.is_none() {
            return Err(NotDeleted);
        }
        Ok(Self {
            version: self.version.next(),
            updated_at: now.max(self.updated_at),
            deleted_at: None,
            ..self.clone()
        })
    }
}
