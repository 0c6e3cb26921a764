//! What callers see of a datastore: never a secret, connection details only in roles that see them.

use datastore_domain::{
    Anchor, DatabaseName, Datastore, DatastoreId, Host, Ordering, Port, Profile, SealedConnection,
    Timestamp, TlsMode, Username, Version,
};

/// A datastore as a caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct DatastoreView {
    /// Number.
    pub id: DatastoreId,
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
    /// How it is reached; `None` for roles that do not see it.
    pub connection: Option<ConnectionView>,
}

/// How a datastore is reached, without its secret.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the members are those of `ConnectionParts`")]
pub enum ConnectionView {
    /// By parts; the password is stored and not shown.
    Parts {
        host: Host,
        port: Port,
        username: Username,
        database: Option<DatabaseName>,
        tls: TlsMode,
    },
    /// By connection string, masked.
    Uri { mask: String },
}

impl DatastoreView {
    pub(crate) fn new(datastore: Datastore, with_connection: bool) -> Self {
        let connection = with_connection.then(|| datastore.connection.into());
        Self {
            id: datastore.id,
            version: datastore.version,
            created_at: datastore.created_at,
            updated_at: datastore.updated_at,
            deleted_at: datastore.deleted_at,
            profile: datastore.profile,
            connection,
        }
    }

    /// Its place in an ordering.
    #[must_use]
    pub fn anchor(&self, ordering: &[Ordering]) -> Anchor {
        Anchor::at(self.id, self.created_at, &self.profile, ordering)
    }
}

impl From<SealedConnection> for ConnectionView {
    fn from(connection: SealedConnection) -> Self {
        match connection {
            SealedConnection::Parts { host, port, username, database, tls, password: _ } => {
                Self::Parts { host, port, username, database, tls }
            }
            SealedConnection::Uri { mask, sealed: _ } => Self::Uri { mask },
        }
    }
}
